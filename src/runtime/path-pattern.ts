import { HeadgateError } from '../core/errors.ts';

/**
 * A test over entries' paths from a glob such as `sh://**` or `log://turn_1/*\/*`: `*` and `?` stay within a segment,
 * `**` is any number of segments, and `**` alone takes in every path. The time is bounded by the length of pattern times
 * path: the glob comes from a client, and the libraries' globs become regular expressions that can backtrack for hours.
 * Throws `invalid_params` for a pattern with brackets or braces, which such globs do not have.
 */
export function pathMatcher(pattern: string): (path: string) => boolean {
  if (/[[\]{}()!\\]/.test(pattern)) {
    throw new HeadgateError('invalid_params', `pattern "${pattern}" may use *, ** and ? only; for example sh://**`, { field: 'pattern' });
  }
  const wanted = segmentsOf(pattern);
  return (path) => matchList(wanted, segmentsOf(path), '**', matchSegment);
}

/**
 * What every path that a pattern takes in begins with, so that a store can leave out the others by its index; empty
 * when nothing is known. It promises no more: the pattern still decides.
 */
export function patternPrefix(pattern: string): string {
  const fixed = /^[a-z][a-z0-9_]*:\/\/[^*?]*/.exec(pattern)?.[0];
  if (fixed === undefined) return '';
  // `a://b/**` takes in `a://b` as well, since `**` may be no segment at all.
  return pattern.startsWith('**', fixed.length) && !fixed.endsWith('://') ? fixed.replace(/\/$/, '') : fixed;
}

/** The scheme becomes the first segment, so that globs see plain segments. */
function segmentsOf(path: string): string[] {
  return path.replace('://', '/').split('/');
}

function matchSegment(pattern: string, text: string): boolean {
  return matchList([...pattern], [...text], '*', (wanted, found) => wanted === '?' || wanted === found);
}

/** Matches items one to one, `any` with any number of them; on a mismatch only the last `any` takes one more. */
function matchList(
  pattern: readonly string[],
  items: readonly string[],
  any: string,
  same: (wanted: string, found: string) => boolean,
): boolean {
  let p = 0;
  let i = 0;
  let lastAny = -1;
  let taken = 0;
  while (i < items.length) {
    const wanted = pattern[p];
    if (wanted === any) {
      lastAny = p++;
      taken = i;
    } else if (wanted !== undefined && same(wanted, items[i] ?? '')) {
      p++;
      i++;
    } else if (lastAny >= 0) {
      p = lastAny + 1;
      i = ++taken;
    } else {
      return false;
    }
  }
  while (pattern[p] === any) p++;
  return p === pattern.length;
}
