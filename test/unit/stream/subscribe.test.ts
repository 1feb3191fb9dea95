import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { StreamSelector } from '../../../src/stream/index.ts';
import { propose } from '../../support/temp-store.ts';
import { Connection, harness, settled } from './harness.ts';

let h: Awaited<ReturnType<typeof harness>>;
beforeEach(async () => {
  h = await harness();
});
afterEach(async () => {
  h.streams.close();
  await h.close();
});

const write = (path: string, bytes: Buffer | string, channel = 1) =>
  h.streams.append({ runId: h.run.id, path, channel, bytes: Buffer.from(bytes as string) });
const open = (connection: Connection, selector: Partial<StreamSelector>, from: number | 'start' | 'live' = 'start') =>
  h.streams.subscribe({ projectId: h.run.projectId, runId: h.run.id, ...selector }, from, 1, connection);

describe('{#stream_subscribe} a subscription', () => {
  it('from start gives what is stored, then what comes, then the end, once and in order', async () => {
    const { path } = h.accept('a');
    await write(path, 'before ');
    const connection = new Connection();
    const subscription = open(connection, { path });
    expect(subscription.channels).toEqual([
      { channel: 1, path: 'sh://turn_0/a_1', log: path, bytes: 7, status: 102, offset: 0 },
      { channel: 2, path: 'sh://turn_0/a_2', log: path, bytes: 0, status: 102, offset: 0 },
    ]);
    await write(path, 'after');
    await write(path, 'err', 2);
    h.streams.completed(h.run.id, path, { exitCode: 0 });
    await settled();
    expect(connection.bytes(1).toString()).toBe('before after');
    expect(connection.bytes(2).toString()).toBe('err');
    expect(connection.ends).toMatchObject([{ path, status: 200, exit_code: 0, channels: [{ bytes: 12 }, { bytes: 3 }] }]);
    expect(connection.order.at(-1)).toBe('ended');
  });

  it('opened after the end gives everything and the end, with the sequence number it had', async () => {
    const { path } = h.accept('a');
    await write(path, 'all of it');
    h.streams.completed(h.run.id, path, { exitCode: 3 });
    const connection = new Connection();
    open(connection, { path });
    await settled();
    expect(connection.bytes(1).toString()).toBe('all of it');
    expect(connection.ends).toMatchObject([
      { status: 500, outcome: 'exit:3', exit_code: 3, seq: h.events.find((event) => event.type === 'stream/ended')?.seq },
    ]);
  });

  it('goes on at any offset after a reconnect', async () => {
    const { path } = h.accept('a');
    await write(path, '0123456789');
    const connection = new Connection();
    open(connection, { path, channel: 1 }, 4);
    await write(path, 'abc');
    await settled();
    expect(connection.bytes(1, 4).toString()).toBe('456789abc');
    expect(() => open(connection, { path }, 999)).toThrow(expect.objectContaining({ kind: 'offset_conflict' }));
  });

  it('from live gives only what comes', async () => {
    const { path } = h.accept('a');
    await write(path, 'old');
    const connection = new Connection();
    open(connection, { path }, 'live');
    await settled();
    await write(path, 'new');
    expect(connection.bytes(1, 3).toString()).toBe('new');
  });

  it('opened on a waiting proposal begins when it is accepted', async () => {
    const entry = propose(h.store, h.run, 'later');
    const connection = new Connection();
    expect(open(connection, { path: entry.path }).channels).toEqual([]);
    h.journal.commit('durable', (tx) =>
      h.streams.open(tx, entry, {
        backend: 'process',
        runner: 'client',
        channels: [1, 2],
        spec: { command: 'x', cwd: '/', env: {}, stdin: false },
      }),
    );
    await write(entry.path, 'now');
    expect(connection.bytes(1).toString()).toBe('now');
  });

  it('by pattern follows every producer of the run that matches, later ones too', async () => {
    const early = h.accept('build-1');
    await write(early.path, 'e');
    const connection = new Connection();
    open(connection, { matches: (path) => path.includes('build') });
    const late = h.accept('build-2');
    const other = h.accept('other');
    await write(late.path, 'l');
    await write(other.path, 'o');
    await settled();
    expect(connection.pieces.map((piece) => [piece.path, piece.bytes.toString()])).toEqual([
      [early.path, 'e'],
      [late.path, 'l'],
    ]);
  });

  it('gives nothing after it is closed', async () => {
    const { path } = h.accept('a');
    const connection = new Connection();
    const subscription = open(connection, { path });
    subscription.close();
    await write(path, 'x');
    await settled();
    expect(connection.pieces).toEqual([]);
  });

  it('of an unknown path is refused', () => {
    expect(() => open(new Connection(), { path: 'log://turn_1/sh/none' })).toThrow(expect.objectContaining({ kind: 'not_found' }));
  });
});

