import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { HOOKS } from '../../../src/hooks/table.ts';
import { loadConfig } from '../../../src/runtime/index.ts';
import { type RuntimeHarness, runtimeHarness } from '../runtime/harness.ts';

const text = await readFile(new URL('../../../PLUGINS.md', import.meta.url), 'utf8');

/** Fenced blocks whose info string begins with `info`, without their indentation. */
function fenced(info: string): string[] {
  return [...text.matchAll(new RegExp(`^( *)\`\`\`${info}\\n([\\s\\S]*?)^\\1\`\`\`$`, 'gm'))].map(([, indent = '', block = '']) =>
    block.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
  );
}

describe('{#hooks} the table of hooks in PLUGINS.md', () => {
  it('is the table that the program has: names, kinds, meaning and what a failure does, both ways', () => {
    const rows = [...text.matchAll(/^\| `([a-z]+\.[a-z]+)` \| (event|filter) \| (.+?) \| `\{.*?\}` \| (.+?) \|$/gm)].map(
      ([, name, kind, summary, onThrow]) => ({ name, kind, summary, onThrow }),
    );
    expect(rows).toEqual(Object.entries(HOOKS).map(([name, { kind, summary, onThrow }]) => ({ name, kind, summary, onThrow })));
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
});
