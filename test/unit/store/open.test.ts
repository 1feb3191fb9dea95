import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../../src/core/clock.ts';
import { HeadgateError } from '../../../src/core/errors.ts';
import { openStore } from '../../../src/store/index.ts';
import { append, newChannel, tempFolder, tempStore } from './support/temp.ts';

async function refused(file: string): Promise<HeadgateError> {
  const error = await openStore({ file, clock: systemClock }).then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(error).toBeInstanceOf(HeadgateError);
  return error as HeadgateError;
}

/** Nobody's user, so that permissions count also where the tests run as root. */
async function withoutRoot<T>(work: () => Promise<T>): Promise<T> {
  if (process.getuid?.() !== 0) return await work();
  process.seteuid?.(65534);
  try {
    return await work();
  } finally {
    process.seteuid?.(0);
  }
}

describe('{#open_failures} opening the store', () => {
  test('makes its folder and files for their owner alone', async () => {
    const file = join(tempFolder(), 'deep', 'data', 'headgate.db');
    const { store } = await tempStore({ file });
    newChannel(store);
    expect(statSync(join(file, '..')).mode & 0o777).toBe(0o700);
    for (const name of [file, `${file}-wal`, `${file}-shm`]) expect(statSync(name).mode & 0o777).toBe(0o600);
  });

  test('a file that is no database is refused, and left as it is', async () => {
    const file = join(tempFolder(), 'headgate.db');
    writeFileSync(file, 'This is a letter to my aunt, not a database.\n'.repeat(100));
    const error = await refused(file);
    expect(error).toMatchObject({ kind: 'internal', facts: { file } });
    expect(error.message).toMatch(/restore it from a backup, or start with another --data folder/);
    expect(readFileSync(file, 'utf8')).toMatch(/^This is a letter/);
  });

  test('a damaged database is refused', async () => {
    const { store, file } = await tempStore();
    append(store, newChannel(store), Buffer.alloc(100_000, 'x'));
    await store.close();
    const bytes = readFileSync(file);
    writeFileSync(file, bytes.fill(0xa5, 100, 8192 * 4));
    expect(await refused(file)).toMatchObject({ kind: 'internal', facts: { file } });
  });

  test('a folder without permission is refused', async () => {
    const folder = join(tempFolder(), 'closed');
    mkdirSync(folder);
    chmodSync(join(folder, '..'), 0o755);
    chmodSync(folder, 0o500);
    const error = await withoutRoot(() => refused(join(folder, 'headgate.db')));
    expect(error.kind).toBe('forbidden');
    expect(error.message).toMatch(/change its owner or mode, or start with another --data folder/);
  });

  test('a folder in the place of the file is refused', async () => {
    const file = join(tempFolder(), 'headgate.db');
    mkdirSync(file);
    expect(await refused(file)).toMatchObject({ kind: 'internal', facts: { file } });
  });

  test('a file in the place of the folder is refused', async () => {
    const folder = join(tempFolder(), 'data');
    writeFileSync(folder, '');
    expect((await refused(join(folder, 'headgate.db'))).kind).toBe('internal');
  });
});

describe('{#checkpoints} closing the store', () => {
  test('leaves one database file that holds everything, and can be done twice', async () => {
    const { store, file } = await tempStore({ checkpoint: true });
    const id = newChannel(store);
    append(store, id, Buffer.from('kept'));
    await Promise.all([store.close(), store.close()]);
    expect(existsSync(`${file}-wal`)).toBe(false);
    const { store: again } = await tempStore({ file });
    expect(again.channels.read(id, 0, 10).toString()).toBe('kept');
  });
});
