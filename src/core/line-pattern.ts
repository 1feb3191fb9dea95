import { setFlagsFromString } from 'node:v8';
import { HeadgateError, messageOf } from './errors.ts';

const MAX_CHARS = 1000;

let prepared = false;

/**
 * A regular expression over lines that cannot stop the server, also an untrusted one: one that V8's linear engine cannot run is
 * refused, and the others fall back to that engine when a match backtracks too long. Throws `invalid_params`, naming `field`.
 */
export function linePattern(pattern: string, field: string): RegExp {
  const expression = boundedPattern(pattern, '', field);
  try {
    // The flag `l` takes only what runs in linear time.
    new RegExp(pattern, 'l');
  } catch {
    throw new HeadgateError(
      'invalid_params',
      `${field} may not use look-around, back references, named groups or repeat counts above 16: it has to run in linear time`,
      { field },
    );
  }
  return expression;
}

/**
 * An untrusted regular expression, which may have what the linear engine cannot run: only a match that can fall back to that engine is
 * sure to end soon. V8 aborts the process over a pattern of thousands of nested groups, so that 1,000 characters are the limit. Throws
 * `invalid_params`, naming `field`.
 */
export function boundedPattern(pattern: string, flags: string, field: string): RegExp {
  if (!prepared) {
    setFlagsFromString('--enable-experimental-regexp-engine');
    setFlagsFromString('--enable-experimental-regexp-engine-on-excessive-backtracks');
    prepared = true;
  }
  if (pattern.length > MAX_CHARS)
    throw new HeadgateError('invalid_params', `${field} has ${pattern.length} characters; a regular expression has at most ${MAX_CHARS}`, {
      field,
    });
  try {
    return new RegExp(pattern, flags);
  } catch (error) {
    throw new HeadgateError('invalid_params', `${field} is no regular expression: ${messageOf(error)}`, { field });
  }
}
