import type { Plugin } from '../../hooks/plugin.ts';

const DOC = `Writes an entry that stays with the run, such as a note or a plan. \`log://\`, \`prompt://\` and channels are written by the server alone.

\`\`\`json
{"path": "known://deploy/steps", "body": "1. build\\n2. copy"}
\`\`\`
`;

/** The tool \`set\`. */
export const set: Plugin = {
  name: 'set',
  setup({ tool, z }) {
    tool({
      name: 'set',
      doc: DOC,
      modes: ['act'],
      params: z.strictObject({
        path: z.string().min(1).max(512).describe('scheme://name, for example known://deploy/steps'),
        body: z.string().describe('The whole text; it replaces what is there.'),
      }),
      summary: ({ path }) => `write ${path}`,
      handler: ({ path, body }) => ({
        kind: 'done',
        body: `${path} holds ${Buffer.byteLength(body)} bytes now.`,
        writes: [{ path, body }],
      }),
    });
  },
};
