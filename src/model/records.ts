import { defined } from '../core/defined.ts';
import type { LaunchSpec, Shell } from './launch.ts';
import type { Lifetime } from './lifetime.ts';
import type { ContainerPlace, Sandbox, SshPlace, Terminal, TmuxPlace } from './place.ts';
import type { Dialect, ProviderKind } from './provider-kind.ts';
import type { EntryStatus, LoopStatus, ProducerState, RunStatus } from './status.ts';

/** What the store keeps, as the rest of the code sees it. All times are milliseconds since the epoch. */

export interface Project {
  readonly id: number;
  readonly name: string;
  readonly root: string;
  readonly configPath: string | null;
}

export interface ModelRecord {
  readonly alias: string;
  /** The provider's own name of it. */
  readonly actual: string;
  readonly provider: string;
  readonly contextLength: number | null;
  /** How it calls tools; null: as its provider says. */
  readonly dialect: Dialect | null;
  /** Left out when it is not known (SPEC {#usage}). */
  readonly price?: Price | undefined;
}

/** A provider that was added at run time (SPEC {#providers}). */
export interface AddedProvider {
  readonly kind: ProviderKind;
  readonly baseUrl: string;
  /** Environment variable of the server that holds the key. */
  readonly apiKeyEnv?: string | undefined;
}

/** What a million tokens cost, in a currency of the user's choice; `cached` is input that the provider had kept. */
export interface Price {
  readonly input: number;
  readonly output: number;
  /** Default: as `input`. */
  readonly cached?: number | undefined;
  /** Input that the provider writes to its cache. Default: as `input`. */
  readonly written?: number | undefined;
}

/** What a run, or one ask or act, may set. */
export interface RunSettings {
  readonly temperature?: number;
  readonly persona?: string;
  /** Tokens of context at most. */
  readonly contextLimit?: number;
  /** Which shell gets command lines where the call names none; default `sh`. */
  readonly shell?: Shell;
  /** What it is about, as somebody has called it; by default the beginning of its first prompt (SPEC {#run_title}). */
  readonly title?: string;
  /** Accept every proposal that no rule denies. */
  readonly yolo?: boolean;
  readonly noRepo?: boolean;
  readonly noInteraction?: boolean;
  readonly noWeb?: boolean;
  readonly noProposals?: boolean;
  /** Of the run's commands that name none, as `lifetime` of `sh` (SPEC {#lifetime}). */
  readonly lifetime?: string;
  /** Name of the agent that drives the run's loops; left out: the built-in one, which asks the model (SPEC {#agents}). */
  readonly agent?: string;
}

export interface Run {
  readonly id: number;
  readonly projectId: number;
  readonly alias: string;
  readonly parentId: number | null;
  readonly status: RunStatus;
  readonly outcome: string | null;
  readonly model: string;
  readonly settings: RunSettings;
  /** Number of the turn begun last; 0 before the first. */
  readonly turn: number;
  readonly createdAt: number;
  readonly updatedAt: number;
  /** SHA-256 of the token that it was made with, where that one is bound to its own runs (SPEC {#own_runs}). */
  readonly madeWith: string | null;
}

export type LoopMode = 'ask' | 'act';

export interface Loop {
  readonly id: number;
  readonly runId: number;
  /** 1 for the run's first. */
  readonly sequence: number;
  readonly mode: LoopMode;
  readonly prompt: string;
  readonly status: LoopStatus;
  readonly outcome: string | null;
  readonly model: string;
  readonly config: RunSettings;
  /** The last text of the model, once ended. */
  readonly result: string | null;
  readonly createdAt: number;
  readonly endedAt: number | null;
}

export interface Usage {
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** Of the input, read from the provider's cache. */
  readonly cachedTokens: number;
}

/** What a turn's requests to its model came to (SPEC {#usage}). */
export interface TurnMeter {
  /** Of all its requests together; null when none told. */
  readonly usage: Usage | null;
  /** Null when the price, or the usage, is not known. */
  readonly cost: number | null;
  /** Requests that were sent, nudges and repetitions included. */
  readonly requests: number;
  /** Milliseconds from the last request to the first piece of its answer; null when none came. */
  readonly firstMs: number | null;
  /** Milliseconds that the model was waited for, in all. */
  readonly totalMs: number | null;
}

/** asking: the model has not answered in full; dispatching: its actions are recorded; done. */
export type TurnPhase = 'asking' | 'dispatching' | 'done';

export interface Turn extends TurnMeter {
  readonly id: number;
  readonly runId: number;
  readonly loopId: number;
  readonly sequence: number;
  readonly phase: TurnPhase;
  /** What the model said beside its actions. */
  readonly text: string;
  readonly startedAt: number;
  readonly endedAt: number | null;
}

export type Category = 'logging' | 'data' | 'prompt' | 'knowledge' | 'file';
export type Visibility = 'visible' | 'summarized' | 'archived';
export type Attributes = Readonly<Record<string, unknown>>;

