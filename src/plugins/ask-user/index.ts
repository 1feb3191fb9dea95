import type { Plugin } from '../../hooks/plugin.ts';

const DOC = `Asks the user a question and waits for the answer, which is the result of this call. Ask only what you cannot find out yourself.

\`\`\`json
{"question": "Deploy to staging or to production?", "options": ["staging", "production"]}
\`\`\`
`;

/** The tool \`ask_user\`: a proposal whose accept brings the answer as \`output\`. */
export const askUser: Plugin = {
  name: 'ask_user',
  setup({ tool, z }) {
    tool({
      name: 'ask_user',
      doc: DOC,
      traits: ['interaction', 'proposes'],
      params: z.strictObject({
        question: z
          .string()
          .min(1)
          .max(16 * 1024),
        options: z.array(z.string().min(1).max(1000)).max(50).optional().describe('Answers to choose from; others are possible.'),
      }),
      summary: ({ question }) => question,
      handler: ({ question, options }) => ({
        kind: 'proposal',
        summary: question,
        attributes: { question, ...(options ? { options } : {}) },
      }),
    });
  },
};
