import { existsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../../src/core/clock.ts';
import { HeadgateError } from '../../../src/core/errors.ts';
import { openStore } from '../../../src/store/index.ts';
import { start, tempFolder, tempStore } from './support/temp.ts';

async function refused(file: string): Promise<HeadgateError> {
  const error = await openStore({ file, clock: systemClock }).then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(error).toBeInstanceOf(HeadgateError);
  return error as HeadgateError;
}

describe('{#data_lock} a data folder', () => {
  test('that another server holds is refused, with who holds it, since when, and where it is reached', async () => {
    const folder = tempFolder();
    const before = Date.now();
    const holder = start('hold.mjs', [join(folder, 'headgate.db')]);
    await holder.line();
    writeFileSync(join(folder, 'server.json'), JSON.stringify({ pid: holder.child.pid, url: 'ws://127.0.0.1:1/rpc', token: 'secret' }));
    const error = await refused(join(folder, 'headgate.db'));
    expect(error.kind).toBe('conflict');
    expect(error.facts).toMatchObject({ folder, pid: holder.child.pid, url: 'ws://127.0.0.1:1/rpc' });
    expect(Date.parse(String(error.facts['since']))).toBeGreaterThanOrEqual(before);
    expect(error.message).toContain(`process ${holder.child.pid} since`);
    expect(error.message).toContain('ws://127.0.0.1:1/rpc');
    expect(error.message).toContain('stop it first, or start with another --data folder');
    expect(JSON.stringify(error.data) + error.message).not.toContain('secret');
    holder.child.stdin?.end();
    expect(await holder.line()).toBe('closed');
    await tempStore({ file: join(folder, 'headgate.db') });
  });

  test('is free at once when its holder is killed with -9', async () => {
    const file = join(tempFolder(), 'headgate.db');
    const holder = start('hold.mjs', [file]);
    await holder.line();
    await refused(file);
    await holder.kill();
    const { store } = await tempStore({ file });
    expect(store.projects.open({ name: 'p', root: '/', configPath: null }).id).toBe(1);
  });

  test('is held against another store of the same process, and given back by close', async () => {
    const { store, file } = await tempStore();
    expect((await refused(file)).facts['pid']).toBe(process.pid);
    await store.close();
    expect(existsSync(join(file, '..', 'lock.json'))).toBe(false);
    await tempStore({ file });
  });

  test('two servers on one spool: two servers that start at once: one gets it', async () => {
    const file = join(tempFolder(), 'headgate.db');
    const results = await Promise.allSettled(Array.from({ length: 3 }, () => start('hold.mjs', [file]).line()));
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const result of results) if (result.status === 'rejected') expect(String(result.reason)).toContain('is in use by');
  });

  test('facts of a holder that is gone are not told as those of the present one', async () => {
    const { file } = await tempStore();
    writeFileSync(join(file, '..', 'lock.json'), JSON.stringify({ pid: 2 ** 22 + 1, startedAt: 1 }));
    const error = await refused(file);
    expect(error.message).toContain('in use by another process');
    expect(error.facts).not.toHaveProperty('pid');
    writeFileSync(join(file, '..', 'lock.json'), 'no json');
    expect((await refused(file)).kind).toBe('conflict');
  });

  test('tells its facts to its owner alone', async () => {
    const { file } = await tempStore();
    for (const name of ['lock.db', 'lock.json']) expect(statSync(join(file, '..', name)).mode & 0o777).toBe(0o600);
  });
});
