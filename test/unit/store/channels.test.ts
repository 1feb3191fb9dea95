import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { append, newChannel, tempStore } from './support/temp.ts';

/** Chunks with many LFs, with none, of any byte, and some large ones. */
const chunk = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.array(fc.constantFrom(10, 10, 65, 0, 0xff, 0xc3), { minLength: 1, maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
  },
  { weight: 3, arbitrary: fc.uint8Array({ minLength: 1, maxLength: 300 }).map((bytes) => Buffer.from(bytes)) },
  { weight: 2, arbitrary: fc.integer({ min: 1, max: 200 }).map((length) => Buffer.alloc(length, 'x')) },
  { weight: 1, arbitrary: fc.integer({ min: 8_000, max: 70_000 }).map((length) => Buffer.alloc(length, `${'y'.repeat(79)}\n`)) },
);

/** Offsets at which lines begin, by a plain scan. */
function lineStarts(whole: Buffer): number[] {
  const starts = [0];
  for (let lf = whole.indexOf(10); lf >= 0; lf = whole.indexOf(10, lf + 1)) starts.push(lf + 1);
  return starts;
}

describe('{#segments} a channel reads as the bytes that were appended', () => {
  test('for any chunks: ranges, line starts and line counts', async () => {
    const { store } = await tempStore();
    newChannel(store);
    let channels = 0;
    fc.assert(
      fc.property(
        fc.array(chunk, { maxLength: 30 }),
        fc.array(fc.tuple(fc.nat(), fc.nat()), { minLength: 20, maxLength: 20 }),
        (chunks, places) => {
          const whole = Buffer.concat(chunks);
          const { id } = store.entries.create({
            runId: 1,
            path: `sh://turn_1/${++channels}_1`,
            category: 'data',
            status: 102,
            turn: 1,
            writer: 'test',
          });
          store.transaction('fast', () => {
            for (const bytes of chunks) append(store, id, bytes);
          });
          const starts = lineStarts(whole);
          expect(store.channels.head(id)).toEqual({ bytes: whole.length, lines: starts.length - 1 });
          expect(store.channels.read(id, 0, whole.length + 1).equals(whole)).toBe(true);
          for (const [a, b] of places) {
            const from = a % (whole.length + 2);
            const length = b % (whole.length + 2);
            expect(store.channels.read(id, from, length).equals(whole.subarray(from, from + length))).toBe(true);
            const line = a % (starts.length + 2);
            expect(store.channels.offsetOfLine(id, line)).toBe(starts[line] ?? whole.length);
            expect(store.channels.linesBefore(id, from)).toBe(starts.filter((start) => start > 0 && start <= from).length);
            const [segment] = store.channels.segments(id, from, 1);
            if (from >= whole.length) expect(segment).toBeUndefined();
            else expect(segment && segment.offset <= from && segment.offset + segment.bytes.length > from).toBe(true);
          }
        },
      ),
      { numRuns: 150 },
    );
  });

  test('one line without an end is found among a thousand segments', async () => {
    const { store } = await tempStore();
    const id = newChannel(store);
    store.transaction('fast', () => {
      append(store, id, Buffer.from('first\n'));
      for (let i = 0; i < 1000; i++) append(store, id, Buffer.alloc(100, 'x'));
      append(store, id, Buffer.from('\nlast'));
    });
    expect(store.channels.offsetOfLine(id, 1)).toBe(6);
    expect(store.channels.offsetOfLine(id, 2)).toBe(100_007);
    expect(store.channels.offsetOfLine(id, 3)).toBe(100_011);
    expect(store.channels.linesBefore(id, 50_000)).toBe(1);
  });
});

describe('{#segments} cost of a channel', () => {
  test('every read and append reaches its segments by an index, whatever the length', async () => {
    const { store, file } = await tempStore();
    newChannel(store);
    const { default: Database } = await import('better-sqlite3');
    const db = new Database(file, { readonly: true });
    const statements = [
      'select offset from segments where entry_id = 1 and offset <= 5 order by offset desc limit 1',
      'select bytes from segments where entry_id = 1 and offset >= 5 and offset < 9 order by offset',
      'select offset, line, bytes from segments where entry_id = 1 and line < 5 order by line desc, offset desc limit 1',
    ];
    for (const sql of statements) {
      const plan = db
        .prepare<[], { detail: string }>(`explain query plan ${sql}`)
        .all()
        .map(({ detail }) => detail)
        .join('; ');
      expect(plan).toMatch(/^SEARCH segments USING (COVERING )?INDEX [^;]+$/);
    }
    db.close();
  });
});
