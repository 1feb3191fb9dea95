import { instantiate, type WasmMemory } from '../core/web-assembly.ts';
import { CANDIDATES_WASM } from './candidates-wasm.ts';
import { literalSets, PRINT_BYTES, printAt, TABLES_BYTES } from './literal-sets.ts';

/** Bytes that are looked at in one go. */
const PART_BYTES = 64 * 1024;
/** Three bytes are hashed to so many bits. */
const HASH_BITS = 13;
const INPUT = TABLES_BYTES + (1 << HASH_BITS);
/** A block of 16 bytes, and two more, may be read beyond the end. */
const OUTPUT = INPUT + PART_BYTES + 32;
const PLACE_BYTES = 4;
/** So many places may be written beyond those that were asked for. */
const SPARE_PLACES = 32;

interface Exports {
  readonly memory: WasmMemory;
  candidates(from: number, length: number, to: number): number;
}

const { memory, candidates } = instantiate<Exports>(CANDIDATES_WASM, OUTPUT + (PART_BYTES + SPARE_PLACES) * PLACE_BYTES);
const heap = new Uint8Array(memory.buffer);
const places = new Uint32Array(memory.buffer, OUTPUT);
/** Whose tables are in the memory. */
let loaded: object | undefined;

/**
 * Finds any of many literals in bytes. A first look, 16 bytes at a time (after Teddy of Hyperscan), leaves few places: those
 * where three bytes in turn look like the rarest three of a literal, told by the halves of each byte and a hash.
 */
export class Finder {
  readonly #literals: readonly Uint8Array[];
  /** The tables of halves, then for each hash of three bytes how far a place is written: 0 when they are in no literal. */
  readonly #tables = new Uint8Array(INPUT);
  /** Literals by their three bytes, and where these are in them. */
  readonly #prints = new Map<number, { readonly literal: number; readonly at: number }[]>();

  /** @param literals - each 3 bytes long or more */
  constructor(literals: readonly Uint8Array[]) {
    this.#literals = literals;
    const prints: Uint8Array[] = [];
    for (const [index, literal] of literals.entries()) {
      const at = printAt(literal);
      const key = keyAt(literal, at);
      const alike = this.#prints.get(key);
      if (alike) alike.push({ literal: index, at });
      else {
        this.#prints.set(key, [{ literal: index, at }]);
        prints.push(literal.subarray(at, at + PRINT_BYTES));
      }
      this.#tables[TABLES_BYTES + hash(key)] = PLACE_BYTES;
    }
    this.#tables.set(literalSets(prints));
  }

  /** Calls `found` with the index of every literal that is whole at `at`. */
  each(bytes: Uint8Array, found: (literal: number, at: number) => void): void {
    if (this.#literals.length === 0) return;
    if (loaded !== this) heap.set(this.#tables);
    loaded = this;
    for (let from = 0; from < bytes.length; from += PART_BYTES) {
      const length = Math.min(PART_BYTES, bytes.length - from);
      heap.set(bytes.subarray(from, from + length + PRINT_BYTES - 1), INPUT);
      const count = (candidates(INPUT, length, OUTPUT) - OUTPUT) / PLACE_BYTES;
      for (let i = 0; i < count; i++) this.#look(bytes, from + (places[i] ?? 0), found);
    }
  }

  #look(bytes: Uint8Array, at: number, found: (literal: number, at: number) => void): void {
    for (const print of this.#prints.get(keyAt(bytes, at)) ?? []) {
      if (this.#isAt(print.literal, bytes, at - print.at)) found(print.literal, at - print.at);
    }
  }

  #isAt(index: number, bytes: Uint8Array, at: number): boolean {
    const literal = this.#literals[index];
    if (!literal || at < 0 || at + literal.length > bytes.length) return false;
    for (let i = 0; i < literal.length; i++) if (bytes[at + i] !== literal[i]) return false;
    return true;
  }
}

function keyAt(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16);
}

function hash(key: number): number {
  return Math.imul(key, 0x9e3779b1) >>> (32 - HASH_BITS);
}
