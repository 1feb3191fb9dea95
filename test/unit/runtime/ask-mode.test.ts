import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Plugin } from '../../../src/hooks/plugin.ts';
import { bundledPlugins } from '../../../src/plugins/index.ts';
import { writeFiles } from '../../support/project.ts';
import { bundledTools, examplesOf } from '../plugins/bundled-tools.ts';
import { type RuntimeHarness, runtimeHarness } from './harness.ts';

/** A tool that forgot to say that it writes. */
const careless: Plugin = {
  name: 'careless',
  setup: ({ tool, z }) => {
    const params = z.object({});
    tool({ name: 'scribble', doc: 'd', params, handler: () => ({ kind: 'done', body: 'x', writes: [{ path: 'known://x', body: 'x' }] }) });
    tool({
      name: 'deface',
      doc: 'd',
      params,
      handler: (_, { files }) => {
        const change = files!.plan({ op: 'write', path: 'file://keep.txt', text: 'x' });
        return { kind: 'proposal', summary: 'x', change };
      },
    });
  },
};

let h: RuntimeHarness;
beforeEach(async () => {
  h = await runtimeHarness({ bundled: [...bundledPlugins, careless] });
  await writeFiles(h.root, { 'keep.txt': 'keep\n' });
});
afterEach(() => h.close());

const untouched = async () => {
  expect(readdirSync(h.root)).toEqual(['keep.txt']);
  expect(readFileSync(join(h.root, 'keep.txt'), 'utf8')).toBe('keep\n');
  const schemes = new Set((await h.runtime.entries.list(h.sight, { run: 'm-1' })).map(({ scheme }) => scheme));
  expect([...schemes].filter((scheme) => scheme !== 'log' && scheme !== 'prompt')).toEqual([]);
};
const ask = (calls: { name: string; args: string }[]) => {
  h.model.answer({ kind: 'say', calls }, { kind: 'say', text: 'ok' });
  return h.runtime.prompt(h.caller(), 'ask', { prompt: 'x', model: 'm', wait: true, yolo: true });
};

describe('{#ask_mode} a loop that only asks', () => {
  const tools = bundledTools();

  it('is offered no tool with the trait writes, and each bundled tool that is offered has been looked at', async () => {
    await ask([]).catch(() => {});
    const offered = h.model.requests[0]!.body.tools!.map(({ function: { name } }) => name);
    const writing = tools.filter(({ definition }) => definition.traits?.includes('writes')).map(({ name }) => name);
    expect(writing).toEqual(expect.arrayContaining(['sh', 'set', 'rm', 'mv', 'cp', 'known', 'unknown']));
    expect(offered.filter((name) => writing.includes(name))).toEqual([]);
  });

  it.each(tools.filter(({ definition }) => definition.traits?.includes('writes')))(
    'refuses a call of $name anyway, as not_offered, and nothing changes',
    async ({ name, definition }) => {
      await ask([{ name, args: JSON.stringify(examplesOf(definition)[0]) }]);
      const [entry] = await h.runtime.entries.list(h.sight, { run: 'm-1', pattern: `log://turn_1/${name}/*` });
      expect(entry).toMatchObject({ status: 403, outcome: 'not_offered' });
      await untouched();
    },
  );

  it.each(tools.filter(({ definition }) => !definition.traits?.includes('writes') && !definition.traits?.includes('proposes')))(
    'lets $name change no entry and no file',
    async ({ name, definition }) => {
      await ask(examplesOf(definition).map((input) => ({ name, args: JSON.stringify(input) })));
      await untouched();
    },
  );

  it('refuses what a tool would write that does not say so', async () => {
    await ask([{ name: 'scribble', args: '{}' }]);
    h.model.answer({ kind: 'say', calls: [{ name: 'deface', args: '{}' }] }, { kind: 'say', text: 'ok' });
    await h.runtime.prompt(h.caller(), 'ask', { prompt: 'x', model: 'm', run: 'm-1', wait: true, yolo: true });
    for (const path of ['log://turn_1/scribble/scribble', 'log://turn_3/deface/deface'])
      expect(h.entry('m-1', path)).toMatchObject({ status: 403, outcome: 'not_offered' });
    await untouched();
  });
});
