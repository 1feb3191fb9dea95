import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ReadRequest } from '../../../src/stream/index.ts';
import { harness } from './harness.ts';

let h: Awaited<ReturnType<typeof harness>>;
let path: string;
beforeEach(async () => {
  h = await harness();
  path = h.accept('a').path;
});
afterEach(async () => {
  h.streams.close();
  await h.close();
});

const write = (bytes: Buffer | string) => h.streams.append({ runId: h.run.id, path, channel: 1, bytes: Buffer.from(bytes as string) });
const read = (request: ReadRequest) => h.streams.read({ runId: h.run.id, path, channel: 1, ...request });

describe('{#stream_read} reading a channel', () => {
  it('by byte range', async () => {
    await write('0123456789');
    expect(read({ from: 3, maxBytes: 4 })).toMatchObject({ from: 3, to: 7, bytes: 10, data: Buffer.from('3456') });
    expect(read({ from: 100 })).toMatchObject({ from: 10, to: 10, data: Buffer.alloc(0) });
  });

  it('by line range and by tail, the last line without LF counted', async () => {
    await write('one\ntwo\nthree\nfour');
    expect(read({ lines: { first: 2, count: 2 } })).toMatchObject({
      data: Buffer.from('two\nthree\n'),
      lines: { first: 2, last: 3, total: 4 },
    });
    expect(read({ lines: { last: 2 } })).toMatchObject({ data: Buffer.from('three\nfour'), lines: { first: 3, last: 4, total: 4 } });
    expect(read({ lines: { first: 9, count: 2 } })).toMatchObject({ data: Buffer.alloc(0), lines: { first: 0, last: 0, total: 4 } });
  });

  it('does not cut a character at the end of a range', async () => {
    await write('a€b');
    expect(read({ maxBytes: 2 }).data.toString()).toBe('a');
    expect(read({ from: 1, maxBytes: 3 }).data.toString()).toBe('€');
  });

  it('by pattern, with line numbers and offsets', async () => {
    await write('ok 1\nERROR two\nok 3\nERROR four');
    expect(read({ match: '^ERROR' }).matches).toEqual([
      { line: 2, offset: 5, text: 'ERROR two' },
      { line: 4, offset: 20, text: 'ERROR four' },
    ]);
    expect(read({ match: '^ERROR', from: 16 }).matches).toEqual([{ line: 4, offset: 20, text: 'ERROR four' }]);
  });

  it('finds a match behind a line that is longer than a page', async () => {
    await write(Buffer.concat([Buffer.alloc(700_000, 'x'), Buffer.from('\nneedle\n')]));
    // A search whose time is over says where to go on.
    const first = read({ match: 'needle' });
    const found = first.matches?.length === 0 ? read({ match: 'needle', from: first.to }) : first;
    expect(found).toMatchObject({ matches: [{ line: 2, offset: 700_001 }], to: 700_008 });
  });

  it('refuses a pattern that is none, and one that could stop the server', async () => {
    await write(`${'a'.repeat(7000)}!\n`);
    expect(() => read({ match: '(' })).toThrow(expect.objectContaining({ kind: 'invalid_params' }));
    expect(() => read({ match: '(a)\\1' })).toThrow(expect.objectContaining({ kind: 'invalid_params' }));
    const started = performance.now();
    read({ match: '(a+)+$' });
    expect(performance.now() - started).toBeLessThan(5000);
  });

  it('refuses from together with lines', () => {
    expect(() => read({ from: 1, lines: { last: 1 } })).toThrow(expect.objectContaining({ kind: 'invalid_params' }));
  });

  it('equals a plain string for any text and any line range', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ unit: fc.constantFrom('a', 'b', '\n'), maxLength: 40 }), { maxLength: 20 }),
        fc.nat(30),
        fc.integer({ min: 1, max: 9 }),
        async (chunks, first, count) => {
          path = h.accept(`r${Math.floor(performance.now() * 1000)}`).path;
          for (const chunk of chunks) await write(chunk);
          const whole = chunks.join('');
          const lines = whole.match(/[^\n]*\n|[^\n]+$/g) ?? [];
          expect(read({ lines: { first: first + 1, count } }).data.toString()).toBe(lines.slice(first, first + count).join(''));
          expect(read({ lines: { last: count } }).data.toString()).toBe(lines.slice(-count).join(''));
          expect(read({}).lines.total).toBe(lines.length);
        },
      ),
      { numRuns: 80 },
    );
  });
});
