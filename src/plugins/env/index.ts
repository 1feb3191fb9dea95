import type { Plugin } from '../../hooks/plugin.ts';

const DOC = `Runs a shell command that only looks and changes nothing: listing files, reading versions, searching. A person or a policy accepts it first.

\`command\` is a line for a POSIX shell, or an array, \`["grep", "-rn", "it's", "src"]\`: a program and its arguments, run without a shell,
so that nothing in it needs quotes and no pipe, glob or variable works. \`shell\`: "bash" is for lines in the language of bash.

Its output appears in two channels, \`env://turn_N/slug_1\` (stdout) and \`env://turn_N/slug_2\` (stderr); you are shown a digest of them,
and \`get\` reads the rest.

\`\`\`json
{"command": "git status --short && ls src"}
\`\`\`
`;

/** The tool \`env\`: a shell command for looking around. */
export const env: Plugin = {
  name: 'env',
  setup(context) {
    context.commandTool({ name: 'env', doc: DOC });
  },
};
