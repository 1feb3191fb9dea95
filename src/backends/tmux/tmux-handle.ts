import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../../core/clock.ts';
import { HeadgateError } from '../../core/errors.ts';
import { InTurn } from '../../core/in-turn.ts';
import { InputCall } from '../../model/input-position.ts';
import type { BackendHandle, BackendRef, ClosedFact, ExitFact, InputTaken, KillRequest } from '../../model/ports/backend.ts';
import { emptyReceipt, type KillReceipt } from '../../model/records.ts';
import { signalName } from '../../model/signals.ts';
import { readAlive } from '../process/proc.ts';
import { signalForeground } from '../process/signalling.ts';
import { InputJournal } from '../shim/input-journal.ts';
import type { ProducerFolder } from '../shim/producer-folder.ts';
import { bufferOf } from './launch-pane.ts';
import type { PaneFolder } from './pane-folder.ts';
import { CUT, notEndable, notResizable, notSignallable, UNPIPED_MS } from './pane-words.ts';
import type { Pane, Tmux } from './tmux.ts';

/** End of input, typed: the VEOF of a terminal with default settings. */
const END_OF_INPUT = Buffer.of(4);
const LINE_FEED = 10;
/** Largest number of columns and of rows. */
const MAX_CELLS = 1000;

/** A command in a tmux pane, or a watch of one: a producer folder as any other, whose input, size and keys are the pane's. */
export class TmuxHandle implements BackendHandle {
  readonly #inner: BackendHandle;
  readonly #tmux: Tmux;
  readonly #folder: ProducerFolder;
  readonly #pane: PaneFolder;
  readonly #stdin: boolean;
  readonly #watches: boolean;
  readonly #clock: Clock;
  readonly #turns = new InTurn();
  #journal: InputJournal | undefined;
  #midLine = false;
  #ended = false;
  #unwatched: Promise<KillReceipt> | undefined;

  constructor(options: {
    inner: BackendHandle;
    tmux: Tmux;
    folder: ProducerFolder;
    pane: PaneFolder;
    stdin: boolean;
    watches: boolean;
    clock: Clock;
  }) {
    this.#inner = options.inner;
    this.#tmux = options.tmux;
    this.#folder = options.folder;
    this.#pane = options.pane;
    this.#stdin = options.stdin;
    this.#watches = options.watches;
    this.#clock = options.clock;
  }

  get ref(): BackendRef {
    return this.#inner.ref;
  }

  get exited(): Promise<ExitFact> {
    return this.#inner.exited;
  }

  get closed(): Promise<ClosedFact> {
    return this.#inner.closed.then((closed) => (this.#pane.unpiped ? { ...closed, cut: CUT } : closed));
  }

  /** Types bytes; tmux takes all of them and holds what the pane does not read. */
  async write(bytes: Buffer, offset?: number): Promise<InputTaken> {
    this.#needStdin();
    return await this.#turns.run(async () => {
      this.#journal ??= new InputJournal(this.#folder);
      if (offset !== undefined) this.#journal.requireSure();
      const call = new InputCall(this.#journal.state, bytes, offset);
      const rest = bytes.subarray(call.taken);
      if (rest.length === 0 && bytes.length > 0) return { offset: call.offset, bytes: call.taken };
      if (this.#ended) throw inputGone();
      const next = call.next(rest);
      this.#journal.begin(next);
      await this.#type(rest);
      this.#journal.done(next);
      if (rest.length > 0) this.#midLine = rest.at(-1) !== LINE_FEED;
      return { offset: call.offset, bytes: bytes.length };
    });
  }

  /** Types the end of input: twice in the middle of a line, where the first only hands the line over. */
  async closeInput(): Promise<void> {
    this.#needStdin();
    if (this.#watches) throw notEndable();
    await this.#turns.run(async () => {
      if (this.#ended || !this.#isThere()) return;
      this.#ended = true;
      await this.#type(this.#midLine ? Buffer.concat([END_OF_INPUT, END_OF_INPUT]) : END_OF_INPUT);
    });
  }

