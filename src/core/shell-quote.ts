/** Words that begin something else than a plain command where they stand unquoted before it. */
const RESERVED = new Set(
  'case coproc do done elif else esac fi for function if in select then time until while'.split(' ').concat('{', '}', '!', '[['),
);

/** One word of a POSIX shell command line that gives exactly `word`. */
export function shellQuote(word: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? word : quoted(word);
}

/** A POSIX shell command line that is one command of exactly these words: the first is its program, whatever it looks like. */
export function shellWords(words: readonly string[]): string {
  const [program = '', ...rest] = words;
  const first = RESERVED.has(program) || program.includes('=') ? quoted(program) : shellQuote(program);
  return [first, ...rest.map(shellQuote)].join(' ');
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
