import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../../core/clock.ts';
import { deferred } from '../../core/deferred.ts';
import { HeadgateError, messageOf } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import type { PixelSize } from '../../model/place.ts';
import type { BackendHandle, BackendRef, ExitFact, InputTaken, KillRequest, OutputSink, Overdue } from '../../model/ports/backend.ts';
import { emptyReceipt, type KillReceipt } from '../../model/records.ts';
import { signalName } from '../../model/signals.ts';
import { HandleState, OneKill, requireStdin } from '../handle-state.ts';
import { cutBy } from '../shim/copied.ts';
import type { EndMark } from '../shim/end-mark.ts';
import { FolderWatch } from '../shim/folder-watch.ts';
import type { FreeSpace } from '../shim/free-space.ts';
import { GiveBack, SMALL_STEP_BYTES } from '../shim/give-back.ts';
import type { HolePuncher } from '../shim/hole-puncher.ts';
import { InputPipe } from '../shim/input-pipe.ts';
import type { ProcessIdentity, ProducerFolder } from '../shim/producer-folder.ts';
import { SpoolReader } from '../shim/spool-reader.ts';
import { overdueIn } from '../warden/overdue.ts';
import { Brake, type BrakeReach, outputReach } from './brake.ts';
import { ExitWatch } from './exit-watch.ts';
import { waitsForInput } from './input-wait.ts';
import { TreeKill } from './kill.ts';
import { LocalTerminal } from './local-terminal.ts';
import { readAlive } from './proc.ts';
import { signalEach, signalGroup, signalProcess } from './signalling.ts';
import { ProcessTree } from './tree.ts';

/** How often processes that still hold the output are looked at, the shim is waited for, and a failure is tried again (milliseconds). */
const HOLDERS_MS = 100;
const FAILED_MS = 400;
/** The same for the end of what a command has left behind, of which the folder's watch tells at once. */
const LEFTOVER_MS = 1000;
/** Output that is not read any more is dropped once there is so much of it. */
const DROP_BYTES = 1024 * 1024;
const CLAIM_LOOK_MS = 2;

const OUTPUT_FILE = /^out\.(\d+)$/;

export interface ProcessHandleOptions {
  readonly folder: ProducerFolder;
  readonly ref: BackendRef;
  readonly marker: Readonly<Record<string, string>>;
  readonly stdin: boolean;
  /** The command runs in a terminal. */
  readonly tty: boolean;
  /** The shim as the launcher knows it; undefined when it does not. */
  readonly launched: ProcessIdentity | undefined;
  readonly offsets: ReadonlyMap<number, number>;
  readonly sink: OutputSink;
  /** The output files are written by copiers alone, which only append, so that a sink may keep them (SPEC {#channel_files}). */
  readonly isCopied?: boolean | undefined;
  readonly space: FreeSpace;
  readonly puncher: HolePuncher;
  /** Stored bytes that are given back at once. */
  readonly giveBackBytes: number;
  /** How long output is read on when processes still hold it after the main one ended. */
  readonly detachedGraceMs: number;
  /** Stands in the output where it ends, for a shim whose output others carry. */
  readonly endMark?: EndMark | undefined;
  /** How the brake reaches the command; its group with the shim by default. */
  readonly brakeReach?: ((tree: ProcessTree) => BrakeReach) | undefined;
  /** Resolves when all of the output has been written to the folder, where that can be later than the end. */
  readonly carried?: (() => Promise<void>) | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** One producer folder, served: its output tailed, its end awaited, its tree signalled and killed. */
export class ProcessHandle implements BackendHandle {
  readonly ref: BackendRef;
  readonly #options: ProcessHandleOptions;
  readonly #exit: ExitWatch;
  readonly #reader: SpoolReader;
  readonly #watch: FolderWatch;
  readonly #input: InputPipe;
  readonly #terminal: LocalTerminal | undefined;
  /** Undefined when the sink cannot say what is on the disk. */
  readonly #giveBack: GiveBack | undefined;
  readonly #leaveSpace: () => void;
  /** What had been written when the disk became nearly full. */
  #writtenAtLow: number | undefined;
  readonly #state = new HandleState();
  readonly exited = this.#state.exited;
  readonly closed = this.#state.closed;
  readonly #drained = deferred();
  #tree: ProcessTree | undefined;
  #brake: Brake | undefined;
  /** A command of an earlier version has none, and may shorten its files. */
  #hasCopiers = false;
  #end: ExitFact | undefined;
  #isDrained = false;
  /** What is written is not read any more. */
  #dropping = false;
  #looked: () => void = () => {};
  readonly #kill = new OneKill();

