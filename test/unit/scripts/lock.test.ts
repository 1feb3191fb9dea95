import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { withLock } from '../../../scripts/lib/lock.mjs';
import { tempFolder } from '../../support/temp-store.ts';

const LOCK = new URL('../../../scripts/lib/lock.mjs', import.meta.url).href;

/** In a process of its own: takes the lock, appends to a file at the beginning and at the end, and lets go. */
const WORKER = `
import { appendFileSync, readFileSync } from 'node:fs';
const [, root] = process.argv;
const { withLock } = await import(${JSON.stringify(LOCK)});
await withLock(root, () => {}, async () => {
  appendFileSync(root + '/log', 'in ');
  for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate);
  appendFileSync(root + '/log', 'out ');
});
`;

describe('the lock around installing and building', () => {
  let root: string;
  let remove: () => Promise<void>;

  beforeEach(async () => {
    ({ folder: root, remove } = await tempFolder());
  });
  afterEach(() => remove());

  const lines: string[] = [];
  const say = (line: string) => void lines.push(line);

  it('lets four processes in one after another', async () => {
    const workers = Array.from({ length: 4 }, () =>
      spawn(process.execPath, ['--input-type=module', '-e', WORKER, root], { stdio: 'inherit' }),
    );
    const codes = await Promise.all(workers.map(async (worker) => (await once(worker, 'exit'))[0] as number));
    expect(codes).toEqual([0, 0, 0, 0]);
    expect(await readFile(join(root, 'log'), 'utf8')).toBe('in out '.repeat(4));
  });

  it('takes over from a process that died with it', async () => {
    const holder = spawn(process.execPath, ['-e', '']);
    await once(holder, 'exit');
    await writeFile(join(root, '.prepare.lock'), `${holder.pid}\n`);
    expect(await withLock(root, say, () => 'done')).toBe('done');
    expect(existsSync(join(root, '.prepare.lock'))).toBe(false);
  });

  it('is free again when the work throws', async () => {
    await expect(withLock(root, say, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await withLock(root, say, () => 'done')).toBe('done');
  });
});
