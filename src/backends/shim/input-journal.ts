import { closeSync, constants, fstatSync, futimesSync, openSync, readFileSync, statfsSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { isMissing } from '../../core/errors.ts';
import { type InputState, NO_INPUT, unsurePosition } from '../../model/input-position.ts';
import type { ProducerFolder } from './producer-folder.ts';

/** The record has one length, so that it is written in place: also on a full disk, and never in part. */
const RECORD_BYTES = 400;
/** The type of an overlayfs (statfs(2)), which does not change the time of a FIFO that is written to. */
const OVERLAYFS = 0x794c7630;

interface Written {
  readonly state: InputState;
  /** What is about to be written, and the time that the FIFO had before. */
  readonly next?: InputState;
  /** Whole seconds; 0 where nothing tells whether it was written. */
  readonly mark?: number;
}

/**
 * How much of a command's input was written, exactly, also after a kill -9 between the write and its record (SPEC {#input_offset}).
 *
 * Before a piece is written the FIFO is given a time of the last change that no clock has, and the record says which. The kernel
 * changes that time in the call that takes the piece, so whether the time still stands says whether the piece was taken.
 */
export class InputJournal {
  readonly #path: string;
  readonly #fifo: string;
  #file: number | undefined;
  #state: InputState;
  /** The time that the FIFO was given last. */
  #mark: number;
  /** The FIFO has that time, since nothing was written after. */
  #stands = false;
  /** Whether the file system changes the time of a FIFO; undefined until the first write. */
  #tells: boolean | undefined;
  #unsure = false;

  constructor(folder: ProducerFolder) {
    this.#path = join(folder.path, 'in.at');
    this.#fifo = folder.input;
    const { state, next, mark = 0 } = this.#read();
    this.#state = state;
    this.#mark = mark;
    if (statfsSync(folder.path).type === OVERLAYFS) this.#tells = false;
    if (!next) return;
    this.#unsure = mark === 0;
    this.#stands = mark > 0 && statSync(this.#fifo, { throwIfNoEntry: false })?.mtimeMs === mark * 1000;
    if (!this.#stands) this.#state = next;
  }

  /** How far the input has come. */
  get state(): InputState {
    return this.#state;
  }

  /** Throws `conflict` with `unanswered` when that is not known. */
  requireSure(): void {
    if (this.#unsure) throw unsurePosition();
  }

  /** Before a piece is written into the FIFO, or, without `fd`, given to what writes it. */
  begin(next: InputState, fd?: number): void {
    const marks = fd !== undefined && this.#tells !== false;
    // What was not taken left the time as it was. A new one before a new record would say that it was taken.
    if (marks && !this.#stands) {
      this.#mark++;
      futimesSync(fd, this.#mark, this.#mark);
      this.#stands = true;
    }
    this.#write({ state: this.#state, next, mark: marks ? this.#mark : 0 });
  }

  /** The piece was written. */
  done(next: InputState, fd?: number): void {
    this.#state = next;
    this.#stands = false;
    if (fd !== undefined) this.#tells ??= fstatSync(fd).mtimeMs !== this.#mark * 1000;
    if (fd === undefined || !this.#tells) this.#write({ state: next });
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }

  #read(): Written {
    try {
      return JSON.parse(readFileSync(this.#path, 'utf8')) as Written;
    } catch (error) {
      if (isMissing(error) || error instanceof SyntaxError) return { state: NO_INPUT };
      throw error;
    }
  }

  #write(written: Written): void {
    const record = `${JSON.stringify(written).padEnd(RECORD_BYTES - 1)}\n`;
    this.#file ??= openSync(this.#path, constants.O_WRONLY | constants.O_CREAT, 0o600);
    writeSync(this.#file, record, 0);
  }
}
