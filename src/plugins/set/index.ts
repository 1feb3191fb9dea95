import type { Plugin } from '../../hooks/plugin.ts';

/** Tool `set`: writes an entry of the run, such as known://plan. */
export const set: Plugin = {
  name: 'set',
  setup(context) {
    const { z } = context;
    context.tool({
      name: 'set',
      doc: [
        'Writes an entry of this run, for what you want to keep: known://plan, known://deploy/steps. It replaces what is there.',
        'Log entries and channels cannot be written. Example: {"path": "known://plan", "body": "1. run the tests"}',
      ].join('\n'),
      modes: ['act'],
      params: z.strictObject({ path: z.string().min(1).max(512), body: z.string().max(1024 * 1024) }),
      summary: ({ path }) => `write ${path}`,
      handler: ({ path, body }) => ({ kind: 'done', body: `Wrote ${path}, ${Buffer.byteLength(body)} bytes.`, writes: [{ path, body }] }),
    });
  },
};
