import type { Word } from './command.ts';

/** What find does with what it finds: the commands that it runs, and why it is dangerous by itself. */
export function foundBy(words: readonly Word[]): { inner: Word[][]; danger: string | undefined } {
  const inner: Word[][] = [];
  let danger: string | undefined;
  for (let at = 1; at < words.length; at++) {
    const word = words[at];
    if (!word?.literal) continue;
    if (/^-(delete|fprint|fprint0|fprintf|fls|files0-from)$/.test(word.text)) danger = `find ${word.text} deletes or writes files`;
    if (!/^-(exec|execdir|ok|okdir)$/.test(word.text)) continue;
    const end = words.findIndex(
      (one, index) => index > at && one.literal && (one.text === ';' || (one.text === '+' && words[index - 1]?.text === '{}')),
    );
    const part = words.slice(at + 1, end < 0 ? undefined : end);
    if (end < 0) danger = `find ${word.text} without its end`;
    // What takes the place of {} is not known.
    inner.push(part.map((one) => (one.literal && one.text.includes('{}') ? { text: one.text, literal: false } : one)));
    at = end < 0 ? words.length : end;
  }
  return { inner, danger };
}
