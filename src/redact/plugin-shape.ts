import { byteClass } from './byte-class.ts';
import type { Shape } from './shape.ts';
import { exact, token } from './shapes.ts';

/** `literal[class]{n}`, `{n,}` or `{n,m}`; nothing in it can take long. */
const PATTERN = /^([\x20-\x7e]*?)\[([^[\]\\^]+)\]\{(\d{1,4})(,(\d{1,4})?)?\}$/;
const LITERAL = /^[A-Za-z0-9_./:=@~ -]{3,32}$/;
const MIN_BYTES = 4;
const MAX_BYTES = 4096;
const MAX_NAME_CHARS = 64;
const HELP =
  'write a public beginning of 3 to 32 characters, a set and a length, such as acme_[A-Za-z0-9]{32} or acme-[A-Za-z0-9_-]{20,255}';

/**
 * The shape that a plugin names (SPEC {#redaction_plugins}). Throws an Error that says what is wrong with it.
 *
 * @param pattern - a public literal, then a set of characters in brackets, then how many of them there are
 */
export function shapeOf({ name, pattern }: { readonly name: string; readonly pattern: string }): Shape {
  if (typeof name !== 'string' || name === '' || name.length > MAX_NAME_CHARS)
    throw new Error(`the name of a secret has 1 to ${MAX_NAME_CHARS} characters`);
  const [, literal = '', set = '', least = '', more, most] = (typeof pattern === 'string' && PATTERN.exec(pattern)) || [];
  const wrong = (why: string) => new Error(`the pattern of secret "${name}" ${why}; ${HELP}`);
  if (!LITERAL.test(literal) || !/[^\s*]/.test(set)) throw wrong('is not one that is taken');
  const min = Number(least);
  const max = more === undefined ? min : most === undefined ? MAX_BYTES : Number(most);
  if (min < MIN_BYTES || max < min || max > MAX_BYTES) throw wrong(`asks for ${min} to ${max} characters, of ${MIN_BYTES} to ${MAX_BYTES}`);
  try {
    const bytes = byteClass(set);
    return more === undefined ? exact(name, [literal], bytes, min, bytes) : token(name, [literal], bytes, min, max);
  } catch {
    throw wrong('has an invalid set of characters');
  }
}
