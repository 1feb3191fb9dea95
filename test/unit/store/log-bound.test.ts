import { once } from 'node:events';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import Database from 'better-sqlite3';
import { describe, expect, test, vi } from 'vitest';
import { systemClock } from '../../../src/core/clock.ts';
import { silentLogger } from '../../../src/core/logger.ts';
import { Checkpointer } from '../../../src/store/checkpoint.ts';
import { Connection } from '../../../src/store/connection.ts';
import { LogLength } from '../../../src/store/log-length.ts';
import { ChannelLog } from '../../../src/stream/channel-log.ts';
import { append, newChannel, tempFolder, tempStore } from './support/temp.ts';

const MIB = 1024 * 1024;
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Size of the log's file. */
const logBytes = (file: string) => statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0;

/** Writes through the channel log as fast as it takes chunks, 4 MiB unacknowledged; calls `look` on every tick until all is stored. */
async function writeFast(log: ChannelLog, entryId: number, bytes: number, look: () => void): Promise<void> {
  const chunk = Buffer.alloc(256 * 1024, 'x');
  let [sent, stored] = [0, 0];
  while (stored < bytes) {
    while (sent < bytes && sent - stored < 4 * MIB) {
      sent += chunk.length;
      void log.append(entryId, undefined, chunk).then(() => {
        stored += chunk.length;
      });
    }
    await turn();
    look();
  }
}

