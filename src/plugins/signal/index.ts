import type { Plugin } from '../../hooks/plugin.ts';

const DOC = `Sends one signal to a command that you started and that runs in the background, for example INT, which is Ctrl-C. It may live on;
\`cancel\` ends it for sure, with all that it started.

\`\`\`json
{"path": "log://turn_1/sh/npm-run-dev", "signal": "INT"}
\`\`\`
`;

/** The tool `signal` (SPEC {#tool_signal}). */
export const signal: Plugin = {
  name: 'signal',
  setup({ tool, z }) {
    tool({
      name: 'signal',
      doc: DOC,
      modes: ['act'],
      traits: ['once'],
      params: z.strictObject({
        path: z.string().min(1).max(512).describe("The command's log entry."),
        signal: z.string().min(1).max(16).describe('INT, SIGHUP or a number.'),
      }),
      summary: (input) => `send ${input.signal} to ${input.path}`,
      async handler(input, { commands }) {
        await commands.signal(input.path, input.signal);
        return {
          kind: 'done',
          body: `Sent ${input.signal} to ${input.path}. wait {"path": ${JSON.stringify(input.path)}} says what became of it.`,
        };
      },
    });
  },
};
