import { mkdirSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Tree } from '../../../src/plugins/watch/tree.ts';
import { type ToolHarness, toolHarness } from './producers.ts';

let t: ToolHarness;
beforeEach(async () => {
  t = await toolHarness();
  await mkdir(join(t.h.root, 'src'));
  await writeFile(join(t.h.root, 'src/a.txt'), 'a');
});
afterEach(() => t.h.close());

const at = (...path: string[]) => join(t.h.root, ...path);
/** There in one step, as a whole: whoever looks sees no half of it. */
const put = (path: string, text: string) => {
  writeFileSync(join(t.h.folder, 'beside'), text);
  renameSync(join(t.h.folder, 'beside'), at(path));
};
const events = () =>
  t
    .text('watch', 1)
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Record<string, unknown>);

async function watching(input: object = {}): Promise<void> {
  void t.call('watch', input).catch(() => undefined);
  await t.h.event('stream/started');
  await t.shows('watch', 2, '"watching"');
}

describe('{#tool_watch} watch', () => {
  it('tells of files that come, change and go, in folders that are new too, each once', async () => {
    await watching();
    await mkdir(at('src/deep/er'), { recursive: true });
    put('src/deep/er/b.txt', 'bb');
    await t.shows('watch', 1, 'b.txt');
    put('src/a.txt', 'aaa');
    await t.shows('watch', 1, '"changed"');
    await rm(at('src/deep'), { recursive: true });
    await t.until(() => events().filter(({ type }) => type === 'deleted').length === 3);
    expect(events().map(({ type, path, kind }) => `${String(type)} ${String(kind)} ${String(path)}`)).toEqual([
      'created folder src/deep',
      'created folder src/deep/er',
      'created file src/deep/er/b.txt',
      'changed file src/a.txt',
      'deleted file src/deep/er/b.txt',
      'deleted folder src/deep/er',
      'deleted folder src/deep',
    ]);
    expect(events().map(({ n }) => n)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    t.cancel('watch');
    await t.h.event('stream/ended');
    expect(t.log('watch')).toMatchObject({ status: 499, outcome: 'cancelled', attributes: { subject: 'file://.' } });
  });

  it('tells of several writes in a row once, and leaves out what it is told to', async () => {
    await watching({ ignore: ['dist'] });
    await mkdir(at('node_modules'));
    await mkdir(at('dist'));
    for (let i = 0; i < 20; i++) writeFileSync(at('src/a.txt'), 'x'.repeat(i));
    await t.shows('watch', 1, 'a.txt');
    put('end', '');
    await t.shows('watch', 1, '"end"');
    expect(events().map(({ path }) => path)).toEqual(['src/a.txt', 'end']);
  });

  it('watches on in a folder that is removed and made again, or replaced, before it is looked at', async () => {
    await watching({ path: 'src' });
    const again = (folder: string) => {
      rmSync(at(folder), { recursive: true });
      mkdirSync(at(folder));
    };
    const replaced = (folder: string) => {
      rmSync(at(folder), { recursive: true });
      renameSync(at('src/new'), at(folder));
    };
    mkdirSync(at('src/dist'));
    await t.shows('watch', 1, 'src/dist');
    let file = 0;
    const last = (path: string) => events().findLast((event) => event['path'] === path)?.['type'];
    for (const [folder, change] of [
      ['src/dist', again],
      ['src/dist', again],
      ['src/dist', replaced],
      ['src/dist', replaced],
      ['src', again],
    ] as const) {
      mkdirSync(at('src/new'));
      await t.until(() => last('src/new') === 'created');
      change(folder);
      for (let i = 0; i < 2; i++) {
        put(`${folder}/file-${++file}`, '');
        await t.until(() => last(`${folder}/file-${file}`) === 'created');
      }
      rmSync(at('src/new'), { recursive: true, force: true });
      await t.until(() => last('src/new') === 'deleted');
    }
  });

  it('does not look into a link that takes the place of a folder', async () => {
    await watching({ path: 'src' });
    mkdirSync(at('src/deep'));
    await t.shows('watch', 1, 'src/deep');
    mkdirSync(at('outside'));
    writeFileSync(at('outside/secret'), '');
    rmSync(at('src/deep'), { recursive: true });
    symlinkSync(at('outside'), at('src/deep'));
    await t.shows('watch', 1, '"link"');
    expect(events().map(({ type, path, kind }) => `${String(type)} ${String(kind)} ${String(path)}`)).toEqual([
      'created folder src/deep',
      'deleted folder src/deep',
      'created link src/deep',
    ]);
  });

  it('tells of a folder that comes again after it was seen to be gone and before its parent is looked at', () => {
    const tree = new Tree({ root: t.h.root, maxEntries: 10, isLeftOut: () => false });
    mkdirSync(at('src/deep'));
    tree.look('');
    rmSync(at('src/deep'), { recursive: true });
    expect(tree.look('src/deep')).toMatchObject([{ type: 'deleted', path: 'src/deep', kind: 'folder' }]);
    mkdirSync(at('src/deep'));
    expect(tree.look('src')).toMatchObject([{ type: 'created', path: 'src/deep', kind: 'folder' }]);
    rmSync(at('src'), { recursive: true });
    expect(tree.look('src').map(({ path }) => path)).toEqual(['src/a.txt', 'src/deep', 'src']);
    expect(tree.look('')).toEqual([]);
  });

  it('tells after a restart of the server what was written meanwhile, and since when it was away', async () => {
    await watching({ path: 'src' });
    put('src/b.txt', 'b');
    await t.shows('watch', 1, 'b.txt');
    await t.h.restart(async () => {
      const since = Date.now();
      // The clock of files may be some milliseconds behind.
      await t.until(() => {
        put('src/c.txt', 'c');
        return statSync(at('src/c.txt')).ctimeMs > since;
      });
    });
    await t.shows('watch', 2, '"resumed"');
    await t.shows('watch', 1, 'c.txt');
    put('src/d.txt', 'd');
    await t.shows('watch', 1, 'd.txt');
    expect(events().map(({ n, type, path, away }) => [n, type, path, away])).toEqual([
      [1, 'created', 'src/b.txt', undefined],
      [2, 'changed', 'src/c.txt', true],
      [3, 'created', 'src/d.txt', undefined],
    ]);
  });

  it('ends with what to do when its folder goes away', async () => {
    await watching({ path: 'src' });
    await rename(at('src'), at('elsewhere'));
    await writeFile(at('elsewhere/x'), '');
    await t.h.event('stream/ended');
    expect(t.log('watch')).toMatchObject({ status: 500, body: expect.stringContaining('src is gone') as string });
  });

  it.each([
    ['..', 403, /outside the project root/],
    ['none', 404, /no folder none/],
    ['src/a.txt', 422, /tail follows a file/],
  ])('of %s is refused', async (path, status, message) => {
    await t.call('watch', { path });
    expect(t.log('watch')).toMatchObject({ status, body: expect.stringMatching(message) as string });
  });

  it('{#file_constraints} tells nothing of what a constraint keeps from models', async () => {
    t.h.runtime.constrainFiles(t.h.caller(), { path: 'private', ignore: true });
    await watching();
    await mkdir(at('private'));
    await writeFile(at('private/key'), 'k');
    put('src/key', 'k');
    await t.shows('watch', 1, 'src/key');
    await writeFile(at('private/key'), 'kk');
    put('src/key', 'kk');
    await t.shows('watch', 1, '"changed"');
    expect(events().map(({ path, n }) => `${String(n)} ${String(path)}`)).toEqual(['1 src/key', '2 src/key']);
  });
});
