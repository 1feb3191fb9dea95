import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { countLines } from '../../../src/core/bytes.ts';
import type { ChannelReader } from '../../../src/hooks/views.ts';
import type { SegmentWrite, Store } from '../../../src/model/ports/store.ts';
import type { Run } from '../../../src/model/records.ts';
import { DIGEST_BYTES, digest } from '../../../src/plugins/stream/digest.ts';
import { terminalLine } from '../../../src/plugins/stream/terminal-text.ts';
import { channelReader } from '../../../src/runtime/readers.ts';
import { tempStore } from '../../support/temp-store.ts';

let store: Store;
let run: Run;
let close: () => Promise<void>;
beforeAll(async () => {
  ({ store, run, close } = await tempStore());
});
afterAll(() => close());

let number = 0;
/** A channel with these bytes in the real store. */
function channel(content: string | Buffer, upTo?: number): ChannelReader {
  const bytes = Buffer.from(content as string);
  const attributes = { producer: 'log://turn_1/sh/x' };
  const path = `sh://turn_1/x${++number}_1`;
  const entry = store.entries.create({ runId: run.id, path, category: 'data', status: 102, turn: 1, writer: 'test', attributes });
  let line = 0;
  const writes: SegmentWrite[] = [];
  for (let offset = 0; offset < bytes.length; offset += 100_000) {
    const piece = bytes.subarray(offset, offset + 100_000);
    writes.push({ entryId: entry.id, offset, bytes: piece, line, at: 1, lines: countLines(piece) });
    line += countLines(piece);
  }
  if (writes.length > 0) store.transaction('fast', () => store.channels.append(writes));
  return channelReader(store.channels, entry, upTo);
}

const numbered = (count: number, text = 'line') => Array.from({ length: count }, (_, index) => `${text} ${index + 1}\n`).join('');

describe('{#digest} what a model is shown of a channel', () => {
  it('is all of it when it is small', () => {
    const { text, ranges } = digest(channel('one\ntwo\n'));
    expect(text).toBe(`sh://turn_1/x${number}_1 (stdout):\none\ntwo`);
    expect(ranges).toEqual([{ from: 0, to: 8 }]);
    expect(digest(channel('')).text).toContain('nothing');
  });

  it('is head and tail with line numbers otherwise, and says what is left out and how to read on', () => {
    const reader = channel(numbered(200_000));
    const { text, ranges } = digest(reader);
    const lines = text.split('\n');
    expect(lines[0]).toMatch(/2288895 bytes, 200000 lines; shown: lines 1-\d+, lines \d+-200000/);
    expect(lines[0]).toMatch(new RegExp(`get \\{"path": "${reader.path}", "line": \\d+\\}`));
    expect(lines[1]).toBe('1| line 1');
    expect(lines.at(-1)).toBe('200000| line 200000');
    const gap = ranges[1]!.from - ranges[0]!.to;
    expect(lines[0]).toContain(`left out: ${gap} bytes between byte ${ranges[0]!.to} and byte ${ranges[1]!.from}`);
    const next = Number(/"line": (\d+)/.exec(lines[0]!)?.[1]);
    expect(reader.offsetOfLine(next - 1)).toBe(ranges[0]!.to);
  });

  it('picks out lines between that look like errors, with their numbers', () => {
    const text = `${numbered(5000)}src/a.ts:3 error TS2322: no\n${numbered(5000)}Traceback (most recent call last):\n${numbered(5000)}`;
    const shown = digest(channel(text)).text;
    expect(shown).toContain('5001| src/a.ts:3 error TS2322: no');
    expect(shown).toContain('10002| Traceback (most recent call last):');
    expect(shown).toContain('2 lines between that look like errors');
  });

  it('says which part was not searched for errors when there is too much of it', () => {
    const reader = channel(`error at the beginning\n${numbered(10)}${'x'.repeat(200)}\n`.padEnd(400, 'y') + numbered(300_000));
    expect(digest(reader).text).toMatch(/bytes \d+ to \d+ were not searched for errors/);
  });

  it('resolves carriage returns and colours, so that a progress bar is one line', () => {
    const bar = Array.from({ length: 5000 }, (_, index) => `\r\u001b[32m${'='.repeat(index % 50)}>\u001b[0m ${index + 1}/5000`).join('');
    const { text } = digest(channel(`start\n${bar}\nend\n`));
    expect(text).not.toContain('\u001b');
    expect(text.split('\n').length).toBeLessThan(6);
    expect(text).toContain('end');
    expect(terminalLine('10%\r50%\r100%\r')).toBe('100%');
    expect(terminalLine('plain\r')).toBe('plain');
  });

  it('describes bytes that are no text', () => {
    expect(digest(channel(Buffer.from([0x7f, 0x45, 0x4c, 0x46, 0x02, 0x01, 0, 0]))).text).toContain(
      '8 bytes, an ELF program, not shown; the first bytes are 7f 45 4c 46 02 01 00 00',
    );
    expect(digest(channel(Buffer.alloc(100_000, 0xf5))).text).toContain('100000 bytes, binary');
  });

  it('stays bounded for one endless line, and cuts at characters', () => {
    const { text, ranges } = digest(channel('é'.repeat(500_000)));
    expect(Buffer.byteLength(text)).toBeLessThan(2 * DIGEST_BYTES);
    expect(text).not.toContain('\ufffd');
    expect(text).toContain('[...]');
    for (const { from, to } of ranges) expect([from % 2, to % 2]).toEqual([0, 0]);
  });

  it('of a channel up to a point stays the same while the channel grows', () => {
    const bytes = Buffer.from('grün\nmore\n');
    // The point lies inside a character.
    const { text } = digest(channel(bytes, 3));
    expect(text).toMatch(/:\ngr$/);
  });

  it('{#context_record} names exactly the bytes that it quotes, whatever the output is', () => {
    const line = fc.oneof(
      fc.string({ maxLength: 40 }),
      fc.constant('error: x'),
      fc.string({ unit: 'grapheme', maxLength: 40 }),
      fc.constant('a\rb'),
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 400 }), fc.boolean(), fc.integer({ min: 64, max: 1000 }), (lines, open, maxBytes) => {
        const content = Buffer.from(lines.join('\n') + (open ? '' : '\n'));
        const { text, ranges } = digest(channel(content), maxBytes);
        let last = 0;
        for (const { from, to } of ranges) {
          expect(from).toBeGreaterThanOrEqual(last);
          expect(to).toBeGreaterThan(from);
          expect(to).toBeLessThanOrEqual(content.length);
          last = to;
        }
        // Every numbered line quotes the line of that number.
        const all = content.toString('utf8').split('\n');
        for (const row of text.split('\n')) {
          const [, count, shown] = /^(\d+)\| ([^]*)$/.exec(row) ?? [];
          if (count !== undefined) expect(terminalLine(all[Number(count) - 1] ?? '')).toBe(shown);
        }
      }),
      { numRuns: 150 },
    );
  });
});
