import type { Scenario } from '../scenario.ts';

/** What the model `scripted` plays: it proposes the command of a prompt such as `sh: ls`, and otherwise says what it is. */
export const defaultScenario: Scenario = {
  steps: [
    {
      when: { mode: 'act', prompt: '/^sh: \\S/' },
      say: 'I propose that command.',
      calls: [{ tool: 'sh', input: { command: '{{prompt:/^sh: ([\\s\\S]+)/}}' } }],
    },
    {
      when: { prompt: '/^env: \\S/' },
      say: 'I propose that command.',
      calls: [{ tool: 'env', input: { command: '{{prompt:/^env: ([\\s\\S]+)/}}' } }],
    },
    { when: { mode: 'act', prompt: '/^sh: \\S/' }, say: 'This came of it:\n{{match}}' },
    { when: { prompt: '/^env: \\S/' }, say: 'This came of it:\n{{match}}' },
    {
      say: 'I am the scripted model: I play a scenario and think nothing. A prompt such as "sh: ls" makes me propose that command. You said: {{prompt}}',
    },
  ],
};
