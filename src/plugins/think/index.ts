import type { Plugin } from '../../hooks/plugin.ts';

const DOC = `A place to think: what you know, what follows from it, what to do next. It changes nothing and asks nobody. You see it again in later
turns, as part of your own calls; people see it only when they look into the log.

\`\`\`json
{"text": "Two tests fail, both in the parser. The last change was to the lexer, so read that first."}
\`\`\`
`;

/** The tool `think`. */
export const think: Plugin = {
  name: 'think',
  setup({ tool, z }) {
    tool({
      name: 'think',
      doc: DOC,
      params: z.strictObject({
        text: z
          .string()
          .min(1)
          .max(64 * 1024),
      }),
      summary: () => 'think',
      // The text stands in the call itself; as a result it would be paid for twice.
      handler: () => ({ kind: 'done', body: 'Noted.' }),
    });
  },
};
