import type { Scenario } from '../scenario.ts';

/**
 * The command in the first line of a prompt, without what an editor puts behind it: further lines, and the files that it
 * mentions (SPEC {#acp_prompt}).
 */
function commandAfter(word: string): string {
  const mention = '@[a-z]+:\\/\\/\\S*(?: \\([^()]*\\))?';
  return `{{prompt:/^${word}: (.+?)(?:\\s*${mention})*\\s*$/m}}`;
}

/** What the model `scripted` plays: it proposes the first line of a prompt such as `sh: ls`, and otherwise says what it is. */
export const defaultScenario: Scenario = {
  steps: [
    {
      when: { mode: 'act', prompt: '/^sh: \\S/' },
      say: 'I propose that command.',
      calls: [{ tool: 'sh', input: { command: commandAfter('sh') } }],
    },
    {
      when: { prompt: '/^env: \\S/' },
      say: 'I propose that command.',
      calls: [{ tool: 'env', input: { command: commandAfter('env') } }],
    },
    { when: { mode: 'act', prompt: '/^sh: \\S/' }, say: 'This came of it:\n{{match}}' },
    { when: { prompt: '/^env: \\S/' }, say: 'This came of it:\n{{match}}' },
    {
      say: 'I am the scripted model: I play a scenario and think nothing. A prompt such as "sh: make test" makes me propose that command. For a real model: headgate models add NAME MODEL --base-url URL --key-env VAR, or --provider openai, anthropic, openrouter or ollama in place of the address. You said: {{prompt}}',
    },
  ],
};
