/** Commands of git that run the external diff and the textconv of any configuration, with the options that they have against it. */
const OPTIONS: ReadonlyMap<string, readonly string[]> = new Map([
  ['diff', ['--no-ext-diff', '--no-textconv']],
  ['log', ['--no-ext-diff', '--no-textconv']],
  ['show', ['--no-ext-diff', '--no-textconv']],
  ['blame', ['--no-textconv']],
]);

/**
 * The words of a command that only looks, with options by which git runs no program that shows differences, also none that the user has
 * configured (SPEC {#looks_place}). `written` is how a word stands among them.
 */
export function withoutDrivers(words: readonly string[], written: (word: string) => string): readonly string[] {
  if (words[0] !== written('git')) return words;
  const at = words.findIndex((word, index) => index > 0 && !word.startsWith(written('-').replace(/'$/, '')));
  const options = [...OPTIONS].find(([name]) => words[at] === written(name))?.[1];
  return options ? [...words.slice(0, at + 1), ...options.map(written), ...words.slice(at + 1)] : words;
}
