import { once } from 'node:events';
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import Database from 'better-sqlite3';
import { describe, expect, test, vi } from 'vitest';
import { Checkpointer } from '../../../src/store/checkpoint.ts';
import { append, newChannel, start, tempFolder, tempStore } from './support/temp.ts';

const MIB = 1024 * 1024;
const patiently = { timeout: 20_000, interval: 20 };

describe('{#checkpoints} the checkpoint thread', () => {
  test('moves what was committed into the database file while nobody waits for it', async () => {
    const { store, file } = await tempStore({ checkpoint: true });
    const id = newChannel(store);
    append(store, id, Buffer.alloc(4 * MIB, 'x'));
    await vi.waitFor(() => expect(statSync(file).size).toBeGreaterThan(4 * MIB), patiently);
    append(store, id, Buffer.alloc(4 * MIB, 'x'));
    await vi.waitFor(() => expect(statSync(file).size).toBeGreaterThan(8 * MIB), patiently);
  });

  test('gives the space of a log that has grown long back when the writer rests', async () => {
    const { store, file } = await tempStore({ checkpoint: true });
    const id = newChannel(store);
    store.transaction('fast', () => {
      for (let i = 0; i < 80; i++) append(store, id, Buffer.alloc(MIB, 'x'));
    });
    expect(statSync(`${file}-wal`).size).toBeGreaterThan(64 * MIB);
    await vi.waitFor(() => expect(statSync(`${file}-wal`).size).toBe(0), patiently);
    expect(store.channels.read(id, 80 * MIB - 3, 10).toString()).toBe('xxx');
  });

  test('begins the log again under a writer that never rests', async () => {
    const { store, file } = await tempStore({ checkpoint: true });
    const id = newChannel(store);
    const chunk = Buffer.alloc(MIB, 'x');
    let written = 0;
    const write = async (until: () => boolean) => {
      while (!until() && written < 2048) {
        append(store, id, chunk);
        written++;
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    // The header of the log holds a number that each new beginning raises.
    const first = readSalt(file);
    await write(() => written > 64 && readSalt(file) !== first);
    expect(readSalt(file)).not.toBe(first);
    expect(store.channels.head(id).bytes).toBe(written * MIB);
  });

  test('logs a failure once, tries again, and says when it works', async () => {
    const file = join(tempFolder(), 'late.db');
    const told: string[] = [];
    const note = (_facts: object, message: string) => void told.push(message);
    const logger = { debug: note, info: note, warn: note, error: note };
    const checkpointer = new Checkpointer({ file, logger, inline: () => {} });
    try {
      checkpointer.committed();
      await vi.waitFor(() => expect(told).toEqual(['a checkpoint failed; it is tried again']), patiently);
      const db = new Database(file);
      db.pragma('journal_mode = wal');
      db.close();
      await vi.waitFor(() => expect(told).toEqual(['a checkpoint failed; it is tried again', 'checkpoints work again']), patiently);
    } finally {
      await checkpointer.close();
    }
  });

  test('is started again when it has ended, later each time; until then commits checkpoint', async () => {
    const file = join(tempFolder(), 'headgate.db');
    const db = new Database(file);
    db.pragma('journal_mode = wal');
    db.exec('create table t (x blob)');
    const told: (boolean | number)[] = [];
    const note = (facts: object) => void ('pauseMs' in facts && told.push(facts.pauseMs as number));
    const logger = { debug: note, info: note, warn: note, error: note };
    const begun = (): Promise<[Worker]> => once(process, 'worker') as Promise<[Worker]>;
    const checkpointer = new Checkpointer({ file, logger, inline: (yes) => void told.push(yes), restartMs: 10 });
    try {
      let next = begun();
      checkpointer.committed();
      for (let i = 0; i < 3; i++) {
        const [worker] = await next;
        next = begun();
        await worker.terminate();
      }
      await next;
      expect(told).toEqual([10, true, false, 20, true, false, 40, true, false]);
      db.prepare('insert into t values (?)').run(Buffer.alloc(4 * MIB));
      checkpointer.committed();
      await vi.waitFor(() => expect(statSync(file).size).toBeGreaterThan(4 * MIB), patiently);
    } finally {
      await checkpointer.close();
      db.close();
    }
  });

  test('does not keep the process alive', async () => {
    const program = start('forget.mjs', [join(tempFolder(), 'headgate.db')]);
    expect(await program.ended()).toBe(0);
  });
});

/** The two numbers in the header of the write-ahead log (SQLite file format, section 4.1). */
function readSalt(file: string): string {
  const fd = openSync(`${file}-wal`, 'r');
  const header = Buffer.alloc(32);
  readSync(fd, header, 0, 32, 0);
  closeSync(fd);
  return header.toString('hex', 16, 24);
}
