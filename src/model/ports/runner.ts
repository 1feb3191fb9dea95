import type { PixelSize } from '../place.ts';
import type { KillReceipt, LeftoverLimit, Producer } from '../records.ts';
import type { BackendRef, InputTaken, KillRequest, OwnEnd } from './backend.ts';

/** The server's side of a runner: what `runner/start`, `runner/input` ... ask of it (SPEC {#runners}). */
export interface RunnerPort {
  readonly name: string;
  /** Boot of its machine; null where that is not known (SPEC {#machine_restart}). */
  readonly bootId: string | null;
  /** Starts an accepted producer. Never throws: a failure to start comes back through the link. */
  start(producer: Producer): void;
  /** Takes up, or finishes, everything that was live when the server went away. Offsets: channel -> stored bytes. */
  adopt(producer: Producer, offsets: ReadonlyMap<number, number>): void;
  /** `offset`: where the chunk begins in the command's input (SPEC {#input_offset}). */
  input(entryId: number, bytes: Buffer, eof: boolean, offset?: number): Promise<InputTaken>;
  resize(entryId: number, cols: number, rows: number, pixels?: PixelSize): Promise<void>;
  signal(entryId: number, signal: string): Promise<void>;
  /** What keeps the output of one of its producers from coming now, in words; null when nothing does. */
  waitsFor?(entryId: number): string | null;
  /** Whether a producer waits for input; null when that is not known (SPEC {#waiting_for_input}). */
  waitsForInput?(entryId: number): Promise<boolean | null>;
  /** Whether a terminal of one of its producers echoes what is typed; null when that is not known (SPEC {#secret_input}). */
  echoes?(entryId: number): Promise<boolean | null>;
  /** Ends the tree; the receipt comes back through the link, also when the producer is unknown to the runner. */
  kill(producer: Producer, request: KillRequest): void;
}

/** `replaced`: another registration has its name or its folder. `lease`: it was away for too long, and may register again. */
export type FenceReason = 'replaced' | 'lease';

/** A runner in a process of its own, as its connection shows it to the server (SPEC {#runner_register}). */
export interface RemoteRunnerPort extends RunnerPort {
  /** Tells the runner why; everything that it still sends is refused. */
  fence(why: FenceReason, message: string): void;
  /** Asks the runner to finish the producers that it has, and then to disconnect. */
  drain(): void;
}

/** The runner's side: the stream RPCs, without JSON when it is in the same process. `epoch` fences old writers. */
export interface RunnerLink {
  started(entryId: number, epoch: number, ref: BackendRef): void | Promise<void>;
  /**
   * Returns once stored. Throws offset_conflict, stream_closed, stale_epoch. `file` has the bytes at that offset, and only grows: a server
   * in the same file system may keep it instead of them (SPEC {#channel_files}).
   */
  append(entryId: number, epoch: number, channel: number, offset: number, bytes: Buffer, file?: string): Promise<void>;
  /** Resolves once every append that had returned before this call survives a power cut (SPEC {#spool_space}). */
  readonly persist?: () => Promise<void>;
  completed(entryId: number, epoch: number, end: ProducerEnd): Promise<void>;
  /** The producer could not be started, or is gone without a trace. */
  failed(entryId: number, epoch: number, failure: ProducerFailure): Promise<void>;
  killed(entryId: number, epoch: number, receipt: KillReceipt): void | Promise<void>;
  /** The state of the processes that outlived a producer's main process. Undefined for a server that stores nothing after the end of a producer (SPEC {#detached}). */
  readonly left?: (entryId: number, epoch: number, fact: LeftoverFact) => void | Promise<void>;
}

/** Looks on at what a runner of its own process runs (SPEC {#traces}). */
export interface RunnerObserver {
  /** The server has handed this over: to be begun, or to be taken up again. */
  taken(producer: Producer): void;
  /** The way back to the server, looked at. */
  link<T extends RunnerLink>(link: T): T;
}

/** The link of a runner in the same process as the server: each call returns once its fact is stored. */
export interface LocalRunnerLink extends RunnerLink {
  readonly persist: () => Promise<void>;
  started(entryId: number, epoch: number, ref: BackendRef): void;
  killed(entryId: number, epoch: number, receipt: KillReceipt): void;
  readonly left: (entryId: number, epoch: number, fact: LeftoverFact) => void;
}

/** What a runner reports of processes that outlived their command's main process. */
export interface LeftoverFact {
  readonly pids: readonly number[];
  /** The limit that it has reached. */
  readonly limit: LeftoverLimit | null;
  /** None of these processes holds the output open any more, and the output is stored, or dropped beyond the limit. */
  readonly gone: boolean;
}

/** The processes that still hold the output of a producer that has ended. */
export interface Held {
  readonly detached: readonly number[];
  /** The runner goes on sending what they write. */
  readonly followed?: boolean;
}

export interface ProducerFailure extends Partial<Held> {
  readonly lost: boolean;
  readonly outcome: string;
  readonly message: string;
}

export interface ProducerEnd extends Held {
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly durationMs: number | null;
  /** Milliseconds from the end of the main process until the last process closed the output; only where both ends are reported together. */
  readonly restMs?: number;
  /** The end of a plugin's producer, which is no process; never from a runner of another process. */
  readonly own?: OwnEnd;
}
