import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../../core/clock.ts';
import { deferred } from '../../core/deferred.ts';
import { HeadgateError, messageOf } from '../../core/errors.ts';
import { InTurn } from '../../core/in-turn.ts';
import type { Logger } from '../../core/logger.ts';
import { InputCall, type InputState, NO_INPUT, unsurePosition } from '../../model/input-position.ts';
import type { InputTaken } from '../../model/ports/backend.ts';
import { INPUT_SH } from './input-sh.ts';
import { placeArgs, type RemotePlace } from './place-of-producer.ts';
import { makeNonce, printfText, RecordSplitter } from './record-splitter.ts';
import { isGone, type ShellHost, type ShellRun } from './shell-host.ts';

/** How long a write waits for the command to read (milliseconds). */
const PATIENCE_MS = 2000;
/** Bytes that are on their way at a time. */
const PIECE_BYTES = 16 * 1024;
const RETRY_MS = 200;
/** How long a write that is under way is waited for once the command has ended (milliseconds). */
const ANSWER_MS = 1000;
/** What a terminal takes for the end of a file when it is typed: Ctrl-D (termios(3), VEOF). */
const END_OF_FILE = 0x04;
/** Stands for no digest where words are separated by blanks. */
const NO_DIGEST = '-';
const LINE_ENDS = [0x0a, 0x0d, END_OF_FILE];

/**
 * The standard input of a producer over there. A piece is sent when the one before it has been written into the FIFO
 * there, so at most one is on its way; that one counts as taken, since it is written as soon as the command reads, and after
 * a lost link exactly when it had not been (SPEC {#shell_hosts}).
 */
export class RemoteInput {
  readonly #host: ShellHost;
  readonly #place: RemotePlace;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #terminal: boolean;
  readonly #text: string;
  readonly #turns = new InTurn();
  #run: ShellRun | undefined;
  /** True once the present run takes lines. */
  #ready = false;
  #connecting = false;
  /** How far the input has come, with the piece that is on its way. */
  #state = NO_INPUT;
  /** A process that wrote was killed in the middle of it. */
  #unsure = false;
  #known = false;
  /** The piece that is on its way, or the end of the input. */
  #sent: { readonly at: number; readonly line: string } | undefined;
  /** The last byte that was typed on a terminal. */
  #typed: number | undefined;
  #isOver = false;
  #stopped = false;
  #changed = deferred();

  /**
   * `terminal`: the command reads a terminal, whose input is ended by typing the end of a file (SPEC {#terminals}).
   * `text`: the script over there, which says and takes what INPUT_SH does.
   */
  constructor(host: ShellHost, place: RemotePlace, clock: Clock, logger: Logger, terminal: boolean, text: string = INPUT_SH) {
    this.#text = text;
    this.#terminal = terminal;
    this.#host = host;
    this.#place = place;
    this.#clock = clock;
    this.#logger = logger;
  }

