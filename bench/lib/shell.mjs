/** Words as one line of a POSIX shell. */
export function shellQuoted(words) {
  return words.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');
}
