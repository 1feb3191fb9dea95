import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ChannelLines } from '../../../web/src/output/channel-lines.ts';
import type { ChannelReader, OutputEnd, OutputPiece } from '../../../web/src/output/channel-reader.ts';
import { LINE_BYTES, TailRing } from '../../../web/src/output/tail-ring.ts';
import { harness } from '../stream/harness.ts';

let h: Awaited<ReturnType<typeof harness>>;
let path: string;
let stop: AbortController;
beforeEach(async () => {
  h = await harness();
  path = h.accept('a').path;
  stop = new AbortController();
});
afterEach(async () => {
  stop.abort();
  h.streams.close();
  await h.close();
});

const text = (bytes: Uint8Array | undefined) => bytes && Buffer.from(bytes).toString();
const write = (bytes: Buffer | string) => h.streams.append({ runId: h.run.id, path, channel: 1, bytes: Buffer.from(bytes as string) });

/** The channel as the server reads it; following brings what `pieces` is given. */
function reader(pieces: AsyncIterator<OutputPiece, OutputEnd | undefined>): ChannelReader & { reads: number } {
  const read = (request: object) => h.streams.read({ runId: h.run.id, path, channel: 1, ...request });
  return {
    reads: 0,
    async read(request) {
      this.reads++;
      return read(request);
    },
    async search(match, from) {
      const { matches = [], to, bytes } = read({ match, from });
      return { hits: matches, to, bytes };
    },
    follow: () => pieces as AsyncGenerator<OutputPiece, OutputEnd | undefined, void>,
  };
}

/** Nothing more comes. */
async function* ended(): AsyncGenerator<OutputPiece, OutputEnd | undefined, void> {
  yield* [];
  return { status: 200, outcome: null };
}

/** A line once it is here. */
async function lineOf(lines: ChannelLines, index: number) {
  return await vi.waitFor(
    () => {
      lines.want(index, index + 1);
      const line = lines.line(index);
      if (!line) throw new Error(`line ${index} is not here`);
      return line;
    },
    { timeout: 10_000, interval: 2 },
  );
}

describe('{#portal_output_lines} the lines of a channel', () => {
  it('are those of the channel, wherever one looks', async () => {
    await write(Array.from({ length: 50_000 }, (_, i) => `line ${i}\n`).join(''));
    await write('the last one has no end');
    const lines = new ChannelLines(reader(ended()), () => {}, stop.signal);
    await lines.follow(true);
    expect(lines.count).toBe(50_001);
    expect(text(lines.line(50_000)?.bytes)).toBe('the last one has no end');
    for (const index of [0, 1, 127, 128, 25_000, 49_999]) expect(text((await lineOf(lines, index)).bytes)).toBe(`line ${index}`);
  });

  it('tell how long one is that is not shown whole, and what follows it', async () => {
    await write(
      Buffer.concat([Buffer.from('first\n'), Buffer.alloc(3_000_000, 'x'), Buffer.from('\nbehind\n'), Buffer.alloc(40_000, 'y')]),
    );
    await write(Buffer.from(`\n${'z\n'.repeat(300_000)}`));
    const lines = new ChannelLines(reader(ended()), () => {}, stop.signal);
    await lines.follow(true);
    expect(await lineOf(lines, 1)).toMatchObject({ offset: 6, length: 3_000_000, bytes: { length: LINE_BYTES } });
    expect(text((await lineOf(lines, 2)).bytes)).toBe('behind');
    expect(await lineOf(lines, 3)).toMatchObject({ length: 40_000 });
  });

  it('show the end of a progress bar that is longer than a line is shown', async () => {
    await write(`${Array.from({ length: 9000 }, (_, i) => `\r${i} of 9000`).join('')}\n${'after\n'.repeat(60_000)}`);
    const lines = new ChannelLines(reader(ended()), () => {}, stop.signal);
    await lines.follow(true);
    expect(text((await lineOf(lines, 0)).bytes)).toMatch(/\r8999 of 9000$/);
  });

  it('come as they are written, and a page that was not full is read again', async () => {
    await write('a\nb');
    let more: (piece: OutputPiece | undefined) => void = () => {};
    const next = () => new Promise<OutputPiece | undefined>((resolve) => (more = resolve));
    async function* live(): AsyncGenerator<OutputPiece, OutputEnd | undefined, void> {
      for (let piece = await next(); piece; piece = await next()) yield piece;
      return { status: 500, outcome: 'exit:2', exit_code: 2 };
    }
    const changed = vi.fn();
    const lines = new ChannelLines(reader(live()), changed, stop.signal);
    const followed = lines.follow(true);
    await vi.waitFor(() => expect(lines.count).toBe(2), { timeout: 20_000 });
    more({ offset: 3, bytes: Buffer.from('c\nd\n') });
    await vi.waitFor(() => expect(lines.count).toBe(3), { timeout: 20_000 });
    expect([0, 1, 2, 3].map((index) => text(lines.line(index)?.bytes))).toEqual(['a', 'bc', 'd', undefined]);
    more(undefined);
    await followed;
    expect(lines.end).toMatchObject({ status: 500, exit_code: 2 });
  });

  it('are kept a few pages at a time', async () => {
    await write(`${'0123456789'.repeat(20)}\n`.repeat(120_000));
    const source = reader(ended());
    const lines = new ChannelLines(source, () => {}, stop.signal);
    await lines.follow(true);
    for (let index = 0; index < 119_000; index += 2000) await lineOf(lines, index);
    const reads = source.reads;
    await lineOf(lines, 118_000);
    expect(source.reads).toBe(reads);
    await lineOf(lines, 0);
    expect(source.reads).toBe(reads + 1);
  });
});

describe('{#portal_output_lines} the end of a channel that is kept', () => {
  it('has the lines of the whole, however it came', () => {
    const line = fc.string({ unit: fc.constantFrom('a', 'b', '€', ' ') });
    fc.assert(
      fc.property(fc.array(line), fc.boolean(), fc.array(fc.nat()), fc.integer({ min: 1, max: 200 }), (all, whole, cuts, keep) => {
        const bytes = Buffer.from(all.join('\n') + (whole ? '\n' : ''));
        const ring = new TailRing(0, 0, keep);
        const places = [...new Set([0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length])].sort((a, b) => a - b);
        for (let i = 1; i < places.length; i++) ring.push(places[i - 1]!, bytes.subarray(places[i - 1], places[i]));
        const expected = bytes.toString().split('\n');
        if (expected.at(-1) === '') expected.pop();
        expect(ring).toMatchObject({ bytes: bytes.length, lines: expected.length });
        for (const [index, one] of expected.entries()) {
          const kept = ring.line(index);
          if (kept) expect(text(kept.bytes)).toBe(one);
          else expect(bytes.length).toBeGreaterThan(keep);
        }
      }),
    );
  });

  it('takes what it has already once, and refuses a gap', () => {
    const ring = new TailRing(0, 0, 100);
    ring.push(0, Buffer.from('abc'));
    ring.push(1, Buffer.from('bcd'));
    expect(text(ring.line(0)?.bytes)).toBe('abcd');
    expect(() => ring.push(9, Buffer.from('x'))).toThrow('4 is due');
  });
});
