import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { cutSequenceAt, MAX_SEQUENCE_CHARS } from '../../../src/core/control-sequences.ts';

describe('where a cut control sequence begins', () => {
  const text = 'a\u001b[38;5;12mred\u001b[0m b\u001b]0;title\u0007c\u001b]8;;http://example.invalid\u001b\\link\u001b]8;;\u001b\\ d\n';

  it('is before it, wherever a text is cut: nothing of the sequence is left over as text', () => {
    const plain = stripVTControlCharacters(text);
    for (let end = 0; end <= text.length; end++) {
      const cut = text.slice(0, end);
      const shown = stripVTControlCharacters(cut.slice(0, cutSequenceAt(cut)));
      expect(plain.startsWith(shown), JSON.stringify(cut)).toBe(true);
    }
  });

  it('is the end of a text that cuts none', () => {
    for (const whole of ['', 'plain', 'a\u001b[0m', 'a\u001b]0;t\u0007', 'a\u001b7']) expect(cutSequenceAt(whole)).toBe(whole.length);
  });

  it('is not looked for without end: what is longer than a sequence can be is text', () => {
    const endless = `\u001b]${'x'.repeat(MAX_SEQUENCE_CHARS)}`;
    expect(cutSequenceAt(endless)).toBe(endless.length);
    expect(cutSequenceAt(`\u001b]${'x'.repeat(MAX_SEQUENCE_CHARS - 2)}`)).toBe(0);
  });
});
