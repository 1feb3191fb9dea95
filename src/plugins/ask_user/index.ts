import type { Plugin } from '../../hooks/plugin.ts';

/** Tool `ask_user`: a question as a proposal; the output of its accept is the answer. */
export const askUser: Plugin = {
  name: 'ask_user',
  setup(context) {
    const { z } = context;
    context.tool({
      name: 'ask_user',
      doc: 'Asks the user a question and waits for the answer. Ask only what you cannot find out. Example: {"question": "Which branch?", "options": ["main", "next"]}',
      traits: ['interaction', 'proposes'],
      params: z.strictObject({ question: z.string().min(1).max(4096), options: z.array(z.string().min(1).max(256)).max(20).optional() }),
      summary: ({ question }) => question.split('\n', 1)[0]?.slice(0, 200) ?? '',
      handler: ({ question, options }) => ({ kind: 'proposal', summary: question, attributes: { question, ...(options ? { options } : {}) } }),
    });
  },
};
