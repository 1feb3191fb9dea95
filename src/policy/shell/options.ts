import type { Word } from './command.ts';

/** Options of a program that come before what it is about. */
export interface OptionSpec {
  /** Letters without a value. */
  readonly flags?: string;
  /** Letters with one. */
  readonly valued?: string;
  readonly longFlags?: readonly string[];
  /** Long ones with a value; what is among the flags as well takes one behind `=` only. */
  readonly longValued?: readonly string[];
  /** `-10` is an option. */
  readonly numeric?: true;
  /** Letters are not bundled: behind one without a value nothing may stand. */
  readonly apart?: true;
  /** A value is the next word, wherever in its word the letter stands; behind the letter there may be a number only. */
  readonly next?: true;
}

/** An option as a spec knows it. */
export interface OptionRead {
  /** `-e` for the letter that takes the value, also in a bundle; else the option. */
  readonly name: string;
  /** The value that is a part of the word. */
  readonly value?: string;
  /** Words that it takes, 2 where the next one is its value. */
  readonly words: 1 | 2;
}

/**
 * Index of the first word behind the options, `from` on; undefined when one is not known to the spec, or it or its value is not literal: what
 * is empty or more than one word would shift all that follows. Abbreviated long options are not known: which one is meant depends on the
 * program's version.
 */
export function firstOperand(words: readonly Word[], spec: OptionSpec, from = 1): number | undefined {
  let at = from;
  for (; at < words.length; at++) {
    const word = words[at];
    if (!word) break;
    if (!isOperand(word)) {
      if (!word.literal) return undefined;
      if (word.text === '--') return at + 1;
      const step = optionLength(word.text, spec);
      if (step === undefined || (step === 2 && words[at + 1]?.literal !== true)) return undefined;
      at += step - 1;
      continue;
    }
    return at;
  }
  return at;
}

/** True for a word that no program can take for an option. */
export function isOperand(word: Word): boolean {
  if (word.literal) return !word.text.startsWith('-') || word.text === '-';
  return isSafeGlob(word);
}

/** A glob whose matches begin as it does, so that none of them is an option. */
export function isSafeGlob(word: Word): boolean {
  return word.glob === true && !word.tilde && /^[A-Za-z0-9_./]/.test(word.text);
}

/** How many words an option takes, 1 or 2; undefined for one that is not in the spec. */
export function optionLength(text: string, spec: OptionSpec): number | undefined {
  return readOption(text, spec)?.words;
}

/** Reads an option; undefined for one that is not in the spec. */
export function readOption(text: string, spec: OptionSpec): OptionRead | undefined {
  if (text.startsWith('--')) {
    const [name = '', value] = splitLong(text);
    const option = `--${name}`;
    if (value === undefined && spec.longFlags?.includes(name)) return { name: option, words: 1 };
    if (!spec.longValued?.includes(name)) return undefined;
    return value === undefined ? { name: option, words: 2 } : { name: option, value, words: 1 };
  }
  if (spec.numeric && /^-\d+$/.test(text)) return { name: text, words: 1 };
  for (let at = 1; at < text.length; at++) {
    const letter = text.charAt(at);
    const rest = text.slice(at + 1);
    if (spec.valued?.includes(letter) && spec.next && !/^\d*$/.test(rest)) return undefined;
    if (spec.valued?.includes(letter)) return { name: `-${letter}`, ...(rest === '' ? { words: 2 } : { value: rest, words: 1 }) };
    if (!spec.flags?.includes(letter) || (spec.apart && rest !== '')) return undefined;
  }
  return { name: text, words: 1 };
}

function splitLong(text: string): [string, string | undefined] {
  const at = text.indexOf('=');
  return at < 0 ? [text.slice(2), undefined] : [text.slice(2, at), text.slice(at + 1)];
}

/** True for `--name`, for it with a value, and for what some programs take as its abbreviation, of so many letters at least. */
export function isLong(text: string, names: readonly string[], letters = 1): boolean {
  if (!text.startsWith('--') || text.length < 2 + letters) return false;
  const [given] = splitLong(text);
  return names.some((name) => name.startsWith(given));
}

/** True for a bundle of short options with one of these letters in it. */
export function hasShort(text: string, letters: string): boolean {
  return /^-[^-]/.test(text) && [...letters].some((letter) => text.includes(letter));
}
