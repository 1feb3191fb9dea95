import type { Plugin } from '../../hooks/plugin.ts';

/** Tool `update`: tells people how it goes; with status 200 it ends the loop. */
export const update: Plugin = {
  name: 'update',
  setup(context) {
    const { z } = context;
    context.tool({
      name: 'update',
      doc: [
        'Tells the user where you are. With status 200 you claim that the task is done, and your text is the answer;',
        'that is refused when another action of the same turn failed. Example: {"text": "All tests pass.", "status": 200}',
      ].join('\n'),
      traits: ['ends'],
      params: z.strictObject({ text: z.string().min(1).max(64 * 1024), status: z.union([z.literal(102), z.literal(200)]).default(102) }),
      summary: ({ text }) => text.split('\n', 1)[0]?.slice(0, 200) ?? '',
      handler: ({ text, status }) => ({ kind: 'done', body: text, ends: status === 200 }),
    });
  },
};
