import type { PixelSize } from '../place.ts';
import type { KillReceipt, ProducerSpec } from '../records.ts';

/** What a backend can do on this machine (SPEC {#backends}). */
export interface BackendCapabilities {
  readonly name: string;
  readonly available: boolean;
  /** Why not, and how to get it; present when it is not available. */
  readonly reason?: string;
  readonly stdin: boolean;
  readonly tty: boolean;
  /** Why there is no terminal, and how to get one; present when only that is missing. */
  readonly ttyReason?: string;
  readonly signals: readonly string[];
  /** A command outlives the runner and is taken up again. */
  readonly adopt: boolean;
  /** What was found, in a few words, such as a version and a socket. */
  readonly detail?: string;
  /** Whether `sandbox` can be asked for here; left out where the backend has none (SPEC {#sandbox}). */
  readonly sandbox?: { readonly available: boolean; readonly detail?: string; readonly reason?: string };
}

/** How the main process ended. `exitCode` null: never known (`lost`). */
export interface ExitFact {
  readonly exitCode: number | null;
  readonly signal: string | null;
  /** How long it ran, where the backend knows it better than its caller: also while no server was running. */
  readonly durationMs?: number;
  /** It did not end by itself, and what ended it has a name: the entry ends with this outcome and message. */
  readonly failure?: { readonly outcome: string; readonly message: string };
  /** It is no process, and says itself how it ended. */
  readonly own?: OwnEnd;
}

/** How something ended that is no process (SPEC {#plugin_producers}). */
export interface OwnEnd {
  readonly failed: boolean;
  readonly outcome: string | null;
  /** What the log entry says of it. */
  readonly body: string | null;
}

/** How the output ended: all read, or some process still held it after the grace period. */
export interface ClosedFact {
  readonly detached: readonly number[];
  /** Bytes of output that neither the sink nor the backend has any more; left out when nothing is missing. */
  readonly missing?: number;
  /** Why the end of the output is not there, where it was cut off from this backend. */
  readonly cut?: string;
}

/**
 * Where a backend delivers output. `write` returns when the bytes are stored; the backend reads on meanwhile only
 * within its own bounded window. A rejection means nothing of it was stored: the backend delivers the same bytes again.
 * `file`: a file of this host that has these bytes at `offset` and to which bytes are only appended; a sink may keep a second name of
 * it instead of the bytes, and then the backend takes nothing out of it any more (SPEC {#channel_files}).
 */
export interface OutputSink {
  write(channel: number, offset: number, bytes: Buffer, file?: string): Promise<void>;
  /**
   * Resolves once everything whose `write` had resolved before this call survives a power cut; only then may the
   * backend destroy its own copy (SPEC {#spool_space}). Without it a backend keeps its copy to the end.
   */
  readonly persist?: () => Promise<void>;
}

export interface StartRequest {
  /** Unique and safe as a folder name; also the marker in the command's environment. */
  readonly producerId: string;
  readonly spec: ProducerSpec;
  /** Alias of the run that it belongs to, for people who look at the place where it runs. */
  readonly run?: string;
  /** It may run already, started by a server that was killed meanwhile: a place that cannot be reached is waited for. */
  readonly again?: boolean;
  /** Aborted when it is cancelled: what does not run yet is not started any more, and `start` rejects or returns what there is. */
  readonly cancelled?: AbortSignal;
  /** Resolves once the server has stored that it runs; what runs in the server itself begins no earlier. */
  readonly begun?: Promise<unknown>;
  /** Aborted when the caller gives up: what is under way stops, and what runs goes on. */
  readonly letGo?: AbortSignal;
}

/** A serialisable reference with which `adopt` takes a producer up again. */
export type BackendRef = Readonly<Record<string, unknown>>;

export interface KillRequest {
  readonly requestedBy: string;
  readonly reason: string | null;
  /** First signal; SIGTERM by default. */
  readonly signal: string;
  /** Between the first signal and SIGKILL, milliseconds. */
  readonly graceMs: number;
}

