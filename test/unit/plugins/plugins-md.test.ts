import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { HOOKS } from '../../../src/hooks/table.ts';
import { configSchema } from '../../../src/runtime/config.ts';
import { loadConfig } from '../../../src/runtime/index.ts';
import { clauseText } from '../../support/clause-text.ts';
import { type RuntimeHarness, runtimeHarness } from '../runtime/harness.ts';

const text = await readFile(new URL('../../../PLUGINS.md', import.meta.url), 'utf8');

/** Fenced blocks whose info string begins with `info`, without their indentation. */
function fenced(info: string): string[] {
  return [...text.matchAll(new RegExp(`^( *)\`\`\`${info}\\n([\\s\\S]*?)^\\1\`\`\`$`, 'gm'))].map(([, indent = '', block = '']) =>
    block.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
  );
}

describe('{#hooks} the table of hooks in PLUGINS.md', () => {
  it('is the table that the program has: names, kinds, meaning and what a failure does, both ways, each with a payload', () => {
    const rows = [...text.matchAll(/^\| `([a-z]+\.[a-z]+)` \| (event|filter) \| (.+?) \| (`.+?`)? ?\| `(\{.*?\})` \| (.+?) \|$/gm)].map(
      ([, name, kind, summary, value = '', payload, onThrow]) => ({ name, kind, summary, value, payload, onThrow }),
    );
    expect(rows.map(({ value: _, payload: __, ...row }) => row)).toEqual(
      Object.entries(HOOKS).map(([name, { kind, summary, onThrow }]) => ({ name, kind, summary, onThrow })),
    );
    expect(rows.find(({ name }) => name === 'turn.started')?.payload).toMatch(/projectId: number, run: string/);
    expect(rows.filter(({ kind, value }) => (kind === 'filter') !== (value !== ''))).toEqual([]);
  });
});

interface JsonSchema {
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: JsonSchema | boolean;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
}

/** Names of all fields, at any depth. */
function fieldsOf({ properties = {}, additionalProperties, items, anyOf = [] }: JsonSchema): string[] {
  const below = [...Object.values(properties), ...anyOf, ...(items ? [items] : [])];
  if (typeof additionalProperties === 'object') below.push(additionalProperties);
  return [...Object.keys(properties), ...below.flatMap(fieldsOf)];
}

describe('{#config} the tables of the configuration', () => {
  const { properties = {} } = z.toJSONSchema(configSchema, { io: 'input' }) as JsonSchema;
  /** The rows of the first table behind a heading, by their first cell. */
  const rowsOf = (document: string, heading: string) => {
    const table = document.slice(document.indexOf(heading)).match(/(?:^\|.*\n)+/m)?.[0] ?? '';
    return new Map([...table.matchAll(/^\| `(\w+)` \| (.*)$/gm)].map(([, field = '', row = '']) => [field, row]));
  };

  it('in PLUGINS.md names every field, at any depth, and no other', () => {
    const rows = rowsOf(text, '## The configuration file');
    expect([...rows.keys()].sort()).toEqual(Object.keys(properties).sort());
    for (const [field, row] of rows) {
      const unnamed = fieldsOf(properties[field]!).filter((name) => !new RegExp(`\\b${name}\\b`).test(row));
      expect(unnamed, field).toEqual([]);
    }
  });

  it('in the specification names every field, and no other', () => {
    expect([...rowsOf(clauseText('config'), '').keys()].sort()).toEqual(Object.keys(properties).sort());
  });
});

