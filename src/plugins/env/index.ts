import type { Plugin } from '../../hooks/plugin.ts';

/** Tool `env`: a shell command that only looks; the one command tool of `ask`. */
export const env: Plugin = {
  name: 'env',
  setup: (context) =>
    context.commandTool({
      name: 'env',
      doc: [
        'Runs a POSIX shell command that only looks and changes nothing: git status, ls, grep, cat.',
        'It is accepted first, like sh, and its output comes the same way. Example: {"command": "git log --oneline -5"}',
      ].join('\n'),
    }),
};
