import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ProjectFiles } from '../../../src/files/index.ts';
import { fileSource } from '../../../src/plugins/get/files.ts';
import { containing, readLines, searchLines } from '../../../src/plugins/get/lines.ts';
import { tempProject, writeFiles } from '../../support/project.ts';

let project: Awaited<ReturnType<typeof tempProject>>;
let files: ProjectFiles;
beforeEach(async () => {
  project = await tempProject();
  files = new ProjectFiles(project.root, []);
});
afterEach(() => project.remove());

const lines = async (path: string, first: number, limit = 200) => {
  const reader = await files.open(`file://${path}`);
  try {
    return readLines(fileSource(reader), first, limit);
  } finally {
    reader.close();
  }
};

describe('{#files} reading lines of a file', () => {
  it('gives the lines that any other way of splitting gives, across its pages', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(3000), { minLength: 1, maxLength: 40 }), fc.nat(50), async (lengths, line) => {
        const text = lengths.map((length) => `${'x'.repeat(length * 40)}\n`).join('');
        await writeFiles(project.root, { t: text });
        const reader = await files.open('file://t');
        try {
          const at = text
            .split('\n')
            .slice(0, line)
            .reduce((sum, one) => sum + one.length + 1, 0);
          expect(reader.total).toBe(lengths.length);
          expect(reader.offsetOf(line)).toBe(Math.min(text.length, at));
        } finally {
          reader.close();
        }
      }),
      { numRuns: 30 },
    );
  });

  it('reads the end and a range of a big file, and finds text in it', async () => {
    const fd = openSync(join(project.root, 'big.log'), 'w');
    const block = Buffer.from(`${'0123456789'.repeat(10)}\n`.repeat(10_000));
    for (let i = 0; i < 30; i++) writeSync(fd, block);
    writeSync(fd, 'the last line, unfinished');
    closeSync(fd);
    expect(await lines('big.log', -1)).toBe('[file://big.log: lines 300001 to 300001 of 300001]\nthe last line, unfinished');
    expect(await lines('big.log', 200_000, 1)).toMatch(
      /^\[file:\/\/big\.log: lines 200000 to 200000 of 300001; go on with .*\]\n0123456789/,
    );
    const reader = await files.open('file://big.log');
    expect(await searchLines(fileSource(reader), containing('unfinished'), 1, 10)).toContain('300001: the last line');
    reader.close();
  });

  it('describes what is no text, and refuses what is too big for counting lines', async () => {
    await writeFiles(project.root, {
      'logo.png': Buffer.from([0x89, 0x50, 0x4e, 0x47, 0, 1]),
      'latin1.txt': Buffer.from('h\xe9\n', 'latin1'),
    });
    for (const path of ['logo.png', 'latin1.txt']) {
      const reader = await files.open(`file://${path}`);
      expect(reader.text).toBe(false);
      reader.close();
    }
    const fd = openSync(join(project.root, 'huge'), 'w');
    ftruncateSync(fd, 3 * 1024 ** 3);
    closeSync(fd);
    await expect(files.open('file://huge')).rejects.toMatchObject({
      kind: 'too_large',
      message: expect.stringContaining('tail') as string,
    });
    await expect(files.open('file://nope')).rejects.toMatchObject({ kind: 'not_found' });
  });
});

describe('{#files} listings', () => {
  beforeEach(() =>
    writeFiles(project.root, {
      '.gitignore': '# build\n/dist/\n*.log\n!keep.log\nnode_modules\n[Tt]emp?/\ndocs/**/draft.md\n',
      '.git/HEAD': 'ref',
      'dist/out.js': '1',
      'src/main.ts': '12',
      'src/ui/button.tsx': '123',
      'src/dist/kept.ts': '1',
      'src/.gitignore': 'gen.ts\n!special.log',
      'src/gen.ts': '1',
      'src/special.log': '1',
      'a.log': '1',
      'keep.log': '1',
      'node_modules/x/index.js': '1',
      'Temp1/x': '1',
      'docs/a/b/draft.md': '1',
      'docs/a/b/final.md': '1',
    }),
  );
  const paths = async (path: string) => (await files.list(`file://${path}`)).entries.map((one) => one.path.slice(7));

  it('of a folder has its names, without .git and what .gitignore leaves out, and says how many', async () => {
    expect(await paths('')).toEqual(['.gitignore', 'docs', 'keep.log', 'src']);
    expect(await files.list('file://')).toMatchObject({ gitIgnored: 4, kept: 0, more: 0, whole: true });
    expect(await paths('src/')).toEqual(['src/.gitignore', 'src/dist', 'src/main.ts', 'src/special.log', 'src/ui']);
  });

  it.each([
    ['**/*.{ts,tsx}', ['src/dist/kept.ts', 'src/main.ts', 'src/ui/button.tsx']],
    ['src/*.ts', ['src/main.ts']],
    ['docs/**', ['docs/a/b/final.md']],
    ['**/*.log', ['keep.log', 'src/special.log']],
    ['{src,docs}/**/?*.md', ['docs/a/b/final.md']],
  ])('of the glob %s has the files it takes in', async (glob, expected) => {
    expect(await paths(glob)).toEqual(expected);
  });

  it('does not follow links, and names them', async () => {
    await symlink('..', join(project.root, 'src/up'));
    expect((await files.list('file://src/')).entries.at(-2)).toMatchObject({ path: 'file://src/ui', kind: 'folder' });
    expect((await files.list('file://src/')).entries.at(-1)).toMatchObject({ path: 'file://src/up', kind: 'link' });
    expect(await paths('src/**/main.ts')).toEqual(['src/main.ts']);
  });

  it('is bounded, and says how many more there are', async () => {
    await writeFiles(project.root, Object.fromEntries(Array.from({ length: 520 }, (_, index) => [`many/f${index}`, ''])));
    expect(await files.list('file://many/*')).toMatchObject({ more: 20 });
  });

  it('answers at once for a glob that would make a regular expression backtrack', async () => {
    await writeFiles(project.root, { [`src/${'a'.repeat(200)}`]: '' });
    expect(await paths(`src/${'*a'.repeat(100)}b`)).toEqual([]);
    await expect(paths(`${'{a,b}'.repeat(12)}`)).rejects.toMatchObject({ kind: 'invalid_params' });
  });

  it('of a folder that is not there is not_found, of a file a hint', async () => {
    await expect(files.list('file://nope/')).rejects.toMatchObject({ kind: 'not_found' });
    await expect(files.list('file://src/main.ts/')).rejects.toMatchObject({ kind: 'invalid_params' });
  });
});
