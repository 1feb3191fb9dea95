import type { Plugin } from '../../hooks/plugin.ts';

/** Tool `sh`: a shell command with side effects, proposed first. */
export const sh: Plugin = {
  name: 'sh',
  setup: (context) =>
    context.commandTool({
      name: 'sh',
      modes: ['act'],
      doc: [
        'Runs a POSIX shell command in the project. A person or a policy accepts it first.',
        'You see stdout and stderr apart, as digests; what is left out you read with get and the line numbers given.',
        'A command that takes longer than yield_ms goes on in the background, and you are told when it has ended.',
        'Standard input is empty unless stdin is true. Example: {"command": "npm test", "yield_ms": 60000}',
      ].join('\n'),
    }),
};
