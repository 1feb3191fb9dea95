import type { Plugin } from '../../hooks/plugin.ts';

const DOC = `Tells people how you are getting on. With \`"status": 200\` it says that the work is done and ends it; that is refused when another
action of the same turn has failed.

\`\`\`json
{"text": "The tests pass now.", "status": 200}
\`\`\`
`;

/** The tool \`update\`. */
export const update: Plugin = {
  name: 'update',
  setup({ tool, z }) {
    tool({
      name: 'update',
      doc: DOC,
      traits: ['ends'],
      params: z.strictObject({
        text: z
          .string()
          .min(1)
          .max(64 * 1024),
        status: z.literal([102, 200]).optional().describe('200: the work is done. 102, the default: it goes on.'),
      }),
      summary: ({ text }) => text.split('\n', 1)[0]?.slice(0, 200) ?? 'update',
      handler: ({ text, status }) => ({ kind: 'done', body: text, ends: status === 200 }),
    });
  },
};
