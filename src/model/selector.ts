import { defined } from '../core/defined.ts';
import { HeadgateError } from '../core/errors.ts';

/** Terms of one selector at most. */
const MAX_TERMS = 16;
/** Characters of a whole selector at most: every term at its longest, with `name:` once and commas. */
export const SELECTOR_CHARS = 1100;
/** Names that stand for something else than a registered runner, and so for no term among several. */
const ALONE = ['client', 'embedded', 'server'];
const WORD = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const GRAMMAR =
  'give terms with commas between them and no spaces, at most 16: gpu is a name or a label that it must have, !old one that it must not have, name:build-1 that runner alone';

/** Which registered runners a command may be given to (SPEC {#runner_selector}). */
export interface Selector {
  /** The one runner that is meant. */
  readonly name?: string;
  /** Each is its name or one of its labels. */
  readonly all: readonly string[];
  /** None is its name or one of its labels. */
  readonly none: readonly string[];
}

/** What a selector looks at. */
export interface Selectable {
  readonly name: string;
  readonly labels: readonly string[];
}

/** Reads `gpu,eu`, `!old`, `name:build-1`. Throws `invalid_params` with the grammar. */
export function parseSelector(text: string): Selector {
  const terms = text.split(',');
  if (terms.length > MAX_TERMS) throw wrong(text, `it has ${terms.length} terms`);
  let name: string | undefined;
  const all: string[] = [];
  const none: string[] = [];
  for (const term of terms) {
    const named = term.startsWith('name:');
    const word = named ? term.slice('name:'.length) : term.replace(/^!/, '');
    if (!WORD.test(word)) throw wrong(text, term === '' ? 'a term is empty' : `"${term.slice(0, 80)}" is no term`);
    if (ALONE.includes(word) && text !== word) throw wrong(text, `"${word}" stands alone`);
    if (named && name !== undefined && name !== word) throw wrong(text, 'no runner has two names');
    if (named) name = word;
    else (term.startsWith('!') ? none : all).push(word);
  }
  const both = none.find((word) => all.includes(word) || word === name);
  if (both !== undefined) throw wrong(text, `it asks for "${both}" and against it`);
  return { ...defined({ name }), all, none };
}

/** The terms that a runner does not satisfy, as they would be written. */
export function unmetTerms({ name, all, none }: Selector, runner: Selectable): string[] {
  const has = (word: string) => runner.name === word || runner.labels.includes(word);
  return [
    ...(name === undefined || name === runner.name ? [] : [`name:${name}`]),
    ...all.filter((word) => !has(word)),
    ...none.filter(has).map((word) => `!${word}`),
  ];
}

/** A selector in words: `a runner named or labelled "gpu" and "eu", and not "old"`. */
export function selectorInWords({ name, all, none }: Selector): string {
  const list = (words: readonly string[], between: string) => words.map((word) => `"${word}"`).join(between);
  const parts = [
    ...(name === undefined ? [] : [`runner "${name}"`]),
    ...(all.length === 0 ? [] : [`${name === undefined ? 'a runner ' : ''}named or labelled ${list(all, ' and ')}`]),
    ...(none.length === 0
      ? []
      : [`${name === undefined && all.length === 0 ? 'a runner ' : 'and '}not named or labelled ${list(none, ' or ')}`]),
  ];
  return parts.join(', ');
}

function wrong(text: string, why: string): HeadgateError {
  return new HeadgateError('invalid_params', `runner "${text.slice(0, 200)}": ${why}; ${GRAMMAR}`, { field: 'runner', runner: text });
}