  constructor(options: ProcessHandleOptions) {
    this.#options = options;
    this.ref = options.ref;
    this.#exit = new ExitWatch(options.folder, options.launched, options.clock);
    const mayShare = () => options.isCopied === true && (this.#hasCopiers ||= options.folder.copiers() !== undefined);
    this.#reader = new SpoolReader({ ...options, mayShare, progress: () => this.#progress() });
    const { persist } = options.sink;
    if (persist) this.#giveBack = new GiveBack({ ...options, persist, stored: () => this.#reader.stored(), done: () => this.#progress() });
    if (options.tty) this.#terminal = new LocalTerminal(options.folder);
    const holder = {
      isThere: (holder: ProcessIdentity) => readAlive(holder) !== undefined,
      stop: (holder: ProcessIdentity) => {
        const process = readAlive(holder);
        if (process) signalProcess(process, 'SIGKILL');
      },
    };
    this.#input = new InputPipe(options.folder, options.clock, holder, options.tty);
    this.#leaveSpace = options.space.watch(() => this.#progress());
    this.#watch = new FolderWatch(options.folder.path, (name) => this.#changed(name), options.logger);
    this.look();
  }

  get drained(): Promise<void> {
    return this.#drained.promise;
  }

  async processes(): Promise<readonly number[]> {
    return ((await this.#knownTree()?.members()) ?? []).map(({ pid }) => pid);
  }

  dropOutput(): void {
    this.#dropping = true;
    this.#reader.stop();
    this.#folder.drop(0, this.#reader.positions());
  }

  /** Looks whether it has ended, and reads on. Cheap enough for every hint. */
  look(): void {
    if (this.#state.isDetached) return;
    this.#reader.wake();
    if (this.#end) return this.#looked();
    try {
      const end = this.#exit.look();
      if (end) void this.#finish(end);
    } catch (error) {
      this.#failed(error);
    }
  }

  async write(bytes: Buffer, offset?: number): Promise<InputTaken> {
    requireStdin(this.#options.stdin);
    return await this.#input.write(bytes, offset);
  }

  async closeInput(): Promise<void> {
    requireStdin(this.#options.stdin);
    await this.#input.end();
  }

  async resize(cols: number, rows: number, pixels?: PixelSize): Promise<void> {
    if (!this.#terminal) throw new HeadgateError('unsupported', 'this command has no terminal, so there is nothing to resize');
    if (this.#end) throw new HeadgateError('conflict', 'the command has ended, and its terminal with it');
    await this.#terminal.resize(cols, rows, pixels);
  }

  async signal(signal: string): Promise<void> {
    const name = signalName(signal);
    const tree = await this.#whenClaimed();
    while (tree?.isStarting) await delay(CLAIM_LOOK_MS);
    const shim = tree?.shim();
    if (this.#terminal) await this.#whenReady(this.#terminal);
    if (this.#exit.published() && !this.#terminal) return await this.#signalLeftovers(name, tree);
    if (!tree || !shim || this.#exit.published() || (await this.#terminal?.signal(name, tree)) === false) {
      throw new HeadgateError('conflict', `the command has ended: no process is left for ${name}`);
    }
    if (this.#terminal) return;
    const leader = tree.canSignalGroup(name) ? tree.leader() : undefined;
    // It may not lead its group yet.
    if (!leader || !signalGroup(leader, name)) await signalEach(() => tree.members(), name);
  }

  /** Looks at its processes, without a scan of all there are (SPEC {#waiting_for_input}). */
  waitsForInput(): Promise<boolean | null> {
    const { folder, stdin, tty } = this.#options;
    const tree = this.#end ? undefined : this.#knownTree();
    const shim = tree?.shim();
    // What it has said comes before what it waits for.
    if (!tree || !shim || this.#reader.lagNow() > 0) return Promise.resolve(false);
    // In a terminal the relay reads the FIFO, and an empty input means that there is no input.
    return Promise.resolve(waitsForInput(shim.pid, (process) => tree.isOurs(process), stdin && !tty ? folder.input : null));
  }

  async echoes(): Promise<boolean | null> {
    return this.#terminal ? await this.#terminal.echoes() : false;
  }

  overdue(): Overdue | undefined {
    return overdueIn(this.#options.folder.path);
  }

  /** What the command has left behind, once its main process has ended. */
  async #signalLeftovers(signal: NodeJS.Signals, tree: ProcessTree | undefined): Promise<void> {
    let reached = 0;
    const members = async () => {
      const found = (await tree?.members()) ?? [];
      reached += found.length;
      return found;
    };
    await signalEach(members, signal);
    if (reached === 0) throw new HeadgateError('conflict', `the command has ended: no process is left for ${signal}`);
  }

  async kill(request: KillRequest): Promise<KillReceipt> {
    return await this.#kill.run(request, (hastens) => this.#killTree(request, hastens));
  }

  async detach(): Promise<void> {
    this.#state.detach();
    this.#stop();
    this.#looked();
    await this.#giveBack?.close();
  }

  async dispose(): Promise<void> {
    this.#state.requireOver();
    this.#state.detach();
    this.#brake?.release();
    this.#stop();
    await this.#folder.remove();
  }

  #changed(name: string | null): void {
    // A chunk is the usual event; the poll and every other file may be an end.
    const channel = OUTPUT_FILE.exec(name ?? '')?.[1];
    if (channel && this.#dropping) this.#folder.drop(DROP_BYTES, this.#reader.positions());
    else if (channel) this.#reader.changed(Number(channel));
    else this.look();
  }

  async #finish(end: ExitFact): Promise<void> {
    this.#end = end;
    const isCopied = this.#folder.copiers() !== undefined;
    // Without a shim the brake reaches no process, and a server before this one may have set it.
    const isHeld = this.#brake?.isOn === true || end.exitCode === null;
    // Once the shim is gone no other process is sure to let its copiers go on.
    const tree = this.#knownTree();
    if (tree && (!isCopied || end.exitCode === null)) this.#brakeOf(tree).release();
    this.#input.close();
    this.#state.exit(end);
    await this.#persist(async () => this.#input.release());
    if (isHeld && !isCopied) await this.#persist(() => this.#letGoOn());
    const detached = (await this.#persist(() => (isCopied ? this.#awaitEnd() : this.#awaitHolders()))) ?? [];
    await this.#persist(async () => this.#options.carried?.());
    if (isCopied && detached.length > 0) {
      await this.#persist(() => this.#reader.settle());
      if (this.#state.isDetached) return;
      this.#state.close({ detached });
      await this.#persist(() => this.#untilCopied(Number.POSITIVE_INFINITY));
    }
    await this.#persist(() => this.#reader.finish());
    if (this.#state.isDetached) return;
    this.#isDrained = true;
    this.#stop();
    const { missing } = this.#reader;
    this.#state.close({ detached, ...(missing > 0 ? { missing } : {}), ...cutBy(this.#folder.copied()) });
    this.#drained.resolve();
  }

  /** Waits for the end of the output; after the grace period returns the processes that hold it, if there are any that can be seen. */
  async #awaitEnd(): Promise<readonly number[]> {
    const { clock, detachedGraceMs } = this.#options;
    for (let unseen = false; ; ) {
      if (await this.#untilCopied(clock.monotonic() + (unseen ? HOLDERS_MS : detachedGraceMs))) return [];
      const tree = this.#knownTree();
      const holders = (await tree?.holders()) ?? [];
      if (holders.length > 0 || this.#state.isDetached) return holders;
      // No holder was seen, twice, while the copiers wait for more: a process of another user has it. A copier at work is waited for.
      const isWaiting = (tree?.copiers() ?? []).every(({ state }) => state === 'S');
      if (unseen && isWaiting) return [];
      unseen = isWaiting;
    }
  }

  /** Waits until the copiers have seen the end of the output, or were killed; false when that is not in time. */
  async #untilCopied(giveUp: number): Promise<boolean> {
    const { clock } = this.#options;
    while (!this.#state.isDetached) {
      if (this.#isCopied()) return true;
      const leftMs = giveUp - clock.monotonic();
      if (leftMs <= 0) return false;
      const looked = deferred();
      this.#looked = looked.resolve;
      await Promise.race([looked.promise, delay(Math.min(giveUp === Number.POSITIVE_INFINITY ? LEFTOVER_MS : HOLDERS_MS, leftMs))]);
    }
    return false;
  }

  /** Said by the shim, or the shim and its copiers are gone. */
  #isCopied(): boolean {
    if (this.#folder.copied() !== undefined) return true;
    const tree = this.#knownTree();
    return tree !== undefined && !tree.shim() && tree.copiers().length === 0;
  }

  /** Does it until it succeeds: out of file descriptors, or a disk error, and a producer must not stay open for that. */
  async #persist<T>(work: () => Promise<T>): Promise<T | undefined> {
    while (!this.#state.isDetached) {
      try {
        return await work();
      } catch (error) {
        this.#failed(error);
        await delay(FAILED_MS);
      }
    }
    return undefined;
  }

  #failed(error: unknown): void {
    const { folder, logger } = this.#options;
    logger.error({ folder: folder.path, error: messageOf(error) }, 'a producer folder cannot be looked at now; it will be tried again');
  }

  /** Continues what is left of a command that was stopped; no other process would. All of it: a stop may be yet to come for a process in vfork. */
  async #letGoOn(): Promise<void> {
    for (const process of (await this.#knownTree()?.members()) ?? []) signalProcess(process, 'SIGCONT');
  }

  /** Processes that still have the output open when the grace period is over; returns an empty list as soon as there are no such processes. */
  async #awaitHolders(): Promise<number[]> {
    const { clock, detachedGraceMs } = this.#options;
    const tree = this.#knownTree();
    const giveUp = clock.monotonic() + detachedGraceMs;
    while (tree && !this.#state.isDetached) {
      const holders = (await tree.members()).filter(({ pid }) => tree.holdsOutput(pid)).map(({ pid }) => pid);
      if (holders.length === 0 || clock.monotonic() >= giveUp) return holders;
      await delay(Math.max(0, Math.min(HOLDERS_MS, giveUp - clock.monotonic())));
    }
    return [];
  }

  async #killTree(request: KillRequest, hastens: (hasten: (graceMs: number) => void) => void): Promise<KillReceipt> {
    const { folder, clock } = this.#options;
    const requestedAt = clock.now();
    // The first claim decides: a shim that comes later leaves without having run the command.
    const barred = this.#exit.shim() === undefined && folder.bar();
    const tree = barred ? undefined : await this.#whenClaimed();
    if (tree) {
      this.#brakeOf(tree).release();
      const work = new TreeKill(tree, clock);
      hastens((graceMs) => work.hasten(graceMs));
      const receipt = await work.run(request);
      this.look();
      return { ...receipt, requestedAt };
    }
    this.look();
    return emptyReceipt(request, requestedAt, clock.now());
  }

  /** Waits until a shim has the claim; undefined when none ever will. */
  async #whenClaimed(): Promise<ProcessTree | undefined> {
    while (!this.#exit.shim() && !this.#exit.look()) await delay(CLAIM_LOOK_MS);
    return this.#knownTree();
  }

  /** Waits until the command of a terminal is about to begin, or it has ended. */
  async #whenReady(terminal: LocalTerminal): Promise<void> {
    while (!terminal.isReady && !this.#exit.look()) await delay(CLAIM_LOOK_MS);
  }

  #knownTree(): ProcessTree | undefined {
    const shim = this.#exit.shim();
    if (shim) this.#tree ??= new ProcessTree(shim, this.#options.folder, this.#options.marker, this.#options.tty);
    return this.#tree;
  }

  /** After each look at the files, and while the disk is nearly full. */
  #progress(): void {
    if (this.#isDrained || this.#state.isDetached || (this.#end && !this.#folder.copiers())) return;
    const { space, giveBackBytes } = this.#options;
    this.#giveBack?.look(space.low ? Math.min(SMALL_STEP_BYTES, giveBackBytes) : giveBackBytes);
    const tree = this.#knownTree();
    if (!tree || this.#kill.isBegun) return;
    const lag = this.#reader.lag();
    const behind = this.#giveBack?.behind(giveBackBytes) === true;
    this.#brakeOf(tree).update(lag, behind || this.#reader.rejected || this.#writesWhileLow(lag));
  }

  #brakeOf(tree: ProcessTree): Brake {
    this.#brake ??= new Brake((this.#options.brakeReach ?? outputReach)(tree), this.#options.logger);
    return this.#brake;
  }

  /** True for a command that has written something since the disk became nearly full; the others may go on. */
  #writesWhileLow(lag: number): boolean {
    const written = this.#reader.stored().reduce((sum, { offset }) => sum + offset, lag);
    if (!this.#options.space.low) this.#writtenAtLow = undefined;
    else this.#writtenAtLow ??= written;
    return this.#writtenAtLow !== undefined && written > this.#writtenAtLow;
  }

  get #folder(): ProducerFolder {
    return this.#options.folder;
  }

  #stop(): void {
    this.#leaveSpace();
    void this.#giveBack?.close();
    this.#watch.close();
    this.#reader.stop();
    this.#input.close();
  }
}