describe('{#plugins} the example of PLUGINS.md', () => {
  let h: RuntimeHarness | undefined;
  let folder: string | undefined;
  afterEach(async () => {
    await h?.close();
    if (folder) await rm(folder, { recursive: true, force: true });
  });

  it('is loaded from its configuration file and does what the text says', async () => {
    folder = await mkdtemp(join(tmpdir(), 'headgate-plugin-'));
    await writeFile(join(folder, 'house-rules.mjs'), fenced('js example')[0]!);
    await writeFile(join(folder, 'headgate.yaml'), fenced('yaml')[0]!);
    h = await runtimeHarness({ plugins: await loadConfig(join(folder, 'headgate.yaml')) });
    expect(h.runtime.plugins().at(-1)).toEqual({ name: 'house-rules', tools: ['word_count'] });
    h.runtime.startRun(h.caller(), { model: 'm', alias: 'r' });
    h.runtime.entries.set(h.caller(), 'r', { path: 'known://plan', body: 'build and ship it' });
    const call = (name: string, input: object) => ({ kind: 'say' as const, calls: [{ name, args: JSON.stringify(input) }] });
    h.model.answer(
      call('word_count', { path: 'known://plan' }),
      call('sh', { command: 'git push' }),
      call('sh', { command: 'git status' }),
      { kind: 'say', text: 'ok' },
    );
    await h.runtime.prompt(h.caller(), 'act', { prompt: 'x', run: 'r', wait: true });
    expect(h.entry('r', 'log://turn_1/word_count/known-plan')).toMatchObject({
      status: 200,
      body: 'known://plan has 4 words.',
      attributes: { summary: 'count the words of known://plan' },
    });
    expect(h.entry('r', 'log://turn_2/sh/git-push')).toMatchObject({ status: 403, outcome: 'denied' });
    // Nobody was asked; the command ran, and failed because the test's project is no repository.
    const status = h.entry('r', 'log://turn_3/sh/git-status');
    expect(status.attributes['resolution']).toMatchObject({ by: 'policy' });
    expect(h.events.find(({ type }) => type === 'ui/notify')?.payload).toMatchObject({
      level: 'warn',
      text: `${status.path} failed: ${status.outcome}`,
    });
  });

  it('of a producer counts on where it was after a restart of the server', async () => {
    folder = await mkdtemp(join(tmpdir(), 'headgate-plugin-'));
    await writeFile(join(folder, 'counting.mjs'), fenced('js example')[1]!);
    h = await runtimeHarness({ plugins: { plugins: ['./counting.mjs'], folder } });
    h.model.answer({ kind: 'say', calls: [{ name: 'count', args: '{"to":1000}' }] }, { kind: 'say', text: 'ok' });
    void h.runtime.prompt(h.caller(), 'act', { prompt: 'x', model: 'm', yolo: true }).catch(() => undefined);
    await h.event('stream/started');
    const channel = () => h!.entry('m-1', 'count://turn_1/count_1').body;
    while (!channel().includes('5\n')) await new Promise((resolve) => setImmediate(resolve));
    await h.restart();
    await h.event('stream/ended');
    expect(channel()).toBe(Array.from({ length: 1000 }, (_, i) => `${i + 1}\n`).join(''));
    expect(h.entry('m-1', 'log://turn_1/count/count')).toMatchObject({
      status: 200,
      body: expect.stringMatching(/notes: 6 bytes .*\nCounted to 1000\.$/) as string,
    });
  });

  it('of a method adds lines to the notes of a run', async () => {
    folder = await mkdtemp(join(tmpdir(), 'headgate-plugin-'));
    await writeFile(join(folder, 'notes.mjs'), fenced('js example')[2]!);
    h = await runtimeHarness({ plugins: { plugins: ['./notes.mjs'], folder } });
    h.runtime.startRun(h.caller(), { model: 'm', alias: 'r' });
    const add = h.runtime.pluginMethods.get('notes/add')!;
    await add.call({ run: 'r', line: 'one' }, h.caller('alice'));
    expect(await add.call({ run: 'r', line: 'two' }, h.caller('bob'))).toEqual({ lines: 2 });
    expect(h.entry('r', 'known://notes').body).toBe('alice: one\nbob: two\n');
    await expect(add.call({ run: 'none', line: 'x' }, h.caller())).rejects.toMatchObject({ kind: 'not_found' });
  });
});

describe('{#plugins} the examples in the comments of src/hooks', () => {
  it('are plugins that can be loaded together and do what they say', async () => {
    const hooks = new URL('../../../src/hooks/', import.meta.url);
    const files = (await readdir(hooks)).filter((name) => name.endsWith('.ts'));
    const comments = (await Promise.all(files.map(async (name) => await readFile(new URL(name, hooks), 'utf8')))).join('\n');
    const examples = [...comments.matchAll(/@example\n \* ```js\n([\s\S]*?) \* ```\n \*\//g)].map(([, source = '']) =>
      source.replaceAll(/^ \* ?/gm, ''),
    );
    const folder = await mkdtemp(join(tmpdir(), 'headgate-plugin-'));
    try {
      for (const [index, source] of examples.entries()) await writeFile(join(folder, `${index}.mjs`), source);
      const h = await runtimeHarness({ plugins: { plugins: examples.map((_, index) => `./${index}.mjs`), folder } });
      try {
        const loaded = h.runtime.plugins().slice(-examples.length);
        expect(loaded.map(({ name }) => name).sort()).toEqual(['clock', 'no-push', 'sites', 'sizes']);
        h.runtime.startRun(h.caller(), { model: 'm', alias: 'r' });
        h.runtime.entries.set(h.caller(), 'r', { path: 'known://plan', body: 'ship it' });
        const sizes = h.runtime.pluginMethods.get('sizes/of')!;
        expect(await sizes.call({ run: 'r', path: 'known://plan' }, h.caller())).toEqual({ characters: 7 });
        await expect(sizes.call({ run: 'r', path: 'known://none' }, h.caller())).rejects.toMatchObject({ kind: 'not_found' });
        const call = (name: string, input: object) => ({ kind: 'say' as const, calls: [{ name, args: JSON.stringify(input) }] });
        h.model.answer(call('sh', { command: 'git push' }), call('clock', { zone: 'Europe/Berlin' }), { kind: 'say', text: 'ok' });
        await h.runtime.prompt(h.caller(), 'act', { prompt: 'x', run: 'r', wait: true });
        expect(h.entry('r', 'log://turn_1/sh/git-push')).toMatchObject({ status: 403, outcome: 'denied' });
        expect(h.entry('r', 'log://turn_2/clock/clock')).toMatchObject({ status: 200, body: expect.stringMatching(/\d:\d\d/) as string });
      } finally {
        await h.close();
      }
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
