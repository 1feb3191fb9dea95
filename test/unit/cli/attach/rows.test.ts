import { describe, expect, it } from 'vitest';
import { compose, panesOf, scrolled } from '../../../../src/cli/attach/layout.ts';
import { printable } from '../../../../src/cli/attach/printable.ts';
import { cutRow, fitRow, rowWidth, span, widthOf, wrap, wrapVisible } from '../../../../src/cli/attach/rows.ts';

const text = (row: readonly { text: string }[]) => row.map((piece) => piece.text).join('');

describe('{#attach_terminal} rows of the view', () => {
  it('are cut by columns, not by characters', () => {
    expect(text(cutRow([span('日本語です')], 7))).toBe('日本語…');
    expect(text(cutRow([span('ab'), span('cdef')], 4))).toBe('abc…');
    expect(text(cutRow([span('fits')], 4))).toBe('fits');
    expect(widthOf('🎉')).toBe(2);
  });

  it('are filled to exactly what there is, however little', () => {
    for (const columns of [1, 2, 3, 10, 40]) expect(rowWidth(fitRow([span('wide 日本 text')], columns))).toBeLessThanOrEqual(columns);
    expect(rowWidth(fitRow([span('x')], 10))).toBe(10);
  });

  it('wrap between words, and inside one that is too long', () => {
    expect(wrap('one two three', 8)).toEqual(['one two', 'three']);
    expect(wrap('aaaaaaaaaa', 4)).toEqual(['aaaa', 'aaaa', 'aa']);
    expect(wrap('日本語', 4)).toEqual(['日本', '語']);
    expect(wrap('日本', 1)).toEqual(['日', '本']);
    expect(wrap('a\n\nb', 9)).toEqual(['a', '', 'b']);
  });

  it('hold no control character of others', () => {
    expect(wrapVisible('a\u001b[2Jb\u202ec', 40)).toEqual(['a⟨ESC⟩[2Jb⟨U+202E⟩c']);
    expect(printable('a\u001b\u009b\u200db\u202ec\u0007')).toBe('abc');
  });

  it.each([
    [40, 8],
    [40, 20],
    [80, 24],
    [119, 12],
    [200, 50],
  ])('fill %i columns and %i rows', (cols, rows) => {
    const many = Array.from({ length: 100 }, (_, index) => [span(`row ${index} `.repeat(40))]);
    for (const open of [false, true]) {
      const panes = panesOf({ cols, rows }, open, 100);
      const all = compose(
        panes,
        {
          title: [span('t')],
          timeline: many.slice(0, panes.timeline.rows),
          caption: [span('c')],
          detail: many.slice(0, panes.detail.rows),
          message: [],
          keys: [span('k')],
        },
        cols,
      );
      expect(all.length).toBe(rows);
      for (const row of all) expect(rowWidth(row)).toBeLessThanOrEqual(cols);
    }
  });

  it('scroll no further than needed', () => {
    expect(scrolled(0, 100, 10, 5, 5)).toBe(0);
    expect(scrolled(0, 100, 10, 12, 12)).toBe(3);
    expect(scrolled(50, 100, 10, 12, 12)).toBe(12);
    expect(scrolled(100, 100, 10, 95, 95)).toBe(90);
    expect(scrolled(5, 3, 10, 2, 2)).toBe(0);
  });
});
