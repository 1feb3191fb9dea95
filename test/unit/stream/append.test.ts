import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { harness } from './harness.ts';

let h: Awaited<ReturnType<typeof harness>>;
beforeEach(async () => {
  h = await harness();
});
afterEach(async () => {
  h.streams.close();
  await h.close();
});

const append = (path: string, bytes: string | Buffer, offset?: number, channel = 1, epoch?: number) =>
  h.streams.append({ runId: h.run.id, path, channel, bytes: Buffer.from(bytes as string), offset, epoch });
const read = (path: string, channel = 1) => h.streams.read({ runId: h.run.id, path, channel }).data.toString();

describe('{#stream_offset} append at an offset', () => {
  it('appends at the end when no offset is given and returns where the chunk begins', async () => {
    const { path } = h.accept('a');
    expect(await append(path, 'hello ')).toEqual({ offset: 0, bytes: 6 });
    expect(await append(path, 'world')).toEqual({ offset: 6, bytes: 11 });
    expect(read(path)).toBe('hello world');
  });

  it('stores a repeated chunk once and says ok again', async () => {
    const { path } = h.accept('a');
    await append(path, 'hello', 0);
    expect(await append(path, 'hello', 0)).toEqual({ offset: 0, bytes: 5 });
    expect(read(path)).toBe('hello');
  });

  it('stores a chunk once that is repeated while the first still waits for its commit', async () => {
    const { path } = h.accept('a');
    await Promise.all([append(path, 'hello', 0), append(path, 'hello', 0), append(path, 'hello world', 0)]);
    expect(read(path)).toBe('hello world');
  });

  it('refuses a gap and other bytes with the expected offset, and stores nothing of it', async () => {
    const { path } = h.accept('a');
    await append(path, 'hello', 0);
    await expect(append(path, 'x', 9)).rejects.toMatchObject({ kind: 'offset_conflict', facts: { expected: 5 } });
    await expect(append(path, 'jello', 0)).rejects.toMatchObject({ kind: 'offset_conflict', facts: { expected: 5 } });
    await expect(append(path, 'hellO!', 0)).rejects.toMatchObject({ kind: 'offset_conflict' });
    expect(read(path)).toBe('hello');
  });

  it('gives the same channel for any chunking, retries and overlaps included', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ minLength: 1, maxLength: 2000 }),
        fc.array(fc.record({ from: fc.double({ min: 0, max: 1, noNaN: true }), length: fc.nat(700), wait: fc.boolean() }), {
          minLength: 1,
          maxLength: 25,
        }),
        fc.string({ minLength: 1, maxLength: 6 }),
        async (content, steps, _seed) => {
          const whole = Buffer.from(content);
          const { path } = h.accept(`p${Math.floor(performance.now() * 1000)}`);
          let end = 0;
          const going: Promise<unknown>[] = [];
          for (const step of [...steps, { from: 1, length: whole.length, wait: true }]) {
            const from = Math.floor(step.from * end);
            const piece = whole.subarray(from, from + step.length);
            const sent = append(path, piece, from);
            going.push(sent);
            end = Math.max(end, from + piece.length);
            if (step.wait) await sent;
          }
          await Promise.all(going);
          const stored = h.streams.read({ runId: h.run.id, path, channel: 1 });
          expect(stored.data.equals(whole.subarray(0, end))).toBe(true);
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe('{#stream_epoch} leases', () => {
  it('refuses a write of an older lease and stores nothing', async () => {
    const entry = h.accept('a', 'embedded');
    const { link } = h.streams;
    h.store.producers.update(entry.id, { epoch: 2 });
    h.again().streams.reconcile();
    const later = h.again();
    later.streams.reconcile();
    const { producer } = later.runner.adopted[0] as { producer: { epoch: number } };
    expect(producer.epoch).toBe(4);
    await expect(later.streams.link.append(entry.id, 3, 1, 0, Buffer.from('old'))).rejects.toMatchObject({ kind: 'stale_epoch' });
    await later.streams.link.append(entry.id, 4, 1, 0, Buffer.from('new'));
    expect(later.streams.read({ runId: h.run.id, path: entry.path, channel: 1 }).data.toString()).toBe('new');
    await expect(link.completed(entry.id, 1, { exitCode: 0, signal: null, durationMs: 1, detached: [] })).rejects.toMatchObject({
      kind: 'stale_epoch',
    });
  });

  it("refuses a client whose epoch is not the producer's", async () => {
    const { path } = h.accept('a');
    await append(path, 'x', 0, 1, 1);
    await expect(append(path, 'y', 1, 1, 7)).rejects.toMatchObject({ kind: 'conflict', facts: { epoch: 1 } });
  });
});

describe('{#stream_commit} commits', () => {
  it('joins what several producers bring at once and acknowledges each after it is stored', async () => {
    const paths = ['a', 'b', 'c'].map((slug) => h.accept(slug).path);
    const sent = paths.flatMap((path) => [append(path, '1'), append(path, '2'), append(path, 'e', undefined, 2)]);
    await Promise.all(sent);
    for (const path of paths) {
      expect(read(path)).toBe('12');
      expect(read(path, 2)).toBe('e');
      const entry = h.store.entries.get(h.run.id, path);
      const [first] = h.streams.channelsOf(entry as NonNullable<typeof entry>);
      const segments = h.store.channels.segments(h.store.entries.get(h.run.id, first?.path as string)?.id as number, 0, 10);
      expect(segments.map((segment) => segment.bytes.toString())).toEqual(['12']);
    }
  });

  it('keeps bytes that are not UTF-8, NUL bytes and a character split between chunks exactly', async () => {
    const { path } = h.accept('a');
    const whole = Buffer.concat([Buffer.from([0, 255, 254, 0]), Buffer.from('zwölf €'), Buffer.from([0xf0, 0x9f])]);
    for (let i = 0; i < whole.length; i++) await append(path, whole.subarray(i, i + 1), i);
    expect(h.streams.read({ runId: h.run.id, path, channel: 1 }).data.equals(whole)).toBe(true);
  });
});

describe('{#stream_not_open} before acceptance', () => {
  it('names what to do when nothing has been accepted, nothing exists, or no such channel', async () => {
    const { propose } = await import('../../support/temp-store.ts');
    const waiting = propose(h.store, h.run, 'w');
    await expect(append(waiting.path, 'x')).rejects.toMatchObject({
      kind: 'stream_not_open',
      message: expect.stringContaining('run/resolve'),
    });
    await expect(append('log://turn_9/sh/none', 'x')).rejects.toMatchObject({ kind: 'not_found' });
    await expect(append('sh://turn_0/w_1', 'x')).rejects.toMatchObject({ kind: 'invalid_params' });
    const { path } = h.accept('a');
    await expect(append(path, 'x', 0, 3)).rejects.toMatchObject({ kind: 'not_found', message: expect.stringContaining('1, 2') });
  });

  it("refuses a client's bytes for a command that the server runs", async () => {
    const { path } = h.accept('a', 'embedded');
    await expect(append(path, 'x')).rejects.toMatchObject({ kind: 'conflict', message: expect.stringContaining('runner: "client"') });
  });
});