  /**
   * Writes; returns the bytes taken, fewer when the command does not read for two seconds. Throws `conflict` after the end of input, and
   * `offset_conflict` (SPEC {#input_offset}).
   */
  write(bytes: Buffer, offset?: number): Promise<InputTaken> {
    return this.#turns.run(async () => {
      const giveUp = (): number => this.#clock.monotonic() + PATIENCE_MS;
      if (!(await this.#until(() => this.#ready && !this.#sent, giveUp()))) return { bytes: 0 };
      if (offset !== undefined && this.#unsure) throw unsurePosition();
      const call = new InputCall(this.#state, bytes, offset);
      while (call.taken < bytes.length) {
        const piece = bytes.subarray(call.taken, call.taken + PIECE_BYTES);
        this.#state = call.next(piece);
        call.took(piece);
        this.#typed = piece.at(-1);
        this.#send(`w${stateWords(this.#state)} ${printfText(piece)}\n`);
        if (!(await this.#until(() => !this.#sent, giveUp()))) break;
      }
      return { offset: call.offset, bytes: call.taken };
    });
  }

  /** Ends the input once all that was taken has been written. Again: harmless. */
  end(): Promise<void> {
    return this.#turns.run(async () => {
      if (this.#isOver) return;
      await this.#until(() => this.#ready && !this.#sent, Number.POSITIVE_INFINITY).catch(ignoreOver);
      if (this.#isOver) return;
      // In the middle of a line the first one only hands over the line.
      const again = this.#typed !== undefined && !LINE_ENDS.includes(this.#typed);
      this.#send(this.#terminal ? `x${printfText(Buffer.alloc(again ? 2 : 1, END_OF_FILE))}\n` : 'x\n');
      await this.#until(() => this.#isOver, Number.POSITIVE_INFINITY).catch(ignoreOver);
    });
  }

  /** The command has ended, or is let go of. The write that is under way returns first: it may be what ended the command. */
  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    if (this.#run && this.#ready && this.#sent) setTimeout(() => this.#finish(), ANSWER_MS).unref();
    else this.#finish();
  }

  #finish(): void {
    this.#isOver = true;
    this.#run?.close();
    this.#change();
  }

  /** Waits until it is so; false when it is not in time. Throws `conflict` when the input is over. */
  async #until(condition: () => boolean, giveUp: number): Promise<boolean> {
    for (;;) {
      if (condition()) return true;
      if (this.#isOver) throw inputGone();
      const leftMs = giveUp - this.#clock.monotonic();
      if (leftMs <= 0) return false;
      void this.#connect();
      const waiting = new AbortController();
      const timer = Number.isFinite(leftMs) ? [delay(leftMs, undefined, { signal: waiting.signal }).catch(() => {})] : [];
      await Promise.race([this.#changed.promise, ...timer]);
      waiting.abort();
    }
  }

  #send(line: string): void {
    this.#sent = { at: this.#state.at, line };
    this.#run?.stdin.write(line);
  }

  /** One run after the other for as long as a caller waits for it. */
  async #connect(): Promise<void> {
    if (this.#connecting || this.#run || this.#stopped || this.#isOver) return;
    this.#connecting = true;
    const nonce = makeNonce();
    try {
      const run = await this.#host.run(this.#text, [nonce, ...placeArgs(this.#place)]);
      if (this.#stopped) return run.close();
      this.#run = run;
      const splitter = new RecordSplitter(
        nonce,
        () => {},
        (words) => this.#record(words),
      );
      run.stdin.on('error', () => {});
      run.stdout.on('data', (piece: Buffer) => splitter.push(piece));
      run.stderr.resume();
      void run.ended.catch(() => {}).then(() => this.#lost(run));
    } catch (error) {
      if (isGone(error)) this.#isOver = true;
      this.#logger.warn({ host: this.#host.name, error: messageOf(error) }, 'the input of a command cannot be reached now');
      await delay(RETRY_MS);
    } finally {
      this.#connecting = false;
      if (!this.#run) this.#change();
    }
    if (!this.#run && this.#sent) void this.#connect();
  }

  #record([word = '', at = '', from = '', digest = '', how]: readonly string[]): void {
    if (word === 'ready') this.#begin({ at: Number(at), from: Number(from), digest: digest === NO_DIGEST ? '' : digest }, how === 'unsure');
    else if (word === 'taken') {
      if (this.#sent?.at === Number(at)) this.#sent = undefined;
      if (this.#stopped) this.#finish();
    } else if (word === 'closed' || word === 'ended') this.#isOver = true;
    this.#change();
  }

  #begin(state: InputState, unsure: boolean): void {
    const sent = this.#sent;
    // Written before the link was lost; or perhaps, and then it must not be repeated.
    if (sent?.line.startsWith('w') && this.#known && (state.at >= sent.at || unsure)) this.#sent = undefined;
    this.#unsure ||= unsure;
    if (unsure) {
      const facts = { host: this.#host.name, producer: this.#place.producerId };
      this.#logger.warn(facts, 'the process that wrote to the input of a command was killed; the last bytes may not have arrived');
    }
    if (!this.#sent) this.#state = state;
    this.#known = true;
    this.#ready = true;
    if (this.#sent) this.#send(this.#sent.line);
  }

  #lost(run: ShellRun): void {
    if (this.#run !== run) return;
    this.#run = undefined;
    this.#ready = false;
    if (this.#stopped) this.#finish();
    this.#change();
    // What was taken is not to wait for the next write.
    if (this.#sent && !this.#isOver) void this.#connect();
  }

  #change(): void {
    const changed = this.#changed;
    this.#changed = deferred();
    changed.resolve();
  }
}

/** A state as the script over there keeps it. */
function stateWords({ at, from, digest }: InputState): string {
  return `${at} ${from} ${digest === '' ? NO_DIGEST : digest}`;
}

function ignoreOver(error: unknown): void {
  if (!(error instanceof HeadgateError)) throw error;
}

function inputGone(): HeadgateError {
  return new HeadgateError('conflict', 'the command has ended, or its input has; it takes no more');
}
