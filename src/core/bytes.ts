/**
 * The loops that look at every byte of output, in WebAssembly with 128-bit SIMD (bytes.wat): counting lines is ten times
 * as fast as in JavaScript, and escaping makes no strings that have to be collected.
 */
import { BYTES_WASM } from './bytes-wasm.ts';
import { copyParts, type PartEnd, type Parts, partsRoom } from './coloured.ts';
import { instantiate, type WasmMemory } from './web-assembly.ts';

/** Bytes that `escapeJson` takes at most: its memory is made once. */
export const ESCAPE_MAX_BYTES = 64 * 1024;

/** Below so many bytes a plain loop is faster than handing them over. */
const SMALL_BYTES = 128;
/** Codes below 0x60 hold every character that JSON escapes; 8 bytes each: up to 6 characters, then their number. */
const ESCAPED_CODES = 0x60;
const ENTRY_BYTES = 8;
const INPUT = ESCAPED_CODES * ENTRY_BYTES;
/** A block reads up to 19 bytes beyond the end, and writes up to 16. */
const MARGIN_BYTES = 32;
const OUTPUT = INPUT + ESCAPE_MAX_BYTES + MARGIN_BYTES;
const LONGEST_ESCAPE = 6;
/** The tables of `findWord` lie behind the output. */
const WORDS = OUTPUT + ESCAPE_MAX_BYTES * LONGEST_ESCAPE + MARGIN_BYTES;
/** The search tables: for each of a word's first four bytes, 16 sets by its low half and 16 by its high half, with one bit for each of eight groups. */
const WORD_BYTES = 4;
const SETS = 16;
const GROUPS = 8;
const LF = 10;

interface Exports {
  readonly memory: WasmMemory;
  countLines(from: number, length: number): number;
  escapeJson(table: number, from: number, length: number, to: number): number;
  findControl(from: number, end: number): number;
  findWord(table: number, from: number, end: number): number;
}

/** Bytes that `scanBytes` takes at most: it has the same place. */
export const SCAN_MAX_BYTES = 64 * 1024;

const { memory, ...wasm } = instantiate<Exports>(BYTES_WASM, WORDS + WORD_BYTES * SETS * 2);
const heap = new Uint8Array(memory.buffer);
const partsPlace = { copy: heap.subarray(OUTPUT, WORDS), room: partsRoom(SCAN_MAX_BYTES) };
writeEscapes();

/** Number of LF bytes in `bytes`. */
export function countLines(bytes: Uint8Array): number {
  let lines = 0;
  if (bytes.length < SMALL_BYTES) {
    for (let i = 0; i < bytes.length; i++) if (bytes[i] === LF) lines++;
    return lines;
  }
  for (let from = 0; from < bytes.length; from += ESCAPE_MAX_BYTES) {
    const part = bytes.subarray(from, from + ESCAPE_MAX_BYTES);
    heap.set(part, INPUT);
    lines += wasm.countLines(INPUT, part.length);
  }
  return lines;
}

/**
 * UTF-8 bytes as the inside of a JSON string (RFC 8259, section 7), without decoding them: only `"`, `\` and codes below
 * 0x20 are escaped. Returns a view that the next call overwrites. Throws RangeError beyond ESCAPE_MAX_BYTES.
 */
export function escapeJson(bytes: Uint8Array): Uint8Array {
  if (bytes.length > ESCAPE_MAX_BYTES) throw new RangeError(`${bytes.length} bytes at once; escape at most ${ESCAPE_MAX_BYTES}`);
  heap.set(bytes, INPUT);
  return heap.subarray(OUTPUT, wasm.escapeJson(0, INPUT, bytes.length, OUTPUT));
}

/**
 * Searches of one piece of output, which is handed over once. Every call of this module's other functions ends it: use it
 * up at once. Throws RangeError beyond SCAN_MAX_BYTES.
 */
export function scanBytes(bytes: Uint8Array): ByteScan {
  if (bytes.length > SCAN_MAX_BYTES) throw new RangeError(`${bytes.length} bytes at once; scan at most ${SCAN_MAX_BYTES}`);
  heap.set(bytes, INPUT);
  // Clears what an earlier call left behind the end: it must not be taken for what follows a final CR.
  heap[INPUT + bytes.length] = 0;
  const end = INPUT + bytes.length;
  return {
    nextControl: (from) => wasm.findControl(INPUT + from, end) - INPUT,
    nextWord: (from) => wasm.findWord(WORDS, INPUT + from, end) - INPUT,
    lines: (from, to) => wasm.countLines(INPUT + from, to - from),
    parts: (from, end) => {
      const parts = copyParts(bytes, from, end, partsPlace);
      const length = parts.copyEnds[parts.count - 1] ?? 0;
      const nextWord = (at: number) => wasm.findWord(WORDS, OUTPUT + at, OUTPUT + length) - OUTPUT;
      return { ...parts, copy: partsPlace.copy.subarray(0, length), nextWord };
    },
  };
}

/** What can be asked of a piece of output. */
export interface ByteScan {
  /** The first byte from `from` on that is a control character other than tab, LF and the CR of a CR LF; the length if none. */
  nextControl(from: number): number;
  /** Where, from `from` on, one of the words may begin that `scanWords` was given; the length if nowhere. */
  nextWord(from: number): number;
  /** LF bytes in [from, to). */
  lines(from: number, to: number): number;
  /** The whole lines, or texts that are written over, from `from` on, as far as there is nothing but text and colours. */
  parts(from: number, end: PartEnd): ScannedParts;
}

/** Parts of a piece; the next call for parts overwrites them. */
export interface ScannedParts extends Parts {
  readonly copy: Uint8Array;
  /** As `nextWord` of the piece, in the copy. */
  nextWord(from: number): number;
}

/**
 * The beginnings of words, 4 bytes each and lower case, that every `nextWord` looks for: up to eight groups. A match may
 * mix bytes of several words of one group: put similar words into one group, and compare at the place that is returned.
 */
export function scanWords(groups: readonly (readonly string[])[]): void {
  if (groups.length > GROUPS) throw new RangeError(`${groups.length} groups of words; there is room for ${GROUPS}`);
  heap.fill(0, WORDS, WORDS + WORD_BYTES * SETS * 2);
  for (const [group, words] of groups.entries()) for (const word of words) addWord(new TextEncoder().encode(word), 1 << group);
}

function addWord(word: Uint8Array, bit: number): void {
  if (word.length < WORD_BYTES) throw new RangeError(`a word of ${word.length} bytes; it has to have ${WORD_BYTES}`);
  for (let i = 0; i < WORD_BYTES; i++) {
    const code = (word[i] ?? 0) | 0x20;
    const low = WORDS + i * SETS * 2 + (code & 15);
    const high = WORDS + i * SETS * 2 + SETS + (code >> 4);
    heap[low] = (heap[low] ?? 0) | bit;
    heap[high] = (heap[high] ?? 0) | bit;
  }
}

function writeEscapes(): void {
  for (let code = 0; code < ESCAPED_CODES; code++) {
    const escaped = JSON.stringify(String.fromCharCode(code)).slice(1, -1);
    for (let i = 0; i < escaped.length; i++) heap[code * ENTRY_BYTES + i] = escaped.charCodeAt(i);
    heap[code * ENTRY_BYTES + ENTRY_BYTES - 1] = escaped.length;
  }
}
