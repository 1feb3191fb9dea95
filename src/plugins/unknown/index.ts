import { defined } from '../../core/defined.ts';
import type { Plugin } from '../../hooks/plugin.ts';

const DOC = `Keeps a question that is open, so that it is not forgotten, and closes it with its answer. It stays with the run, under a path that begins
with \`unknown://\`. \`get unknown://\` lists the questions, each \`open\` or \`resolved\`.

\`\`\`json
{"path": "unknown://auth/token-lifetime", "question": "How long does a session token live?"}
\`\`\`

\`\`\`json
{"path": "unknown://auth/token-lifetime", "answer": "One hour: SESSION_TTL in src/auth.ts"}
\`\`\`
`;

/** The tool `unknown`. */
export const unknown: Plugin = {
  name: 'unknown',
  setup({ tool, z }) {
    const text = z
      .string()
      .min(1)
      .max(16 * 1024);
    tool({
      name: 'unknown',
      doc: DOC,
      traits: ['writes'],
      params: z.strictObject({
        path: z
          .string()
          .max(512)
          .regex(/^unknown:\/\/./, 'must begin with unknown://, for example unknown://auth/token-lifetime'),
        question: text.optional().describe('What is not known yet. Left out with an answer: the question that is there.'),
        answer: text.optional().describe('Closes the question.'),
      }),
      summary: ({ path, answer }) => (answer === undefined ? `ask ${path}` : `resolve ${path}`),
      handler({ path, question, answer }, { entries }) {
        const asked = question ?? entries.get(path)?.attributes['question'];
        if (typeof asked !== 'string') {
          return { kind: 'refused', status: 404, body: `There is no question at ${path}. Give question, or list them with get unknown://` };
        }
        if (question === undefined && answer === undefined)
          return { kind: 'refused', status: 422, body: 'Give question, answer, or both.' };
        const state = answer === undefined ? 'open' : 'resolved';
        return {
          kind: 'done',
          body: `${path} is ${state}.`,
          writes: [
            {
              path,
              body: answer === undefined ? asked : `${asked}\n\n${answer}`,
              attributes: { question: asked, state, ...defined({ answer }) },
            },
          ],
        };
      },
    });
  },
};