describe('{#stream_text} whole characters', () => {
  it('holds back the beginning of a character until the rest has come, and gives it out at the end if it never does', async () => {
    const { path } = h.accept('a');
    const connection = new Connection();
    open(connection, { path });
    await settled();
    const euro = Buffer.from('€');
    await write(path, Buffer.concat([Buffer.from('5 '), euro.subarray(0, 1)]));
    expect(connection.bytes(1).toString()).toBe('5 ');
    await write(path, Buffer.concat([euro.subarray(1), euro.subarray(0, 2)]));
    expect(connection.bytes(1).toString()).toBe('5 €');
    h.streams.completed(h.run.id, path, { exitCode: 0 });
    await settled();
    expect(connection.bytes(1).equals(Buffer.concat([Buffer.from('5 €'), euro.subarray(0, 2)]))).toBe(true);
    expect(connection.ends).toHaveLength(1);
  });

  it('gives every reader the same bytes for any split and any time of joining', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.string({ unit: 'binary', minLength: 1, maxLength: 300 }),
        fc.array(fc.nat(9), { minLength: 1, maxLength: 40 }),
        async (text, sizes) => {
          const whole = Buffer.concat([Buffer.from(text), Buffer.from([0xc3])]);
          const { path } = h.accept(`q${Math.floor(performance.now() * 1000)}`);
          const readers: Connection[] = [];
          let at = 0;
          for (const size of sizes) {
            const reader = new Connection();
            readers.push(reader);
            open(reader, { path });
            await write(path, whole.subarray(at, at + size));
            at = Math.min(whole.length, at + size);
          }
          await write(path, whole.subarray(at));
          h.streams.completed(h.run.id, path, { exitCode: 0 });
          await settled();
          for (const reader of readers) {
            expect(reader.bytes(1).equals(whole)).toBe(true);
            expect(reader.ends).toHaveLength(1);
          }
        },
      ),
      { numRuns: 30 },
    );
  });
});

describe('{#stream_backpressure} a slow reader', () => {
  it('costs at most the mark, loses nothing and slows nobody', async () => {
    const { path } = h.accept('a');
    const fast = new Connection();
    const slow = new Connection();
    slow.stalled = true;
    open(fast, { path });
    const subscription = open(slow, { path });
    await settled();
    // Ends with a whole character, so that nothing is held back.
    const whole = Buffer.concat([randomBytes(6 * 1024 * 1024 - 1), Buffer.from('.')]);
    for (let at = 0; at < whole.length; at += 128 * 1024) await write(path, whole.subarray(at, at + 128 * 1024));
    await settled(60);
    expect(fast.bytes(1).equals(whole)).toBe(true);
    expect(slow.buffered).toBeLessThan(1.5 * 1024 * 1024);
    h.streams.completed(h.run.id, path, { exitCode: 0 });
    expect(slow.ends).toEqual([]);
    for (let i = 0; i < 20; i++) {
      slow.buffered = 0;
      subscription.pump();
      await settled(2);
    }
    expect(slow.bytes(1).equals(whole)).toBe(true);
    expect(slow.order.at(-1)).toBe('ended');
  });

  it('is told of a gap only when it asked for live', async () => {
    const { path } = h.accept('a');
    const live = new Connection();
    const exact = new Connection();
    live.stalled = exact.stalled = true;
    const liveSubscription = open(live, { path }, 'live');
    const exactSubscription = open(exact, { path });
    await settled();
    const piece = Buffer.alloc(1024 * 1024, 'x');
    for (let i = 0; i < 12; i++) await write(path, piece);
    for (let i = 0; i < 20; i++) {
      live.buffered = exact.buffered = 0;
      liveSubscription.pump();
      exactSubscription.pump();
      await settled(2);
    }
    expect(live.gaps).toMatchObject([{ path, channel: 1, to: 12 * 1024 * 1024 }]);
    expect(exact.gaps).toEqual([]);
    expect(exact.bytes(1).length).toBe(12 * 1024 * 1024);
  });
});

describe('{#stream_cursor} one piece for all', () => {
  it('hands the same object to every reader that keeps up, so that it is encoded once', async () => {
    const { path } = h.accept('a');
    const readers = [new Connection(), new Connection(), new Connection()];
    for (const reader of readers) open(reader, { path });
    await settled();
    await write(path, 'x');
    const [first, second, third] = readers.map((reader) => reader.pieces[0]);
    expect(second).toBe(first);
    expect(third).toBe(first);
  });
});
