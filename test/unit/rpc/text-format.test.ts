import { describe, expect, it } from 'vitest';
import { TextFormat } from '../../../src/rpc/server/session/text-format.ts';

function through(pieces: readonly Buffer[]): string {
  const format = new TextFormat();
  return pieces.map((piece) => format.push(piece)).join('') + format.end();
}

describe('{#stream_format} a channel as text', () => {
  const coloured = Buffer.from('\u001b[1;32mok\u001b[0m é \u001b]0;title\u0007done\u001b[K\r\n\u001b(Bend');

  it('has no escape sequences, wherever the pieces are cut', () => {
    const whole = through([coloured]);
    expect(whole).not.toContain('\u001b');
    expect(whole).toContain('ok é ');
    for (let cut = 0; cut <= coloured.length; cut++) {
      expect(through([coloured.subarray(0, cut), coloured.subarray(cut)]), `cut at ${cut}`).toBe(whole);
    }
    expect(through([...coloured].map((byte) => Buffer.from([byte])))).toBe(whole);
  });

  it('holds back nothing of plain text', () => {
    const format = new TextFormat();
    expect(format.push(Buffer.from('plain\n'))).toBe('plain\n');
  });

  it('shows bytes that are not UTF-8 as U+FFFD', () => {
    expect(through([Buffer.from([0x61, 0xff, 0x62]), Buffer.from([0xc3])])).toBe('a\ufffdb\ufffd');
  });

  it('does not hold an unterminated sequence for ever', () => {
    const format = new TextFormat();
    format.push(Buffer.from('\u001b]0;'));
    let given = '';
    for (let i = 0; i < 20; i++) given += format.push(Buffer.from('x'.repeat(1000)));
    expect(given.length).toBeGreaterThan(10_000);
  });

  it('takes time in proportion to the text, also for hostile text', () => {
    const format = new TextFormat();
    const bytes = Buffer.from('\u001b['.repeat(200_000));
    const started = performance.now();
    format.push(bytes);
    expect(performance.now() - started).toBeLessThan(2000);
  });
});
