const LF = 10;
const CR = 13;
const ESC = 0x1b;
const BRACKET = 0x5b;
const DEL = 0x7f;
/** Bytes of a colour sequence at most. */
const COLOUR_BYTES = 64;

/** A part ends with LF (a line), or with a CR that no LF follows (a text that the next part is drawn over). */
export type PartEnd = 'line' | 'return';

/** Whole parts of a piece of output, copied without their colours. */
export interface Parts {
  readonly count: number;
  /** Of each part where it ends in the piece, behind its LF or CR, and where it ends in the copy. */
  readonly ends: Int32Array;
  readonly copyEnds: Int32Array;
  /** Of each part the characters in UTF-16 units if it is UTF-8, the CR left out. */
  readonly units: Int32Array;
  /** Of each part 1 when it erases what stood before it. */
  readonly erases: Uint8Array;
  /** Where copying stopped: there stands what is more than text and colours, or the piece is over. */
  readonly stop: number;
  /** There are bytes beyond ASCII. */
  readonly wide: boolean;
}

/** Room for the parts of a piece; the next call uses it again. */
export function partsRoom(maxParts: number) {
  return {
    ends: new Int32Array(maxParts),
    copyEnds: new Int32Array(maxParts),
    units: new Int32Array(maxParts),
    erases: new Uint8Array(maxParts),
  };
}

/** Where the colour sequence (SGR of ECMA-48) ends that begins at `from`; `from` when it is another sequence, or not whole. */
export function colourEnd(bytes: Uint8Array, from: number): number {
  if (bytes[from] !== ESC || bytes[from + 1] !== BRACKET) return from;
  let i = from + 2;
  for (let byte = bytes[i]; byte !== undefined && byte >= 0x30 && byte <= 0x3b && i - from < COLOUR_BYTES; byte = bytes[i]) i++;
  return bytes[i] === 0x6d ? i + 1 : from;
}

/** Copies text from `from` on to `copy`, as far as it is nothing but text, colours and, where texts are written over, CSI K. */
export function copyParts(
  bytes: Uint8Array,
  from: number,
  end: PartEnd,
  { copy, room }: { copy: Uint8Array; room: ReturnType<typeof partsRoom> },
): Parts {
  const { length } = bytes;
  let to = 0;
  let count = 0;
  let units = 0;
  let erases = 0;
  let wide = false;
  let i = from;
  while (i < length) {
    const byte = bytes[i] ?? 0;
    if ((byte >= 0x20 && byte < DEL) || byte === 9) {
      copy[to++] = byte;
      units++;
      i++;
      continue;
    }
    if (byte > DEL) {
      copy[to++] = byte;
      wide = true;
      if ((byte & 0xc0) !== 0x80) units += byte >= 0xf0 ? 2 : 1;
      i++;
      continue;
    }
    if (byte === ESC) {
      let next = colourEnd(bytes, i);
      if (next === i && end === 'return') {
        next = eraseEnd(bytes, i, units);
        if (next > i) erases = 1;
      }
      if (next === i) break;
      i = next;
      continue;
    }
    if (byte !== LF && byte !== CR) break;
    const crlf = byte === CR && bytes[i + 1] === LF;
    // Whether an LF follows a CR at the end of the piece is not known yet.
    if (end === 'line' ? byte === CR && !crlf : byte === LF || crlf || i + 1 === length) break;
    i++;
    copy[to++] = byte;
    if (crlf) continue;
    room.ends[count] = i;
    room.copyEnds[count] = to;
    room.units[count] = units;
    room.erases[count] = erases;
    count++;
    units = 0;
    erases = 0;
  }
  return { count, ...room, stop: i, wide };
}

/** Where CSI K or CSI 2 K ends. CSI 2 K counts only at the start of a line: after a text it erases without moving the cursor. */
function eraseEnd(bytes: Uint8Array, from: number, units: number): number {
  if (bytes[from + 1] !== BRACKET) return from;
  const how = bytes[from + 2];
  if (how === 0x4b) return from + 3;
  return bytes[from + 3] === 0x4b && (how === 0x30 || (how === 0x32 && units === 0)) ? from + 4 : from;
}
