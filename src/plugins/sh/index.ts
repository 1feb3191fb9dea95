import type { Plugin } from '../../hooks/plugin.ts';

const DOC = `Runs a shell command in the project, after a person or a policy has accepted it. Use it for everything that changes something.

\`command\` is a line for a POSIX shell, or an array, \`["grep", "-rn", "it's", "src"]\`: a program and its arguments, run without a shell,
so that nothing in it needs quotes and no pipe, glob or variable works. \`shell\`: "bash" is for lines in the language of bash.

Its output appears in two channels, \`sh://turn_N/slug_1\` (stdout) and \`sh://turn_N/slug_2\` (stderr); you are shown a digest of them,
and \`get\` reads the rest. A command that takes longer than \`yield_ms\` goes on in the background; you are told when it has ended, and
\`wait\`, \`signal\`, \`input\` and \`cancel\` reach it. With \`wake\` true you are asked again when it has ended after you were done.

\`\`\`json
{"command": "npm test", "cwd": "packages/core", "yield_ms": 60000}
\`\`\`
`;

/** The tool \`sh\`: a shell command with side effects. */
export const sh: Plugin = {
  name: 'sh',
  setup(context) {
    context.commandTool({ name: 'sh', doc: DOC, traits: ['writes'] });
  },
};
