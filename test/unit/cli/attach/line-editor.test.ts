import { describe, expect, it } from 'vitest';
import { LineEditor } from '../../../../src/cli/attach/line-editor.ts';
import { LineSearch } from '../../../../src/cli/attach/line-search.ts';

const type = (editor: LineEditor, text: string) => {
  for (const sequence of text) editor.press({ sequence });
};
const shown = (editor: LineEditor, columns = 40) =>
  editor
    .row(columns)
    .row.map(({ text }) => text)
    .join('');

describe('{#attach_keys} a line that is typed', () => {
  it('is edited where the cursor is', () => {
    const editor = new LineEditor('input: ');
    type(editor, 'helo');
    editor.press({ name: 'left', sequence: '\u001b[D' });
    type(editor, 'l');
    editor.press({ name: 'end' });
    type(editor, '! x');
    editor.press({ name: 'w', ctrl: true, sequence: '\u0017' });
    editor.press({ name: 'backspace' });
    expect(editor.text).toBe('hello!');
    expect(editor.row(40)).toMatchObject({ column: 13 });
    expect(editor.press({ name: 'return' })).toBe('done');
    expect(editor.press({ name: 'escape' })).toBe('given up');
  });

  it('ends the input with Ctrl-D only when it is empty', () => {
    const editor = new LineEditor('input: ');
    expect(editor.press({ name: 'd', ctrl: true })).toBe('end of input');
    type(editor, 'x');
    expect(editor.press({ name: 'd', ctrl: true })).toBe('edited');
  });

  it('takes a paste as text, also what would be keys', () => {
    const editor = new LineEditor('prompt: ');
    editor.press({ name: 'paste-start', sequence: '\u001b[200~' });
    type(editor, 'a\r');
    editor.press({ name: 'return', sequence: '\r' });
    editor.press({ name: 'paste-end', sequence: '\u001b[201~' });
    expect(editor.text).toBe('a\n\n');
  });

  it('shows a secret as stars, and of a long line what is around the cursor', () => {
    const secret = new LineEditor('secret input: ', { isSecret: true });
    type(secret, 'hunter2');
    expect(shown(secret)).toBe('secret input: *******');
    const long = new LineEditor('input: ');
    type(long, `${'x'.repeat(100)}end`);
    expect(shown(long, 40)).toMatch(/^input: x+end$/);
    expect(long.row(40).column).toBeLessThan(40);
  });
});

describe('{#attach_output} a search', () => {
  /** Ten lines in three answers; 2, 5 and 9 match. */
  function search() {
    const asked: number[] = [];
    const answers = new Map([
      [0, { matches: [{ line: 2 }], to: 40, bytes: 100 }],
      [40, { matches: [{ line: 5 }], to: 80, bytes: 100 }],
      [80, { matches: [{ line: 9 }], to: 100, bytes: 100 }],
    ]);
    const read = (from: number) => {
      asked.push(from);
      return Promise.resolve(answers.get(from) ?? { matches: [], to: 100, bytes: 100 });
    };
    return { search: new LineSearch('x', read), asked };
  }

  it('looks only as far as it takes, goes on from there, and round the end', async () => {
    const { search: found, asked } = search();
    expect(await found.after(0)).toBe(2);
    expect(asked).toEqual([0]);
    expect(await found.after(2)).toBe(5);
    expect(await found.after(5)).toBe(9);
    expect(await found.after(9)).toBe(2);
  });

  it('goes back, and round the beginning', async () => {
    const { search: found } = search();
    expect(await found.before(Infinity)).toBe(9);
    expect(await found.before(9)).toBe(5);
    expect(await found.before(2)).toBe(9);
  });

  it('says when nothing matches', async () => {
    const none = new LineSearch('x', (from) => Promise.resolve({ to: Math.min(100, from + 50), bytes: 100 }));
    expect(await none.after(0)).toBeUndefined();
    expect(await none.before(5)).toBeUndefined();
  });
});
