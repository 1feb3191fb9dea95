import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { applyEdits, type TextEdit } from '../../../src/plugins/set/edits.ts';

const edit = (text: string, ...edits: TextEdit[]) => applyEdits(text, edits, 'file://t');

describe('{#file_edits} edits of a text', () => {
  it('replace what is there exactly once, one after another', () => {
    expect(edit('a b c', { old: 'b', new: 'B' }, { old: 'B c', new: 'd' })).toBe('a d');
    expect(edit('x $& y', { old: 'x', new: "$&$1$'" })).toBe("$&$1$' $& y");
  });

  it('replace everywhere with all, and also `$` literally', () => {
    expect(edit('a-a-a', { old: 'a', new: '$&', all: true })).toBe('$&-$&-$&');
  });

  it('say which edit does not fit and where something like it is', () => {
    expect(() => edit('a\n  b\n', { old: 'a', new: 'x' }, { old: 'b\nc', new: '' })).toThrow(
      /^edit 2 of file:\/\/t: old is not there.*at line 2\. Read/,
    );
    expect(() => edit('a\na\n', { old: 'a', new: 'x' })).toThrow(/more than once, at lines 1, 2; quote more/);
    expect(() => edit('aaa', { old: 'aa', new: 'x' })).toThrow(/more than once/);
    expect(() => edit('a\n', { after: 3, new: 'x' })).toThrow(/no line 3; the text has 1/);
  });

  it('put lines in at the front, in the middle, at the end, and after a last line without an end', () => {
    expect(edit('a\nb\n', { after: 0, new: 'x' })).toBe('x\na\nb\n');
    expect(edit('a\nb\n', { after: 1, new: 'x\ny\n' })).toBe('a\nx\ny\nb\n');
    expect(edit('a\nb\n', { after: 2, new: 'x' })).toBe('a\nb\nx\n');
    expect(edit('a\nb', { after: 2, new: 'x' })).toBe('a\nb\nx');
    expect(edit('', { after: 0, new: 'x' })).toBe('x\n');
  });

  it('take on the CR LF of the text, and leave a text of mixed line ends as it is quoted', () => {
    expect(edit('a\r\nb\r\n', { old: 'a\nb', new: 'c\nd' }, { after: 0, new: 'x\ny' })).toBe('x\r\ny\r\nc\r\nd\r\n');
    expect(edit('a\r\nb\nc', { old: 'b', new: 'x\ny' })).toBe('a\r\nx\ny\nc');
    expect(edit('a\nb\n', { old: 'a\r\nb', new: 'c\r\nd' })).toBe('c\nd\n');
  });

  it('change nothing but what they quote', () => {
    fc.assert(
      fc.property(fc.string(), fc.string({ minLength: 1 }), fc.string(), fc.string(), (head, old, fresh, tail) => {
        const text = `${head}${old}${tail}`;
        fc.pre(!/\r|\n/.test(text + fresh) && text.indexOf(old) === text.lastIndexOf(old));
        return edit(text, { old, new: fresh }) === `${head}${fresh}${tail}`;
      }),
    );
  });
});

describe('{#file_edits} hostile edits', () => {
  it('that would grow a text beyond all bounds are refused before they do', () => {
    const text = 'a'.repeat(1_000_000);
    const before = process.memoryUsage().rss;
    expect(() => applyEdits(text, [{ old: 'a', new: 'b'.repeat(1_000_000), all: true }], 'file://x')).toThrow(/edit 1 .*bytes/);
    const many = Array.from({ length: 200 }, () => ({ after: 0, new: 'b'.repeat(1_000_000) }));
    expect(() => applyEdits(text, many, 'file://x')).toThrow(/edit \d+ .*bytes/);
    expect(process.memoryUsage().rss - before).toBeLessThan(200_000_000);
  });

  it('keep a byte order mark in front, wherever the edit is, and may quote it', () => {
    expect(applyEdits('\ufeffa\nb\n', [{ after: 0, new: 'x' }], 'file://x')).toBe('\ufeffx\na\nb\n');
    expect(applyEdits('\ufeffa\nb\n', [{ old: '\ufeffa', new: '\ufeffc' }], 'file://x')).toBe('\ufeffc\nb\n');
    expect(applyEdits('\ufeffa\n', [{ old: 'a', new: 'c' }], 'file://x')).toBe('\ufeffc\n');
  });

  it('cannot cut a character in two', () => {
    expect(() => applyEdits('\u{1f600}\n', [{ old: '\ud83d', new: 'x' }], 'file://x')).toThrow(/half of a character/);
    expect(() => applyEdits('a\n', [{ old: 'a', new: '\ud83d' }], 'file://x')).toThrow(/half of a character/);
  });

  it('take replacements, overlaps and forms of Unicode for what they are', () => {
    expect(applyEdits('cost: 5\n', [{ old: '5', new: "$& $1 $$ $` $'" }], 'file://x')).toBe("cost: $& $1 $$ $` $'\n");
    expect(applyEdits('5 5', [{ old: '5', new: '$&', all: true }], 'file://x')).toBe('$& $&');
    expect(() => applyEdits('aaa', [{ old: 'aa', new: 'b' }], 'file://x')).toThrow(/more than once/);
    expect(() => applyEdits('aaa', [{ old: '', new: 'b' }], 'file://x')).toThrow(/old is empty/);
    expect(() => applyEdits('caf\u00e9', [{ old: 'cafe\u0301', new: 'b' }], 'file://x')).toThrow(/old is not there/);
  });
});
