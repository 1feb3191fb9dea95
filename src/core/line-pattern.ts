import { setFlagsFromString } from 'node:v8';
import { HeadgateError, messageOf } from './errors.ts';

let prepared = false;

/**
 * A regular expression over lines that cannot stop the server, whoever wrote it: one that V8's linear engine cannot run is
 * refused, and the others fall back to that engine when a match backtracks too long. Throws `invalid_params`, naming `field`.
 */
export function linePattern(pattern: string, field: string): RegExp {
  if (!prepared) {
    setFlagsFromString('--enable-experimental-regexp-engine');
    setFlagsFromString('--enable-experimental-regexp-engine-on-excessive-backtracks');
    prepared = true;
  }
  let expression: RegExp;
  try {
    expression = new RegExp(pattern);
  } catch (error) {
    throw new HeadgateError('invalid_params', `${field} is no regular expression: ${messageOf(error)}`, { field });
  }
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
