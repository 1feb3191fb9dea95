import { shellQuote } from '../../core/shell-quote.ts';

/** One word of a command, as far as it is known before it runs. */
export interface Word {
  /** What the program will get, quotes removed; of what is not known the source. */
  readonly text: string;
  /** False: the shell replaces it by text that is not known yet. */
  readonly literal: boolean;
  /** It holds a glob and nothing else that is unknown. */
  readonly glob?: boolean;
  /** It begins with an unquoted tilde. */
  readonly tilde?: boolean;
  /** It is exactly one word, whatever is put in the place of what is not known: that stands in quotes, or is a number. */
  readonly one?: boolean;
}

/** What a command line does in one place. */
export interface ShellCommand {
  readonly kind: 'program';
  readonly words: readonly Word[];
  /** Assignments before it, `NAME=value` as written. */
  readonly assigned: readonly string[];
  /** Its text as rules see it. */
  readonly text: string;
  /** Set: only a rule without wildcards may allow it, for this reason. */
  readonly exactOnly?: string;
  /** It is run by another one that is judged for both: it may be denied, and needs no rule that allows it. */
  readonly denyOnly?: true;
}

/** A file that a redirection writes to. */
export interface ShellWrite {
  readonly kind: 'write';
  readonly path: string;
  readonly text: string;
}

/** A file that a redirection reads. */
export interface ShellRead {
  readonly kind: 'read';
  readonly path: string;
  readonly text: string;
}

export type ShellAct = ShellCommand | ShellWrite | ShellRead;

/** A command line taken apart. */
export interface ShellScript {
  readonly acts: readonly ShellAct[];
  /** Why it cannot be known what it does; with one of these it is never allowed without asking. */
  readonly doubts: readonly string[];
  /** Commands in it may be missing among `acts`: it could not be read to its end. */
  readonly unread?: true;
  /** The same commands in words that every shell reads alike (SPEC {#policy_printed}); undefined beside doubts. */
  readonly printed?: Printed;
  /** The same for where all of it only looks; undefined where that is no other text (SPEC {#looks_place}). */
  readonly looking?: Printed;
}

/** What is run where no person has accepted the text: a line for a shell, or the words of an array. */
export type Printed = { readonly line: string } | { readonly argv: readonly string[] };

/** The text of a command as rules see it: words that need quotes in single ones, what is not known as it was written. */
export function textOf(words: readonly Word[], assigned: readonly string[] = []): string {
  return [...assigned, ...words.map((word) => (word.literal ? shellQuote(word.text) : word.text))].join(' ');
}

/** A command of these words. */
export function commandOf(words: readonly Word[], assigned: readonly string[] = []): ShellCommand {
  return { kind: 'program', words, assigned, text: textOf(words, assigned) };
}

/** The program's name without the folder that it lies in. */
export function baseName(word: string): string {
  return word.slice(word.lastIndexOf('/') + 1);
}

/** True for the name of a variable that neither the shell nor a program is known to look at. */
export function isPlainName(name: string): boolean {
  return /^[a-z_][a-z0-9_]*$/.test(name) && !name.endsWith('_proxy') && !name.startsWith('npm_');
}
