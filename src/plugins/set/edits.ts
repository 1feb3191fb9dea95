import { HeadgateError } from '../../core/errors.ts';
import { usesCrlf } from '../../core/line-ends.ts';

/** One edit of a text: `old` becomes `new`, or `new` is put in after line `after` (0: in front). */
export type TextEdit =
  | { readonly old: string; readonly new: string; readonly all?: boolean | undefined }
  | { readonly after: number; readonly new: string };

const HINTS = 5;
const BOM = '\ufeff';
/** A character has a byte at least, and texts have so many bytes at most. */
const MAX_CHARS = 2 * 1024 * 1024;
/** Half of a pair of UTF-16: it cannot be written as UTF-8. */
const HALF = /\p{Surrogate}/u;

/**
 * The text after all edits, one after another. `old` must be there exactly once unless `all`. In a text whose lines end
 * with CR LF, `\n` means that. Throws `invalid_params` that says which edit does not fit and why (SPEC {#file_edits}).
 */
export function applyEdits(text: string, edits: readonly TextEdit[], shown: string): string {
  // The mark stays in front of whatever is put there.
  const mark = text.startsWith(BOM) ? BOM : '';
  const result = edits.reduce((now, given, index) => {
    const refuse = (why: string) =>
      new HeadgateError('invalid_params', `edit ${index + 1} of ${shown}: ${why}`, { path: shown, edit: index + 1 });
    const edit = withoutMark(given, mark);
    if (HALF.test(edit.new) || ('old' in edit && HALF.test(edit.old))) throw refuse('it holds half of a character; quote whole ones');
    return 'after' in edit ? inserted(now, edit, refuse) : replaced(now, edit, refuse);
  }, text.slice(mark.length));
  return `${mark}${result}`;
}

/** What is quoted from the front of a file with a byte order mark may begin with it. */
function withoutMark(edit: TextEdit, mark: string): TextEdit {
  const plain = (text: string) => (mark !== '' && text.startsWith(mark) ? text.slice(mark.length) : text);
  return 'old' in edit ? { ...edit, old: plain(edit.old), new: plain(edit.new) } : { ...edit, new: plain(edit.new) };
}

/** Throws before a text is made that is too big to be written, or to be made at all. */
function checkSize(chars: number, refuse: Refuse): void {
  if (chars > MAX_CHARS) throw refuse(`the text would have ${chars} bytes or more; ${MAX_CHARS} are allowed, use a command for it`);
}

type Refuse = (why: string) => HeadgateError;

function replaced(text: string, edit: { old: string; new: string; all?: boolean | undefined }, refuse: Refuse): string {
  if (edit.old === '') throw refuse('old is empty; put lines in with {"after": line, "new": text}, or write the whole with body');
  const [old, fresh] = text.includes(edit.old) ? [edit.old, endsOf(text, edit.new)] : [endsOf(text, edit.old), endsOf(text, edit.new)];
  const first = text.indexOf(old);
  if (first < 0) throw refuse(`old is not there. ${nearest(text, edit.old)}Read the file again and quote it exactly`);
  const more = text.indexOf(old, first + 1);
  if (more >= 0 && edit.all !== true) {
    const lines = [...places(text, old)].slice(0, HINTS).map((at) => lineAt(text, at));
    throw refuse(`old is there more than once, at lines ${lines.join(', ')}; quote more of what is around it, or set all`);
  }
  const times = edit.all === true ? count(text, old) : 1;
  checkSize(text.length + times * (fresh.length - old.length), refuse);
  return edit.all === true ? text.replaceAll(old, () => fresh) : `${text.slice(0, first)}${fresh}${text.slice(first + old.length)}`;
}

function inserted(text: string, edit: { after: number; new: string }, refuse: Refuse): string {
  const end = usesCrlf(text) ? '\r\n' : '\n';
  let at = 0;
  for (let line = 0; line < edit.after; line++) {
    if (at >= text.length) throw refuse(`there is no line ${edit.after}; the text has ${line}`);
    const lf = text.indexOf('\n', at);
    at = lf < 0 ? text.length : lf + 1;
  }
  const fresh = endsOf(text, edit.new);
  checkSize(text.length + fresh.length, refuse);
  const before = at > 0 && text[at - 1] !== '\n' ? end : '';
  const after = fresh === '' || fresh.endsWith('\n') || (at === text.length && before !== '') ? '' : end;
  return `${text.slice(0, at)}${before}${fresh}${after}${text.slice(at)}`;
}

/** A quoted text with the line ends of the text that it is for. */
function endsOf(text: string, quoted: string): string {
  const plain = quoted.replaceAll('\r\n', '\n');
  if (usesCrlf(text)) return plain.replaceAll('\n', '\r\n');
  return text.includes('\r\n') ? quoted : plain;
}

/** Where something like the first line of `old` is. */
function nearest(text: string, old: string): string {
  const first = old
    .split('\n')
    .map((line) => line.trim())
    .find((line) => line !== '');
  if (first === undefined) return '';
  const lines = [...places(text, first)].slice(0, HINTS).map((at) => lineAt(text, at));
  return lines.length === 0 ? '' : `Its first line, spaces aside, is at line ${lines.join(', ')}. `;
}

function* places(text: string, part: string): Generator<number> {
  for (let at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + 1)) yield at;
}

/** How often a part is there without overlap. */
function count(text: string, part: string): number {
  let times = 0;
  for (let at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + part.length)) times++;
  return times;
}

function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length;
}