describe('{#checkpoints} the write-ahead log', () => {
  test('long reader growing the WAL: stays below 128 MiB while a writer writes as fast as it can and a slow reader pages through the same bytes', async () => {
    const { store, file } = await tempStore({ checkpoint: true });
    const id = newChannel(store);
    const log = new ChannelLog({ store, clock: systemClock, stored: () => {} });
    let [at, longest, ticks] = [0, 0, 0];
    await writeFast(log, id, 512 * MIB, () => {
      longest = Math.max(longest, logBytes(file));
      // A page every few ticks: slower than the writer.
      if (ticks++ % 4 === 0) at += store.channels.read(id, at, MIB).length;
    });
    while (at < 512 * MIB) {
      at += store.channels.read(id, at, MIB).length;
      longest = Math.max(longest, logBytes(file));
      if (ticks++ % 16 === 0) await turn();
    }
    expect(store.channels.head(id).bytes).toBe(512 * MIB);
    expect(longest).toBeLessThan(128 * MIB);
  }, 120_000);

  test('that is full holds chunks back while the event loop and changes of status go on', async () => {
    const { store } = await tempStore({ checkpoint: true });
    const id = newChannel(store);
    // One transaction of 100 MiB: more than the log may hold, before the thread has looked.
    store.transaction('fast', () => {
      for (let i = 0; i < 100; i++) append(store, id, Buffer.alloc(MIB, 'x'));
    });
    const order: string[] = [];
    const log = new ChannelLog({ store, clock: systemClock, stored: () => order.push('stored') });
    const stored = log.append(id, undefined, Buffer.from('late'));
    expect(store.channels.room()).toBeInstanceOf(Promise);
    await turn();
    order.push('tick');
    store.entries.update(id, { attributes: { told: true } });
    order.push('changed');
    await stored;
    expect(order).toEqual(['tick', 'changed', 'stored']);
    expect(store.channels.room()).toBeUndefined();
    expect(store.channels.read(id, 100 * MIB, 10).toString()).toBe('late');
  });

  test('that an outside reader holds grows by what is stored: chunks and changes go on, it is said once, and cut when the reader ends', async () => {
    const said: string[] = [];
    const note = (facts: object, message: string) => void said.push(`${message} ${JSON.stringify(facts)}`);
    const logger = { ...silentLogger, warn: note, info: note };
    const { store, file } = await tempStore({ checkpoint: true, logger });
    const id = newChannel(store);
    const reader = new Database(file, { readonly: true });
    reader.exec('begin');
    reader.prepare('select count(*) from entries').get();
    store.transaction('fast', () => {
      for (let i = 0; i < 100; i++) append(store, id, Buffer.alloc(MIB, 'x'));
    });
    const log = new ChannelLog({ store, clock: systemClock, stored: () => {} });
    let longest = 0;
    let ticks = 0;
    await writeFast(log, id, 40 * MIB, () => {
      if (ticks++ % 64 !== 0) return;
      const begun = performance.now();
      store.entries.update(id, { attributes: { ticks } });
      longest = Math.max(longest, performance.now() - begun);
    });
    expect(store.channels.head(id).bytes).toBe(140 * MIB);
    expect(longest).toBeLessThan(2000);
    await vi.waitFor(() => expect(said).toMatchObject([expect.stringMatching(/something else reads the database/)]), { timeout: 20_000 });
    reader.close();
    await vi.waitFor(() => expect(logBytes(file)).toBe(0), { timeout: 20_000, interval: 20 });
    await vi.waitFor(() => expect(said.at(-1)).toMatch(/checkpoints work again/), { timeout: 20_000, interval: 20 });
    expect(said.length).toBe(2);
  }, 60_000);

  test('inline checkpoint stalls: commits go on while the thread is checkpointing', async () => {
    const file = join(tempFolder(), 'headgate.db');
    const db = new Database(file);
    db.pragma('journal_mode = wal');
    db.pragma('wal_autocheckpoint = 0');
    db.exec('create table t (x blob)');
    const checkpointer = new Checkpointer({ file, logger: silentLogger, inline: () => {} });
    const connection = new Connection(db, checkpointer);
    try {
      const insert = connection.prepare<[Buffer]>('insert into t values (?)');
      let within = 0;
      for (let tries = 0; within < 3 && tries < 20; tries++) {
        connection.transaction('fast', () => {
          for (let i = 0; i < 32; i++) insert.run(Buffer.alloc(MIB, 'x'));
        });
        const begun = checkpointer.round;
        await vi.waitFor(() => expect(checkpointer.round).toBeGreaterThan(begun), { timeout: 20_000, interval: 1 });
        for (let i = 0; i < 100; i++) {
          const before = checkpointer.round;
          connection.transaction('fast', () => insert.run(Buffer.from('x')));
          // Begun, committed, and the same checkpoint is still under way.
          if (before % 2 === 1 && checkpointer.round === before) within++;
        }
      }
      expect(within).toBeGreaterThanOrEqual(3);
    } finally {
      await checkpointer.close();
      db.close();
    }
  }, 60_000);

  test('is emptied by the commits themselves once the thread has ended, and nothing waits for the thread any more', async () => {
    const thread = once(process, 'worker') as Promise<[Worker]>;
    // No new thread within the test, however slow the disk is.
    const { store, file } = await tempStore({ checkpoint: true, checkpointRestartMs: 60_000 });
    const id = newChannel(store);
    append(store, id, Buffer.from('begun\n'));
    const [worker] = await thread;
    await once(worker, 'online');
    store.transaction('fast', () => {
      for (let i = 0; i < 100; i++) append(store, id, Buffer.alloc(MIB, 'x'));
    });
    const exit = once(worker, 'exit');
    void worker.terminate();
    await Promise.all([store.channels.room(), exit]);
    expect(store.channels.room()).toBeUndefined();

    const log = new ChannelLog({ store, clock: systemClock, stored: () => {} });
    const grown = logBytes(file);
    await writeFast(log, id, 256 * MIB, () => {});
    expect(logBytes(file)).toBeLessThanOrEqual(grown + 16 * MIB);
    expect(statSync(file).size).toBeGreaterThan(300 * MIB);
    expect(store.channels.head(id).bytes).toBe(356 * MIB + 6);
    await store.close();
  }, 60_000);
});

describe('{#checkpoints} the length of the log, as the writer knows it', () => {
  test('grows with what is committed, never below the truth, and begins again at what a checkpoint found', () => {
    const length = new LogLength();
    let found = 0;
    const commit = (bytes: number, round: number) => {
      length.wrote(bytes);
      length.committed(round, () => found);
    };
    commit(10 * MIB, 0);
    expect(length.bytes).toBeGreaterThan(10 * MIB);
    // A checkpoint has begun: it may not have seen what is committed from here on.
    commit(20 * MIB, 1);
    expect(length.bytes).toBeGreaterThan(30 * MIB);
    found = 10 * MIB;
    commit(MIB, 2);
    expect(length.bytes).toBeGreaterThan(31 * MIB);
    // Several rounds that nobody noticed: nothing was committed in between.
    found = 0;
    commit(MIB, 8);
    expect(length.bytes).toBeLessThan(2 * MIB);
    // One was under way, another is now: only what came during the first may be unseen.
    commit(5 * MIB, 9);
    found = MIB;
    commit(MIB, 11);
    expect(length.bytes).toBeGreaterThan(7 * MIB);
    expect(length.bytes).toBeLessThan(8 * MIB);
    length.measured(0);
    expect(length.bytes).toBe(0);
  });
});
