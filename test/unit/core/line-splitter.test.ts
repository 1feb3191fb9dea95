import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LineSplitter } from '../../../src/core/line-splitter.ts';

function collect(maxBytes: number) {
  const lines: string[] = [];
  const splitter = new LineSplitter({ maxBytes, line: (bytes) => lines.push(bytes.toString()), tooLong: () => lines.push('<too long>') });
  return { lines, splitter };
}

describe('lines of a byte stream', () => {
  it('are the same wherever the reads are cut', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.string({ minLength: 1 }).filter((text) => !/[\r\n]/.test(text)),
          { minLength: 1 },
        ),
        fc.array(fc.nat(50)),
        (texts, cuts) => {
          const bytes = Buffer.from(texts.map((text) => `${text}\n`).join(''));
          const { lines, splitter } = collect(10_000);
          let at = 0;
          for (const cut of cuts) {
            splitter.push(bytes.subarray(at, at + cut));
            at += cut;
          }
          splitter.push(bytes.subarray(at));
          expect(lines).toEqual(texts);
        },
      ),
    );
  });

  it('lose a CR before the LF, and empty ones are skipped', () => {
    const { lines, splitter } = collect(100);
    splitter.push(Buffer.from('a\r\n\n\r\nb\n'));
    expect(lines).toEqual(['a', 'b']);
  });

  it('over the limit are reported once and skipped, and the next one comes through', () => {
    const { lines, splitter } = collect(10);
    for (let i = 0; i < 50; i++) splitter.push(Buffer.from('xxxxx'));
    splitter.push(Buffer.from('\nnext\n0123456789\n0123456789a\nlast\n'));
    expect(lines).toEqual(['<too long>', 'next', '0123456789', '<too long>', 'last']);
  });

  it('count without LF at the end of the stream', () => {
    const { lines, splitter } = collect(100);
    splitter.push(Buffer.from('a\nb'));
    splitter.end();
    splitter.end();
    expect(lines).toEqual(['a', 'b']);
  });
});
