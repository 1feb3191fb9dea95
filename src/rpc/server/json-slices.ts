import type { Clock } from '../../core/clock.ts';
import { InTurn } from '../../core/in-turn.ts';
import { slices } from '../../core/slice-turns.ts';

/** A value beyond this weight is made into text in slices, and a string in pieces of so many characters. */
const PIECE_CHARS = 64 * 1024;
/** What a value weighs beside the characters of its strings: about what its text takes. */
const NODE_CHARS = 8;
/** Time of one slice (milliseconds). */
const SLICE_MS = 4;
/** One text at a time: slices of several would add up to a long pause. */
const texts = new InTurn();

/** Who pays for the slices. */
export interface SlicePayer {
  readonly clock: Clock;
  /** So many milliseconds of the thread went into a slice. */
  used(ms: number): void;
}

/** About how many characters of JSON a value is; what is beyond `most` is not looked at. */
export function weightOf(value: unknown, most: number): number {
  if (typeof value === 'string') return value.length + NODE_CHARS;
  // What makes its own text is not looked into.
  if (typeof value !== 'object' || value === null || 'toJSON' in value) return NODE_CHARS;
  let weight = NODE_CHARS;
  for (const key in value) {
    weight += weightOf((value as Record<string, unknown>)[key], most - weight);
    if (weight > most) break;
  }
  return weight;
}

/** Whether a value's text would hold the thread up if it was made at once. */
export function isLarge(value: unknown): boolean {
  return weightOf(value, 4 * PIECE_CHARS) > 4 * PIECE_CHARS;
}

/**
 * The UTF-8 of the JSON of a value, made in slices with other work between them (SPEC {#no_pause}); undefined when it is over `maxBytes`.
 * The value is not changed meanwhile.
 */
export function slicedJson(value: unknown, maxBytes: number, { clock, used }: SlicePayer): Promise<Buffer | undefined> {
  return texts.run(async () => {
    const parts: Buffer[] = [];
    let bytes = 0;
    let piece = '';
    await slices.next();
    let since = clock.monotonic();
    const encode = () => {
      const part = Buffer.from(piece);
      piece = '';
      parts.push(part);
      bytes += part.length;
      return bytes <= maxBytes;
    };
    for (const text of piecesOf(value)) {
      piece += text;
      if (piece.length < PIECE_CHARS) continue;
      if (!encode()) return undefined;
      const took = clock.monotonic() - since;
      if (took < SLICE_MS) continue;
      used(took);
      await slices.next();
      since = clock.monotonic();
    }
    return encode() ? Buffer.concat(parts) : undefined;
  });
}

/** The JSON of a value in pieces that do not take long to make. */
function* piecesOf(value: unknown): Generator<string, void> {
  if (weightOf(value, PIECE_CHARS) <= PIECE_CHARS) yield JSON.stringify(value) ?? 'null';
  else if (typeof value === 'string') yield* stringPieces(value);
  else if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) {
      yield index === 0 ? '[' : ',';
      yield* piecesOf(item);
    }
    yield value.length === 0 ? '[]' : ']';
  } else {
    let before = '{';
    for (const [key, item] of Object.entries(value as object)) {
      if (item === undefined) continue;
      yield `${before}${JSON.stringify(key)}:`;
      before = ',';
      yield* piecesOf(item);
    }
    yield before === '{' ? '{}' : '}';
  }
}

/** A character that is cut into two is written as the escapes of its halves, which are the same. */
function* stringPieces(text: string): Generator<string, void> {
  yield '"';
  for (let at = 0; at < text.length; at += PIECE_CHARS) yield JSON.stringify(text.slice(at, at + PIECE_CHARS)).slice(1, -1);
  yield '"';
}
