import { createHash, type Hash } from 'node:crypto';
import { HeadgateError } from '../core/errors.ts';
import type { InputTaken } from './ports/backend.ts';

/** How far the input of a command has come, and the call that brought the last of it. */
export interface InputState {
  /** Bytes that were written so far. */
  readonly at: number;
  /** Where the chunk of the last call began. */
  readonly from: number;
  /** SHA-256 of what that call wrote, in hex; empty where the call named no offset. */
  readonly digest: string;
}

/** Nothing was written yet. */
export const NO_INPUT: InputState = { at: 0, from: 0, digest: '' };

/**
 * One call that writes, by the position of the input (SPEC {#input_offset}). A chunk that begins where the last one did and has the
 * same bytes is that one again: what was written of it is left out.
 */
export class InputCall {
  /** How many bytes of the chunk were written, by an earlier call as well. */
  taken = 0;
  readonly #from: number;
  readonly #hash: Hash | undefined;

  /** Throws `offset_conflict` with `expected` when the chunk neither goes on where the input is nor repeats the last one. */
  constructor(state: InputState, bytes: Buffer, offset: number | undefined) {
    this.#from = offset ?? state.at;
    this.#hash = offset === undefined ? undefined : createHash('sha256');
    if (offset === undefined || offset === state.at) return;
    const written = state.at - state.from;
    const begin = bytes.subarray(0, written);
    const same = offset === state.from && begin.length === written && createHash('sha256').update(begin).digest('hex') === state.digest;
    if (!same) {
      throw new HeadgateError(
        'offset_conflict',
        `the input of the command is at ${state.at}, and offset ${offset} neither goes on there nor repeats the last chunk`,
        { expected: state.at },
      );
    }
    this.#hash?.update(begin);
    this.taken = written;
  }

  /** Where the chunk begins. */
  get offset(): number {
    return this.#from;
  }

  /** The state once `piece`, the next bytes of the chunk, is written; `took` makes it the present one. */
  next(piece: Buffer): InputState {
    const digest = this.#hash?.copy().update(piece).digest('hex') ?? '';
    return { at: this.#from + this.taken + piece.length, from: this.#from, digest };
  }

  /** `piece` was written. */
  took(piece: Buffer): void {
    this.#hash?.update(piece);
    this.taken += piece.length;
  }
}

/** The error for an offset where it is not known how much of the input was written. */
export function unsurePosition(): HeadgateError {
  return new HeadgateError(
    'conflict',
    'what wrote to the input of the command was killed in the middle, so it is not known what has arrived; look at the output, then go on without offset',
    { unanswered: true, position: 'unknown' },
  );
}

/** The position of an input that is written to in this process alone, one call after the other. */
export class InputCount {
  #state = NO_INPUT;

  /** `write` is given what is still to be written, and returns how many bytes of it were taken. Throws `offset_conflict`. */
  async write(bytes: Buffer, offset: number | undefined, write: (rest: Buffer) => number | Promise<number>): Promise<InputTaken> {
    const call = new InputCall(this.#state, bytes, offset);
    const rest = bytes.subarray(call.taken);
    if (rest.length > 0 || bytes.length === 0) {
      const piece = rest.subarray(0, await write(rest));
      this.#state = call.next(piece);
      call.took(piece);
    }
    return { offset: call.offset, bytes: call.taken };
  }
}
