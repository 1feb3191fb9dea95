import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { firstFile, folderTar } from '../../../src/backends/container/tar.ts';
import { tempFolder } from '../../support/temp-store.ts';

const read = async (archive: Readable) => {
  const pieces: Buffer[] = [];
  for await (const bytes of firstFile(archive)) pieces.push(bytes);
  return Buffer.concat(pieces);
};

describe('{#backend_container} archives', () => {
  it('are read and written as GNU tar does', async () => {
    const { folder, remove } = await tempFolder();
    const tar = (...words: string[]) => execFileSync('tar', words, { cwd: folder, encoding: 'utf8' });
    const long = 'n'.repeat(150);
    const body = randomBytes(300_000);
    await writeFile(join(folder, 'own.tar'), await folderTar('spool', 0o1777));
    expect(tar('-tvf', 'own.tar')).toMatch(/^drwxrwxrwt .* spool\/\n$/);
    await mkdir(join(folder, 'empty'));
    for (const name of ['out.1', long]) await writeFile(join(folder, name), body);
    for (const [name, format] of [
      ['out.1', 'ustar'],
      [long, 'gnu'],
      [long, 'pax'],
    ] as const) {
      tar('-cf', 'made.tar', `--format=${format}`, name);
      expect((await read(createReadStream(join(folder, 'made.tar')))).equals(body)).toBe(true);
    }
    const cut = (await readFile(join(folder, 'made.tar'))).subarray(0, 100_000);
    await expect(read(Readable.from([cut]))).rejects.toThrow();
    tar('-cf', 'folder.tar', 'empty');
    expect(await read(createReadStream(join(folder, 'folder.tar')))).toHaveLength(0);
    await remove();
  });
});
