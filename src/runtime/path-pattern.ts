import { HeadgateError } from '../core/errors.ts';
import { compileGlob } from '../core/glob.ts';

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
  const takesIn = compileGlob(segmentsOf(pattern));
  return (path) => takesIn(segmentsOf(path));
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
