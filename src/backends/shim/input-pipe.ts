import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../../core/clock.ts';
import { HeadgateError, NOT_YET, systemCode } from '../../core/errors.ts';
import { InTurn } from '../../core/in-turn.ts';
import { InputCall } from '../../model/input-position.ts';
import type { InputTaken } from '../../model/ports/backend.ts';
import { InputJournal } from './input-journal.ts';
import type { ProcessIdentity, ProducerFolder } from './producer-folder.ts';

/** How long a write waits for the command to read, and for the shim to make the FIFO (milliseconds). */
const PATIENCE_MS = 2000;
const LOOK_MS = 5;
/** Bytes that a pipe takes whole or not at all (pipe(7), PIPE_BUF). */
const PIECE_BYTES = 4096;
/** What a terminal takes for the end of a file when it is typed: Ctrl-D (termios(3), VEOF). */
const END_OF_FILE = 0x04;
const LINE_ENDS = [0x0a, 0x0d, END_OF_FILE];

/** What this side must be able to do with the process that holds the write end open. */
export interface HolderControl {
  isThere(holder: ProcessIdentity): boolean;
  stop(holder: ProcessIdentity): void;
}

/**
 * The write end of a producer's standard input (SPEC {#stdin}). Writes are done one after the other; the shim's holder
 * keeps the command from seeing an end of input when this process goes away.
 */
export class InputPipe {
  readonly #folder: ProducerFolder;
  readonly #clock: Clock;
  readonly #holder: HolderControl;
  readonly #terminal: boolean;
  /** The last byte that went to a terminal. */
  #typed: number | undefined;
  #fd: number | undefined;
  #ended = false;
  #closed = false;
  #journal: InputJournal | undefined;
  readonly #turns = new InTurn();

  /** `terminal`: the command reads a terminal, whose input is ended by typing the end of a file (SPEC {#terminals}). */
  constructor(folder: ProducerFolder, clock: Clock, holder: HolderControl, terminal = false) {
    this.#folder = folder;
    this.#clock = clock;
    this.#holder = holder;
    this.#terminal = terminal;
  }

  /**
   * Writes; returns the bytes taken, fewer when the command does not read for two seconds. Throws `conflict` after the end of input, and
   * `offset_conflict` (SPEC {#input_offset}).
   */
  write(bytes: Buffer, offset?: number): Promise<InputTaken> {
    return this.#turns.run(async () => {
      const journal = this.#position();
      if (offset !== undefined) journal.requireSure();
      const call = new InputCall(journal.state, bytes, offset);
      // All of it was written by an earlier call, after which the input may have ended.
      if (call.taken < bytes.length || bytes.length === 0) await this.#write(bytes, call);
      return { offset: call.offset, bytes: call.taken };
    });
  }

  /** Ends the input: the command reads what is in the pipe, then the end. Again: harmless. */
  end(): Promise<void> {
    return this.#turns.run(async () => {
      if (this.#ended || this.#folder.exitCode() !== undefined) return;
      const holder = await this.#opened();
      // The command has ended meanwhile, and its input with it.
      if (!holder) return;
      if (this.#terminal) return await this.#typeEnd();
      this.#ended = true;
      this.#closeEnd();
      this.#holder.stop(holder);
    });
  }

  /**
   * Closes our own end only, for good; the command's input stays open. What is under way stops there: the process that serves the
   * producer from now on could not end an input that is still open here.
   */
  close(): void {
    this.#closed = true;
    this.#closeEnd();
  }

  /** The command is over: closes our end, and ends the holder where the shim died before it could. */
  release(): void {
    this.close();
    const holder = this.#folder.inputHolder();
    if (holder) this.#holder.stop(holder);
  }

  /** The FIFO stays open: the relay would type an end of its own. In the middle of a line the first one only hands over the line. */
  async #typeEnd(): Promise<void> {
    if (this.#folder.inputEnded) return;
    const again = this.#typed !== undefined && !LINE_ENDS.includes(this.#typed);
    const end = Buffer.alloc(again ? 2 : 1, END_OF_FILE);
    await this.#write(end, new InputCall(this.#position().state, end, undefined));
    this.#folder.setInputEnded();
    this.#ended = true;
  }

  #closeEnd(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
    this.#journal?.close();
    this.#journal = undefined;
  }

  #position(): InputJournal {
    this.#journal ??= new InputJournal(this.#folder);
    return this.#journal;
  }

  async #write(bytes: Buffer, call: InputCall): Promise<void> {
    // The holder is gone as well when a client ended the input before a restart.
    if (this.#ended || !this.#holder.isThere(await this.#ready()) || (this.#terminal && this.#folder.inputEnded)) throw inputGone();
    const giveUp = this.#clock.monotonic() + PATIENCE_MS;
    const before = call.taken;
    for (;;) {
      while (this.#tryWrite(bytes.subarray(call.taken, call.taken + PIECE_BYTES), call));
      if (call.taken > before) this.#typed = bytes[call.taken - 1];
      if (call.taken >= bytes.length || this.#clock.monotonic() >= giveUp) return;
      await delay(LOOK_MS);
      if (this.#closed && call.taken > before) return;
    }
  }

  /** Writes a piece, whole or not at all; true when it was taken and there may be more. */
  #tryWrite(piece: Buffer, call: InputCall): boolean {
    if (this.#closed) throw inputGone();
    try {
      this.#fd ??= openSync(this.#folder.input, constants.O_WRONLY | constants.O_NONBLOCK);
      if (piece.length === 0) return false;
      const journal = this.#position();
      const next = call.next(piece);
      journal.begin(next, this.#fd);
      writeSync(this.#fd, piece);
      journal.done(next, this.#fd);
      call.took(piece);
      return true;
    } catch (error) {
      const code = systemCode(error);
      if (code === 'EAGAIN') return false;
      if (code === 'EPIPE' || code === 'ENXIO' || code === 'ENOENT') throw inputGone();
      throw error;
    }
  }

  async #ready(): Promise<ProcessIdentity> {
    const holder = await this.#opened();
    if (!holder) throw inputGone();
    return holder;
  }

  /**
   * Waits for the shim to open the FIFO: before that a write could get lost, or the command wait for ever. Undefined once the command has
   * ended, whose shim ends the holder first.
   */
  async #opened(): Promise<ProcessIdentity | undefined> {
    const giveUp = this.#clock.monotonic() + PATIENCE_MS;
    for (;;) {
      if (this.#closed) throw inputGone();
      if (this.#folder.exitCode() !== undefined) return undefined;
      const holder = this.#folder.inputHolder();
      if (holder) return holder;
      if (this.#clock.monotonic() >= giveUp)
        throw new HeadgateError('conflict', 'the command has not opened its input; try again once it runs', NOT_YET);
      await delay(LOOK_MS);
    }
  }
}

function inputGone(): HeadgateError {
  return new HeadgateError('conflict', 'the command has ended, or its input has; it takes no more');
}
