/** A path as one line: one with a line end or another control character in it is quoted as in JSON, so that it looks like no other. */
export function shownName(path: string): string {
  return /[\p{Cc}\u2028\u2029]/u.test(path) ? JSON.stringify(path) : path;
}
