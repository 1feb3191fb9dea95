import picomatch from 'picomatch';
import { HeadgateError } from '../core/errors.ts';

/**
 * A test over entries' paths from a glob such as `sh://**` or `log://turn_1/*\/*`: `*` stays within a segment, `**`
 * does not, and `**` alone takes in every path. Throws `invalid_params` for a pattern that is none.
 */
export function pathMatcher(pattern: string): (path: string) => boolean {
  let test: (text: string) => boolean;
  try {
    test = picomatch(flat(pattern), { dot: true, nonegate: true });
  } catch (error) {
    throw new HeadgateError('invalid_params', `pattern "${pattern}" is no glob; for example sh://**`, { field: 'pattern' }, { cause: error });
  }
  return (path) => test(flat(path));
}

/** The scheme becomes the first segment, so that globs see plain segments. */
function flat(path: string): string {
  return path.replace('://', '/');
}