  async resize(cols: number, rows: number): Promise<void> {
    if (this.#watches) throw notResizable();
    if (![cols, rows].every((cells) => Number.isInteger(cells) && cells >= 1 && cells <= MAX_CELLS)) {
      throw new HeadgateError('invalid_params', `a terminal has 1 to ${MAX_CELLS} columns and rows`, { field: 'cols' });
    }
    const pane = await this.#whenPane();
    await this.#tmux.onPane(pane, ['resize-window', '-t', pane.id, '-x', String(cols), '-y', String(rows)]);
  }

  /** To what is in the foreground of the pane, as a key would be; to the command where the foreground is its own. */
  async signal(signal: string): Promise<void> {
    const name = signalName(signal);
    if (this.#watches) throw notSignallable(name);
    const claim = this.#folder.claim();
    const shim = claim.state === 'claimed' ? claim.shim : undefined;
    const { pid = 0, foreground = 0 } = (shim && readAlive(shim)) ?? {};
    if (foreground <= 1 || foreground === pid || !signalForeground(foreground, name)) await this.#inner.signal(name);
  }

  async waitsForInput(): Promise<boolean | null> {
    return this.#watches ? null : ((await this.#inner.waitsForInput?.()) ?? null);
  }

  /** Of a watch: stops watching; the pane, its command and its viewers notice nothing. */
  async kill(request: KillRequest): Promise<KillReceipt> {
    if (!this.#watches) return await this.#inner.kill(request);
    signalName(request.signal);
    this.#unwatched ??= this.#unwatch(request).catch((error: unknown) => {
      this.#unwatched = undefined;
      throw error;
    });
    return await this.#unwatched;
  }

  async detach(): Promise<void> {
    this.#journal?.close();
    await this.#inner.detach();
  }

  async dispose(): Promise<void> {
    this.#journal?.close();
    await this.#inner.dispose();
  }

  async #unwatch(request: KillRequest): Promise<KillReceipt> {
    const claim = this.#folder.claim();
    const pane = this.#pane.pane();
    // While our end of the pipe is there it is the one that the pane has: tmux ends it when it makes another.
    if (claim.state !== 'claimed' || !pane || !readAlive(claim.shim)) return await this.#inner.kill(request);
    const requestedAt = this.#clock.now();
    await this.#tmux.onPane(pane, ['pipe-pane', '-t', pane.id]).catch(() => undefined);
    const abandon = new AbortController();
    const late = delay(UNPIPED_MS, 'late' as const, { signal: abandon.signal }).catch(() => 'late' as const);
    const ended = await Promise.race([late, this.exited]);
    abandon.abort();
    if (ended === 'late') return await this.#inner.kill(request);
    return { ...emptyReceipt(request, requestedAt, this.#clock.now()), confirmedDead: [claim.shim.pid] };
  }

  async #type(bytes: Buffer): Promise<void> {
    const pane = await this.#whenPane();
    if (bytes.length > 0) await this.#tmux.paste(pane, bufferOf(this.#folder.path), bytes);
  }

  /** The pane, while it is the producer's: numbers of panes begin again with another server. */
  async #whenPane(): Promise<Pane> {
    if (!this.#isThere()) throw inputGone();
    return await this.#pane.whenPane(this.#clock);
  }

  #isThere(): boolean {
    if (this.#folder.exitCode() !== undefined) return false;
    const claim = this.#folder.claim();
    return claim.state === 'absent' || claim.state === 'incomplete' || (claim.state === 'claimed' && readAlive(claim.shim) !== undefined);
  }

  #needStdin(): void {
    if (this.#stdin) return;
    throw new HeadgateError('unsupported', 'the command was started without stdin; start it with stdin: true to type into its pane');
  }
}

function inputGone(): HeadgateError {
  return new HeadgateError('conflict', 'the command has ended, or its input has; it takes no more');
}
