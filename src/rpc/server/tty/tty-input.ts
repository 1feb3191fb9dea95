import { setTimeout as delay } from 'node:timers/promises';
import { HeadgateError, isHeadgateError, messageOf } from '../../../core/errors.ts';

/** Bytes that may wait for the command before no more is read from the connection, and below which it is read on. */
const FULL_BYTES = 256 * 1024;
const ROOM_BYTES = 64 * 1024;
/** Bytes of one write. */
const WRITE_BYTES = 64 * 1024;
/** How long what was typed before the connection ended is still tried to be written, milliseconds. */
const LEAVE_MS = 5000;
/** Pause before input that the command did not take is tried again, milliseconds. */
const RETRY_MS = 200;

export interface TtyInputOptions {
  /** Writes to the command's standard input; returns how many bytes it took. */
  readonly write: (bytes: Buffer, eof: boolean) => Promise<number>;
  /** Stops and begins to read the connection. */
  readonly hold: (full: boolean) => void;
  /** Told how many bytes the command has taken in all, each time it has taken some. */
  readonly taken?: ((bytes: number) => void) | undefined;
  /** Told what cannot be done; the session goes on. */
  readonly refused: (error: HeadgateError) => void;
}

/**
 * What a client types, on its way to the command: in order, as fast as the command reads, with a bounded amount waiting.
 * While a runner is away, or the command cannot take any yet, it waits; once the command reads no more, it is thrown away (SPEC {#tty_input}).
 */
export class TtyInput {
  readonly #options: TtyInputOptions;
  #waiting: Buffer[] = [];
  #bytes = 0;
  #taken = 0;
  /** Its end was asked for, and has been told to the command. */
  #eof = false;
  #ended = false;
  #full = false;
  #working = false;
  #over = false;
  #leaving: NodeJS.Timeout | undefined;
  readonly #closing = new AbortController();

  constructor(options: TtyInputOptions) {
    this.#options = options;
  }

  /** Takes bytes over; the caller must not write into them again. */
  push(bytes: Buffer): void {
    if (this.#over || bytes.length === 0) return;
    if (this.#eof) {
      this.#refused(new HeadgateError('conflict', 'input after eof; its end was asked for before', { reason: 'after_eof' }));
      return;
    }
    this.#waiting.push(bytes);
    this.#bytes += bytes.length;
    if (this.#bytes >= FULL_BYTES) this.#setFull(true);
    this.#work();
  }

  /** Ends the input, after everything before it. */
  end(): void {
    this.#eof = true;
    this.#work();
  }

  /** The connection is gone: what waits is still written, for a few seconds; nobody is told of anything any more. */
  leave(): void {
    if (this.#over || this.#leaving) return;
    this.#leaving = setTimeout(() => this.#stop(), LEAVE_MS);
    this.#leaving.unref();
    if (!this.#working) this.#stop();
  }

  #stop(): void {
    clearTimeout(this.#leaving);
    this.#over = true;
    this.#waiting = [];
    this.#bytes = 0;
    this.#closing.abort();
    this.#setFull(false);
  }

  #refused(error: HeadgateError): void {
    if (!this.#leaving) this.#options.refused(error);
  }

  #setFull(full: boolean): void {
    if (this.#full === full) return;
    this.#full = full;
    if (!this.#leaving) this.#options.hold(full);
  }

  #work(): void {
    if (this.#working) return;
    this.#working = true;
    void this.#drain().finally(() => {
      this.#working = false;
      if (this.#due()) this.#work();
      else if (this.#leaving) this.#stop();
    });
  }

  #due(): boolean {
    return !this.#over && (this.#bytes > 0 || (this.#eof && !this.#ended));
  }

  async #drain(): Promise<void> {
    while (this.#due()) {
      const next = this.#next();
      const last = this.#eof && next.length === this.#bytes;
      try {
        const taken = await this.#options.write(next, last);
        this.#shift(taken);
        this.#taken += taken;
        if (taken > 0 && !this.#leaving) this.#options.taken?.(this.#taken);
        this.#ended = last && taken === next.length;
      } catch (error) {
        if (!(await this.#survives(error, next))) this.#stop();
      }
      if (this.#bytes < ROOM_BYTES) this.#setFull(false);
    }
  }

  /** The first bytes that wait, joined so that one key a message does not become one write a key. */
  #next(): Buffer {
    const [first] = this.#waiting;
    if (!first) return Buffer.alloc(0);
    if (first.length >= WRITE_BYTES || this.#waiting.length === 1) return first.subarray(0, WRITE_BYTES);
    const whole = Buffer.concat(this.#waiting);
    this.#waiting = [whole];
    return whole.subarray(0, WRITE_BYTES);
  }

  #shift(taken: number): void {
    this.#bytes = Math.max(0, this.#bytes - taken);
    let left = taken;
    while (left > 0) {
      const first = this.#waiting[0];
      if (!first) return;
      if (first.length > left) this.#waiting[0] = first.subarray(left);
      else this.#waiting.shift();
      left -= Math.min(left, first.length);
    }
  }

  /** True when what waits is to be tried again, or has been dealt with. */
  async #survives(error: unknown, tried: Buffer): Promise<boolean> {
    if (this.#over) return false;
    if (isHeadgateError(error) && error.facts['unanswered'] === true) {
      // It may have been taken: sent again it might be typed twice.
      this.#refused(error);
      this.#shift(tried.length);
      return true;
    }
    const notYet = isHeadgateError(error, 'conflict') && (error.facts['runner'] ?? error.facts['retry_after_ms']) !== undefined;
    if (notYet || isHeadgateError(error, 'overloaded')) {
      await delay(RETRY_MS, undefined, { signal: this.#closing.signal }).catch(() => undefined);
      return true;
    }
    // The command has ended or reads no more: the end of the session says how, as a shell's would.
    const quiet = isHeadgateError(error, 'conflict') || isHeadgateError(error, 'stream_closed');
    if (!quiet) this.#refused(isHeadgateError(error) ? error : new HeadgateError('internal', `input was not taken: ${messageOf(error)}`));
    return false;
  }
}