/** What was decided of a command while no server followed it: it has run without one for longer than it may (SPEC {#lifetime}). */
export interface Overdue {
  /** In words, for the receipt. */
  readonly reason: string;
  /** The kill as far as it has come; null before it has begun. */
  readonly receipt: KillReceipt | null;
}

/** What became of a chunk of input. */
export interface InputTaken {
  /** Where the chunk begins in the command's input; left out where that is not known. */
  readonly offset?: number;
  /** How many of its bytes were taken, by an earlier write of the same chunk as well; fewer than there are when the command does not read. */
  readonly bytes: number;
}

export interface BackendHandle {
  readonly ref: BackendRef;
  /** The main process ended. */
  readonly exited: Promise<ExitFact>;
  /**
   * Every output byte that there was has been delivered and stored. Never before `exited`. While processes that `detached` names
   * hold the output, the handle goes on delivering what they write, until `drained`, `detach` or `dispose`.
   */
  readonly closed: Promise<ClosedFact>;
  /** No process holds the output any more, and all of it is delivered and stored; never before `closed`. Left out by a backend that reads nothing after `closed`. */
  readonly drained?: Promise<void>;
  /** After `closed`: what is written from now on is read and dropped, and nothing more is delivered, so that the writers neither wait nor die. */
  dropOutput?(): void;
  /** Processes of the command that run now, the main one left out once it has ended. Left out where they cannot be seen. */
  processes?(): Promise<readonly number[]>;
  /** What its output waits for at the moment, in words, where its host cannot be reached; undefined when nothing is in the way. */
  readonly waitsFor?: string | undefined;
  /** True when one of its processes sleeps until it is given input; null, like a backend without it, when that cannot be seen. */
  waitsForInput?(): Promise<boolean | null>;
  /** True when what is typed appears in the output, because its terminal echoes; null, like a backend without it, when that is not known. */
  echoes?(): Promise<boolean | null>;
  /** Set once it has run for longer than it may without a server. Left out where that is not counted. */
  overdue?(): Overdue | undefined;
  /**
   * Writes to stdin. `offset`: where the chunk begins in the command's input; of one that was written before, nothing is repeated.
   * Throws `offset_conflict` for another place (SPEC {#input_offset}).
   */
  write(bytes: Buffer, offset?: number): Promise<InputTaken>;
  closeInput(): Promise<void>;
  /** `pixels`: of the window, where the terminal can have that. */
  resize(cols: number, rows: number, pixels?: PixelSize): Promise<void>;
  /** Sends one signal to the command's group. Throws `invalid_params` for a signal that does not exist. */
  signal(signal: string): Promise<void>;
  /** Ends the whole tree and says what became of it. A second call returns the same receipt. */
  kill(request: KillRequest): Promise<KillReceipt>;
  /** Stops reading and forgets the command without touching it; it can be adopted again. */
  detach(): Promise<void>;
  /** Gives back what the producer's output took on disk. Call it after `closed`. */
  dispose(): Promise<void>;
}

export interface Backend {
  capabilities(): Promise<BackendCapabilities>;
  /** True when a command that only looks can run in a read-only sandbox of the project at `root`; left out by a backend without a sandbox. */
  canSandbox?(root: string): Promise<boolean>;
  /** Throws a named error when the command cannot be started at all; nothing is left behind then. */
  start(request: StartRequest, sink: OutputSink): Promise<BackendHandle>;
  /**
   * Takes a producer up again at the stored offsets (channel -> bytes). A producer whose process is gone without an
   * exit code returns a handle whose `exited` has exitCode null. `start` with the same producerId after a crash never
   * runs the command twice.
   */
  adopt(request: StartRequest, ref: BackendRef | null, offsets: ReadonlyMap<number, number>, sink: OutputSink): Promise<BackendHandle>;
}
