import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeLine, styledText } from '../../../web/src/output/styled-text.ts';

const shown = (line: string) =>
  styledText(line)
    .map(({ text }) => text)
    .join('');

describe('{#portal_output_text} a line of output', () => {
  it('has the colours and attributes of SGR', () => {
    expect(styledText('a\u001b[1;31mb\u001b[0mc\u001b[38;5;208;48;2;1;2;300md\u001b[39;49me')).toEqual([
      { text: 'a', look: {} },
      { text: 'b', look: { bold: true, fg: 1 } },
      { text: 'c', look: {} },
      { text: 'd', look: { fg: 'rgb(255, 135, 0)', bg: 'rgb(1, 2, 255)' } },
      { text: 'e', look: {} },
    ]);
    expect(styledText('\u001b[92mA\u001b[7;4mB\u001b[22;27;24;39mC')).toEqual([
      { text: 'A', look: { fg: 10 } },
      { text: 'B', look: { fg: 10, inverse: true, underline: true } },
      { text: 'C', look: {} },
    ]);
  });

  it('tells parameters of SGR from their sub-parameters', () => {
    const look = (codes: string) => styledText(`\u001b[1m\u001b[${codes}mx`)[0]?.look;
    expect(look('38:2::255:100:31')).toEqual({ bold: true, fg: 'rgb(255, 100, 31)' });
    expect(look('48:2:1:2:3;4')).toEqual({ bold: true, bg: 'rgb(1, 2, 3)', underline: true });
    expect(look('38:5:208')).toEqual({ bold: true, fg: 'rgb(255, 135, 0)' });
    expect(look('4:3')).toEqual({ bold: true, underline: true });
    expect(look('4;4:0')).toEqual({ bold: true });
    expect(look('58;2;1;3;9;31')).toEqual({ bold: true, fg: 1 });
    expect(look('58;5;7;31')).toEqual({ bold: true, fg: 1 });
    expect(look('58:2::1:3:9;31')).toEqual({ bold: true, fg: 1 });
    expect(look('>4;2')).toEqual({ bold: true });
  });

  it('shows what a progress bar was written over with', () => {
    expect(shown('10 %\r50 %\r100 %')).toBe('100 %');
    expect(shown('abcdef\rxy')).toBe('xycdef');
    expect(shown('long text\r\u001b[Kdone')).toBe('done');
    expect(shown('12\b3')).toBe('13');
    expect(shown('text\r')).toBe('text');
    expect(styledText('\u001b[31mred\r\u001b[32mg')).toEqual([
      { text: 'g', look: { fg: 2 } },
      { text: 'ed', look: { fg: 1 } },
    ]);
  });

  it('leaves out what would move the cursor elsewhere, set a title or open a link', () => {
    expect(shown('a\u001b[2J\u001b[10;10Hb\u001b]0;title\u0007c\u001b]8;;http://x\u001b\\d\u001b(Be\u001b=f')).toBe('abcdef');
    expect(shown('cut \u001b[3')).toBe('cut 3');
  });

  it('shows NUL, control characters, bytes that are no UTF-8, and characters that would turn the text around', () => {
    const line = decodeLine(Uint8Array.from([0x61, 0, 0xff, 0x07, 0xe2, 0x82, 0x62, 0x7f]));
    expect(shown(line)).toBe('a\\x00\\xff\\x07\\xe2\\x82b\\x7f');
    expect(styledText(line)[1]).toEqual({ text: '\\x00', look: { escaped: true } });
    expect(shown('safe\u202egnp.exe')).toBe('safe\\u{202e}gnp.exe');
    expect(shown('naïve 日本語 🙂\t|')).toBe('naïve 日本語 🙂\t|');
  });

  it('keeps every character of plain text, and its bytes can be told again', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme' }).filter((text) => !/[\p{C}]/u.test(text)),
        (text) => shown(text) === text,
      ),
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        const back = [...decodeLine(bytes)].flatMap((character) => {
          const code = character.codePointAt(0) ?? 0;
          return code >= 0xdc80 && code <= 0xdcff ? [code - 0xdc00] : [...Buffer.from(character)];
        });
        expect(back).toEqual([...bytes]);
      }),
    );
  });
});
