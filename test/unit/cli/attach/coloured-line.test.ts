import { describe, expect, it } from 'vitest';
import { colouredLines, wrapColoured } from '../../../../src/cli/attach/coloured-line.ts';

const spansOf = (output: string) => colouredLines(output, 4096).map(({ spans }) => spans.map(({ text, sgr = '' }) => [text, sgr]));

describe('{#attach_output} a line of a page in colours', () => {
  it('has the looks that its command gave it, which go on from line to line until they are reset', () => {
    expect(spansOf('a\u001b[1;31mb\nc\u001b[md\u001b[38;5;208me\u001b[0;4mf')).toEqual([
      [
        ['a', ''],
        ['b', '1;31'],
      ],
      [
        ['c', '1;31'],
        ['d', ''],
        ['e', '38;5;208'],
        ['f', '4'],
      ],
    ]);
  });

  it('neither blinks nor hides, and has no other sequence', () => {
    expect(spansOf('\u001b[5;32;8mseen\u001b]0;title\u0007\u001b[2J!')).toEqual([[['seen!', '32']]]);
  });

  it('is what a carriage return left, in the colours that were set before', () => {
    expect(spansOf('\u001b[32m10%\r20%\r')).toEqual([[['20%', '32']]]);
  });

  it('is wrapped as its text is, without the blank at the break', () => {
    const [line] = colouredLines('one \u001b[31mtwo three\u001b[m four', 4096);
    expect(line && wrapColoured(line, 8).map((row) => row.map(({ text, sgr = '' }) => `${text}<${sgr}>`).join(''))).toEqual([
      'one <>two<31>',
      'three<31>',
      'four<>',
    ]);
  });
});
