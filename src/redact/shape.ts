import type { ByteClass } from './byte-class.ts';

/** One step of a shape behind its literal. */
export type ShapePart =
  /** These bytes, exactly. */
  | { readonly kind: 'text'; readonly text: Buffer }
  /** As many bytes of a class as there are: at least `min`, at most `max`; with `pem` it ends before two dashes. */
  | { readonly kind: 'bytes'; readonly bytes: ByteClass; readonly min: number; readonly max: number; readonly pem?: boolean }
  /** No byte of the class follows. */
  | { readonly kind: 'not'; readonly bytes: ByteClass };

/** What a token looks like: a public literal, then parts. It is a function of bytes at most `reachOf` behind the literal. */
export interface Shape {
  /** For people and tests. */
  readonly name: string;
  /** The literal, 3 bytes or more, in each of its spellings. */
  readonly literals: readonly string[];
  /** Whether it may begin at `at`; looks at no more than LOOKBEHIND_BYTES before it. */
  readonly before?: (bytes: Uint8Array, at: number, atStart: boolean) => boolean;
  readonly parts: readonly ShapePart[];
  /** Index of the part with which the secret begins; what is before is public. */
  readonly secret: number;
  /** Index of the part before which it ends; by default it ends with the last part. */
  readonly until?: number;
  /** Parts that it must have; the rest extends it. */
  readonly needed: number;
}

/** Bytes before a literal that a shape may look at. */
export const LOOKBEHIND_BYTES = 96;

/** What became of a shape at one place. `from` is where its secret begins. */
export type Fit =
  | { readonly kind: 'none' }
  /** The bytes end before it is known. */
  | { readonly kind: 'undecided'; readonly from: number }
  /** `open`: it ends with the bytes, and more of them may belong to it; so may what is from `to` on when that is not their end. */
  | { readonly kind: 'match'; readonly from: number; readonly to: number; readonly open: boolean };

const NONE: Fit = { kind: 'none' };
const DASH = 45;

/** Holds a shape against the bytes behind its literal. With `final` nothing comes after them. */
export function tryShape(shape: Shape, bytes: Uint8Array, after: number, final: boolean): Fit {
  let at = after;
  let from = bytes.length;
  let to: number | undefined;
  for (let i = 0; i < shape.parts.length; i++) {
    const part = shape.parts[i];
    if (!part) break;
    if (i === shape.secret) from = at;
    if (i === shape.until) to = at;
    const end = partEnd(part, bytes, at, final);
    const needed = i < shape.needed;
    if (end === 'short')
      return needed ? { kind: 'undecided', from: Math.min(from, bytes.length) } : { kind: 'match', from, to: bytes.length, open: true };
    if (end === 'other') return needed ? NONE : { kind: 'match', from, to: at, open: false };
    at = end;
    // The class may go on with bytes that have not come: what follows is not looked at yet.
    const more = part.kind === 'bytes' && !final && (at === bytes.length || (part.pem === true && dangles(bytes, at)));
    if (more && i + 1 < shape.needed) return { kind: 'undecided', from: Math.min(from, bytes.length) };
    if (more) return { kind: 'match', from, to: at, open: true };
  }
  return { kind: 'match', from, to: to ?? at, open: false };
}

/** Where a part ends; `short` when the bytes end within it, `other` when something else is there. */
function partEnd(part: ShapePart, bytes: Uint8Array, at: number, final: boolean): number | 'short' | 'other' {
  const { length } = bytes;
  if (part.kind === 'not') {
    if (at === length) return final ? at : 'short';
    return part.bytes[bytes[at] ?? 0] ? 'other' : at;
  }
  if (part.kind === 'text') {
    for (let i = 0; i < part.text.length; i++) {
      if (at + i === length) return final ? 'other' : 'short';
      if (bytes[at + i] !== part.text[i]) return 'other';
    }
    return at + part.text.length;
  }
  const until = Math.min(length, at + part.max);
  let end = at;
  while (end < until && part.bytes[bytes[end] ?? 0] === 1 && !(part.pem && endsKey(bytes, end, final))) end++;
  if (end - at >= part.min) return end;
  return !final && (end === length || (part.pem && dangles(bytes, end))) ? 'short' : 'other';
}

/** Two dashes, or one that may become two. */
function endsKey(bytes: Uint8Array, at: number, final: boolean): boolean {
  return bytes[at] === DASH && (bytes[at + 1] === DASH || (!final && at + 1 === bytes.length));
}

/** The last byte is a dash: it belongs to the key unless another one follows. */
function dangles(bytes: Uint8Array, at: number): boolean {
  return bytes[at] === DASH && at + 1 === bytes.length;
}

/** Bytes from the beginning of the literal to the end of the longest match. */
export function reachOf(shape: Shape): number {
  return longestLiteral(shape) + sum(shape.parts);
}

/** Bytes from the beginning of the literal after which it is decided at the latest. */
export function decisionOf(shape: Shape): number {
  const parts = shape.parts.slice(0, shape.needed);
  const last = parts.at(-1);
  // Of the last part only the least that is needed counts.
  const beyond = last?.kind === 'bytes' ? last.max - last.min : 0;
  return longestLiteral(shape) + sum(parts) - beyond;
}

function longestLiteral(shape: Shape): number {
  return Math.max(...shape.literals.map((literal) => literal.length));
}

function sum(parts: readonly ShapePart[]): number {
  return parts.reduce((total, part) => total + (part.kind === 'text' ? part.text.length : part.kind === 'bytes' ? part.max : 1), 0);
}
