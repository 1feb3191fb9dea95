import { isIP } from 'node:net';
import { InvalidArgumentError } from 'commander';
import { millisecondsOf } from '../core/measures.ts';

/** Readers of option values. Each throws commander's InvalidArgumentError, which becomes a usage error. */

/** `500ms`, `30s`, `5m`, `2h`, `1d`, or a number of seconds; returns milliseconds. */
export function parseDuration(value: string): number {
  const ms = millisecondsOf(/^[\d.]+$/.test(value) ? `${value}s` : value) ?? 0;
  if (ms < 1 || !Number.isSafeInteger(ms)) throw new InvalidArgumentError('It is a duration such as 30s, 5m or 500ms.');
  return ms;
}

/** A whole number from `min` to `max`. */
export function parseWhole(min: number, max: number): (value: string) => number {
  return (value) => {
    const number = /^\d+$/.test(value) ? Number(value) : Number.NaN;
    if (!(number >= min && number <= max)) throw new InvalidArgumentError(`It is a whole number from ${min} to ${max}.`);
    return number;
  };
}

/** The number of a line: 1 is the first, -1 the last. */
export function parseLine(value: string): number {
  const number = /^-?\d{1,15}$/.test(value) ? Number(value) : 0;
  if (number === 0) throw new InvalidArgumentError('It is the number of a line: 1 is the first, -1 the last.');
  return number;
}

/** Collects `NAME=VALUE`, or `NAME` to pass our own value on. */
export function parseVariable(
  env: Readonly<Record<string, string | undefined>>,
): (value: string, known?: Record<string, string>) => Record<string, string> {
  return (value, known = {}) => {
    const at = value.indexOf('=');
    const name = at < 0 ? value : value.slice(0, at);
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) throw new InvalidArgumentError('It is NAME=VALUE, or NAME to pass your own value on.');
    const given = at < 0 ? env[name] : value.slice(at + 1);
    return given === undefined ? known : { ...known, [name]: given };
  };
}

/** An http or https address without query and fragment. */
export function parseWebAddress(value: string): URL {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (!url || !/^https?:$/.test(url.protocol) || url.search !== '' || url.hash !== '' || url.username !== '')
    throw new InvalidArgumentError('It is an address such as https://HOST/headgate.');
  return url;
}

/** An address, or a network such as 10.0.0.0/8; adds to what was given before. */
export function parseProxy(value: string, known: readonly string[] = []): string[] {
  const [address = '', bits, ...more] = value.split('/');
  const version = isIP(address);
  const isNetwork = bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128));
  if (version === 0 || !isNetwork || more.length > 0)
    throw new InvalidArgumentError('It is an address such as 127.0.0.1 or a network such as 10.0.0.0/8.');
  return [...known, value];
}

/** `a,b,c`; adds to what was given before. */
export function parseList(value: string, known: readonly string[] = []): string[] {
  return [...known, ...value.split(',').filter((one) => one !== '')];
}
