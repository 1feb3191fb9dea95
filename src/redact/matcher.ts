import { Finder } from './finder.ts';
import { decisionOf, type Fit, LOOKBEHIND_BYTES, reachOf, type Shape, tryShape } from './shape.ts';

/** Bytes of a value by which it is recognised; what follows is masked for as long as it is the same. */
const DECISIVE_BYTES = 64;
/** Output may end in so many first bytes of a value and is still passed on after a pause: it is almost never a secret that was cut. */
const SPARED_BYTES = 3;

/** Bytes of the longest literal of a shape. */
const LITERAL_BYTES = 32;

/** Bytes [from, to). */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/** What a matcher knows of some bytes. */
export interface Scan {
  /** What is secret, in order of `from`. */
  readonly ranges: readonly Range[];
  /** What becomes secret if the next bytes continue it. */
  readonly possible: readonly Range[];
  /** Offset of the first byte that may still become secret; the length when every byte is decided. */
  readonly hold: number;
  /** Offset from which the bytes are needed again for the next scan. */
  readonly keep: number;
}

/**
 * Finds secrets in bytes (SPEC {#redaction}). Whether a byte is secret depends on at most `reach` bytes before it and
 * `ahead` bytes behind it, and on nothing else: so every reader of every part finds the same secrets.
 */
export class Matcher {
  readonly reach: number;
  readonly ahead: number;
  readonly #shapes: readonly { readonly shape: Shape; readonly length: number }[];
  readonly #values: readonly Buffer[];
  /** The literals of the shapes, then the beginnings of the values. */
  readonly #finder: Finder;
  /** Values by their first byte. */
  readonly #byFirst: readonly (readonly Buffer[] | undefined)[];

  /** @param values - 8 bytes long or more each */
  constructor(shapes: readonly Shape[], values: readonly Buffer[]) {
    const spelled = shapes.flatMap((shape) => shape.literals.map((literal) => ({ shape, literal: Buffer.from(literal) })));
    this.#shapes = spelled.map(({ shape, literal }) => ({ shape, length: literal.length }));
    this.#values = values;
    this.#finder = new Finder([...spelled.map(({ literal }) => literal), ...values.map((value) => value.subarray(0, DECISIVE_BYTES))]);
    const byFirst: Buffer[][] = [];
    for (const value of values) (byFirst[value[0] ?? 0] ??= []).push(value);
    this.#byFirst = byFirst;
    this.reach = LOOKBEHIND_BYTES + Math.max(0, ...shapes.map(reachOf), ...values.map((value) => value.length));
    this.ahead = Math.max(0, ...shapes.map(decisionOf), ...(values.length === 0 ? [] : [DECISIVE_BYTES])) + 1;
  }

  /** @param o - `atStart`: nothing is before the bytes; `final`: nothing comes after them */
  scan(bytes: Uint8Array, o: { readonly atStart: boolean; readonly final: boolean }): Scan {
    const ranges: Range[] = [];
    const possible: Range[] = [];
    let hold = bytes.length;
    let earliest = bytes.length;
    const note = (found: Fit, at: number, spared = 0) => {
      if (found.kind === 'match' && found.to > found.from) ranges.push({ from: found.from, to: found.to });
      if (found.kind === 'none' || (found.kind === 'match' && !found.open)) return;
      earliest = Math.min(earliest, at);
      const unknown = found.kind === 'match' ? found.to : found.from;
      hold = Math.min(hold, unknown);
      if (unknown + spared < bytes.length) possible.push({ from: unknown + spared, to: bytes.length });
    };
    this.#finder.each(bytes, (index, at) => {
      const value = this.#values[index - this.#shapes.length];
      if (value) note(sameAs(value, bytes, at, o.final), at);
      const known = this.#shapes[index];
      if (!known || known.shape.before?.(bytes, at, o.atStart) === false) return;
      note(tryShape(known.shape, bytes, at + known.length, o.final), at);
    });
    if (!o.final) this.#tail(bytes, (at) => note({ kind: 'undecided', from: at }, at, SPARED_BYTES));
    ranges.sort((a, b) => a.from - b.from);
    return {
      ranges,
      possible,
      hold: beyond(ranges, hold),
      // A literal may be there in part, and its shape looks at what is before it.
      keep: Math.max(0, Math.min(earliest, bytes.length - LITERAL_BYTES) - LOOKBEHIND_BYTES),
    };
  }

  /** Places near the end at which a value may have begun that is not known yet. */
  #tail(bytes: Uint8Array, found: (at: number) => void): void {
    if (this.#values.length === 0) return;
    for (let at = Math.max(0, bytes.length - DECISIVE_BYTES + 1); at < bytes.length; at++) {
      const left = bytes.length - at;
      const begins = (value: Buffer) => left < Math.min(value.length, DECISIVE_BYTES) && begun(value, bytes, at) === left;
      if (this.#byFirst[bytes[at] ?? 0]?.some(begins)) found(at);
    }
  }
}

/** How many bytes at `at` equal the beginning of the value. */
function begun(value: Uint8Array, bytes: Uint8Array, at: number): number {
  const most = Math.min(value.length, bytes.length - at);
  let same = 0;
  while (same < most && bytes[at + same] === value[same]) same++;
  return same;
}

function sameAs(value: Uint8Array, bytes: Uint8Array, at: number, final: boolean): Fit {
  const same = begun(value, bytes, at);
  return { kind: 'match', from: at, to: at + same, open: !final && same < value.length && at + same === bytes.length };
}

/** The first offset from `at` on that lies outside of the sorted ranges, whose bytes are decided: they are secret. */
function beyond(ranges: readonly Range[], at: number): number {
  let place = at;
  for (const { from, to } of ranges) if (from <= place && place < to) place = to;
  return place;
}