export interface Entry {
  readonly id: number;
  readonly runId: number;
  readonly path: string;
  readonly scheme: string;
  readonly category: Category;
  readonly status: EntryStatus;
  readonly outcome: string | null;
  readonly visibility: Visibility;
  /** Text of the entry; always '' for a channel, whose bytes are segments. */
  readonly body: string;
  readonly attributes: Attributes;
  readonly turn: number;
  readonly loopId: number | null;
  /** Bytes of the body, or stored bytes of the channel. */
  readonly bytes: number;
  /** LF bytes in it. */
  readonly lines: number;
  readonly version: number;
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** One stored piece of a channel (SPEC {#segments}). */
export interface Segment {
  /** Byte offset of its first byte in the channel. */
  readonly offset: number;
  readonly bytes: Buffer;
  /** LF bytes in the channel before it. */
  readonly line: number;
  /** When it was stored. */
  readonly at: number;
}

/** What to run, where and how; part of the producer record and handed to the runner as it is. */
export interface ProducerSpec extends LaunchSpec {
  /** How long it may run once its server has gone (SPEC {#lifetime}). */
  readonly lifetime?: Lifetime;
  /** Absolute working directory; empty where the place has a default of its own: a container, a host over SSH. */
  readonly cwd: string;
  /** Variables of the server that it gets although commands do not (SPEC {#agents}). */
  readonly envFrom?: readonly string[];
  /** Added to the inherited environment. */
  readonly env: Readonly<Record<string, string>>;
  /** True: a FIFO that `stream/input` writes to; false: /dev/null. */
  readonly stdin: boolean;
  /** Ends it with SIGTERM, then SIGKILL, after so many milliseconds. */
  readonly timeoutMs?: number;
  /** A terminal instead of pipes: output and errors are one channel (SPEC {#terminals}). */
  readonly tty?: Terminal;
  readonly container?: ContainerPlace;
  readonly ssh?: SshPlace;
  readonly tmux?: TmuxPlace;
  /** What it may touch, and the project root that `workspace` means (SPEC {#sandbox}). */
  readonly sandbox?: Sandbox & { readonly root: string };
  /** It was allowed because it only looks: it gets the environment in which it does, for the project at `root` (SPEC {#looks_place}). */
  readonly looking?: { readonly root: string };
  /** For what a plugin runs in the server: its input; `command` is then only its title (SPEC {#plugin_producers}). */
  readonly input?: Readonly<Record<string, unknown>>;
  /** Channel number to its name, where they are not standard output and errors. */
  readonly channelNames?: Readonly<Record<string, string>>;
}

export interface SignalSent {
  readonly signal: string;
  readonly at: number;
  /** Processes it was sent to. */
  readonly pids: readonly number[];
}

/** What a kill did (SPEC {#receipt}). */
export interface KillReceipt {
  /** Who asked: client name, `model`, `timeout`, `server`. */
  readonly requestedBy: string;
  readonly reason: string | null;
  readonly requestedAt: number;
  /** First signal, and milliseconds from it to SIGKILL, as a cancel asked for them. */
  readonly signal?: string | undefined;
  readonly graceMs?: number | undefined;
  readonly signals: readonly SignalSent[];
  /** Processes seen in the tree and confirmed gone. */
  readonly confirmedDead: readonly number[];
  /** Processes that outlived every signal. */
  readonly escaped: readonly number[];
  /** When the last one was confirmed gone; null while the kill is under way. */
  readonly finishedAt: number | null;
}

/** What a cancel has asked for. */
export type AskedKill = Pick<KillReceipt, 'requestedBy' | 'reason' | 'signal' | 'graceMs'>;

/** The receipt of a kill that has sent no signal: there is nothing to kill, or none was sent yet. */
export function emptyReceipt(
  { requestedBy, reason }: Pick<KillReceipt, 'requestedBy' | 'reason'>,
  requestedAt: number,
  finishedAt: number | null = requestedAt,
): KillReceipt {
  return { requestedBy, reason, requestedAt, signals: [], confirmedDead: [], escaped: [], finishedAt };
}

/** The receipt of a kill that is still to be carried out. */
export function pendingReceipt(kill: AskedKill, requestedAt: number): KillReceipt {
  return { ...emptyReceipt(kill, requestedAt, null), ...askedKill(kill) };
}

/** What a runner needs to know of a kill that it carries out later. */
export function askedKill({ requestedBy, reason, signal, graceMs }: AskedKill): AskedKill {
  return { requestedBy, reason, ...defined({ signal, graceMs }) };
}

/**
 * What runs on of a command whose main process has ended while others of it held its output, and what has become of it (SPEC
 * {#detached}).
 */
export interface Leftover {
  /** When the end of the command was stored. */
  readonly since: number;
  /** Its processes, as they were last seen. */
  readonly pids: readonly number[];
  /** Channel number -> length of the channel at the end of the command: what lies behind it has been written since. */
  readonly ends: Readonly<Record<string, number>>;
  /** The limit that it has reached: what it writes is not stored any more. */
  readonly limit: LeftoverLimit | null;
  /** Of a cancel that came after the end of the command. */
  readonly receipt: KillReceipt | null;
  /** When it was known that nothing of it runs any more, or when it was no longer followed; null while it is followed. */
  readonly goneAt: number | null;
}

export type LeftoverLimit = 'bytes' | 'time';

/** What runs on of an ended producer now; undefined when nothing does. */
export function openLeftover({ leftover }: Producer): Leftover | undefined {
  return leftover && leftover.goneAt === null ? leftover : undefined;
}

/** The kill that a producer, or what it has left running, is still to be given; undefined when no kill is due. */
export function pendingKill(producer: Producer): Partial<AskedKill> | undefined {
  if (producer.state === 'cancelling') return producer.receipt ?? {};
  const receipt = openLeftover(producer)?.receipt;
  return receipt?.finishedAt === null ? receipt : undefined;
}

/** Which registered runner has a producer: its name, and the state folder in which the command's output is. */
export interface RunnerAssignment {
  readonly runner: string;
  readonly instance: string;
}

/** A runner that has registered at some time (SPEC {#runner_register}). */
export interface RunnerRecord {
  readonly name: string;
  readonly labels: readonly string[];
  readonly backends: readonly string[];
  /** Producers that it takes at a time. */
  readonly capacity: number;
  /** Id of its state folder. */
  readonly instance: string;
  /** Raised with every registration of this name. */
  readonly epoch: number;
  /** Its last sign of life. */
  readonly lastSeen: number;
  /** Name of the token that it registered with; empty when that is not known (SPEC {#runner_owner}). */
  readonly owner: string;
  /** Patterns over aliases of the runs whose commands it takes; none: every run's. */
  readonly runs: readonly string[];
  /** Version of its program; empty when it did not say. */
  readonly version: string;
}

/** What a token allows: look, drive runs, serve as a runner, or everything (SPEC {#tokens}). */
export type TokenScope = 'read' | 'run' | 'runner' | 'admin';

/** A token that was handed out; the token itself is not kept. */
export interface TokenRecord {
  readonly name: string;
  readonly scope: TokenScope;
  /** SHA-256 of the token, in hex. */
  readonly hash: string;
  readonly createdAt: number;
  /** Names of the projects that it is bound to; null: every one. */
  readonly projects: readonly string[] | null;
  /** Bound to the runs that are made with it (SPEC {#own_runs}). */
  readonly ownRuns: boolean;
  /** When it ends, milliseconds since the epoch; null: when it is revoked. */
  readonly expiresAt: number | null;
  /** When a connection or a call came with it, to the minute, milliseconds since the epoch; null: never. */
  readonly lastUsedAt: number | null;
}

/** A rule of a project (SPEC {#policy_rules}). */
export interface NewPermission {
  readonly projectId: number;
  /** Name of the tool, or a pattern over names. */
  readonly tool: string;
  readonly pattern: string;
  /** Folder of the project in which alone it holds; null: in every one. */
  readonly folder: string | null;
  readonly decision: 'allow' | 'ask' | 'deny';
  /** Client that made it. */
  readonly by: string;
  /** The proposal whose answer it comes from, `run path`; empty for one that was added by itself. */
  readonly via: string;
}

export interface PermissionRecord extends NewPermission {
  readonly id: number;
  readonly at: number;
  /** Who took it back, and when; null while it holds. */
  readonly removedBy: string | null;
  readonly removedAt: number | null;
}

export interface Producer {
  /** Id of its log entry. */
  readonly entryId: number;
  readonly runId: number;
  readonly run: string;
  readonly path: string;
  readonly backend: string;
  /** `embedded`, `client`, or what was asked for: the name or a label of a registered runner. */
  readonly runner: string;
  /** The registered runner that it has been given to; absent until then, and for `embedded` and `client`. */
  readonly assigned?: RunnerAssignment;
  /** Boot of its runner's machine when the runner was given it; null while none has it, and where that is not known. */
  readonly bootId: string | null;
  readonly spec: ProducerSpec;
  /** Lease number; raised whenever another runner takes the producer over. */
  readonly epoch: number;
  readonly state: ProducerState;
  /** How the backend finds it again after a restart; opaque to everyone else. */
  readonly ref: Readonly<Record<string, unknown>> | null;
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly receipt: KillReceipt | null;
  readonly createdAt: number;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  readonly lastOutputAt: number | null;
  /** Left out when everything of it had ended with it. */
  readonly leftover?: Leftover;
}

/** One line of the project's event log (SPEC {#events}). */
export interface EventRecord {
  readonly seq: number;
  readonly projectId: number;
  /** Alias of the run it is about. */
  readonly run: string | null;
  /** The notification's method name. */
  readonly type: string;
  readonly payload: Readonly<Record<string, unknown>>;
  readonly at: number;
  /** `madeWith` of that run, also when the run is gone; null for an event of no run. */
  readonly madeWith: string | null;
}
