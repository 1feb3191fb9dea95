import type { Plugin } from '../../hooks/plugin.ts';

const DOC = `Keeps something that you have learned and will need again: how the project is built, a decision, a name. It stays with the run, under a
path that begins with \`known://\`; the same path again replaces it. \`get known://\` lists what is known, with its tags.

\`\`\`json
{"path": "known://build/command", "body": "make -j2 all; needs clang 17", "tags": ["build"]}
\`\`\`
`;

/** The tool `known`. */
export const known: Plugin = {
  name: 'known',
  setup({ tool, z }) {
    tool({
      name: 'known',
      doc: DOC,
      traits: ['writes'],
      params: z.strictObject({
        path: z
          .string()
          .max(512)
          .regex(/^known:\/\/./, 'must begin with known://, for example known://build/command'),
        body: z
          .string()
          .min(1)
          .max(64 * 1024)
          .describe('What you have learned.'),
        tags: z
          .array(z.string().regex(/^[a-z0-9][a-z0-9_-]{0,31}$/, 'must be lower case letters, digits, - and _'))
          .max(16)
          .optional(),
      }),
      summary: ({ path }) => `learn ${path}`,
      handler: ({ path, body, tags }) => ({
        kind: 'done',
        body: `${path} is known.`,
        writes: [{ path, body, attributes: { tags: tags ?? [] } }],
      }),
    });
  },
};
