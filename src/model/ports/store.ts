import type { AgentState } from '../agent-state.ts';
import type { ContextPacket } from '../context-record.ts';
import type { FileConstraint, FileRule } from '../file-change.ts';
import type {
  Attributes,
  Category,
  Entry,
  EventRecord,
  KillReceipt,
  Leftover,
  Loop,
  LoopMode,
  ModelRecord,
  NewPermission,
  PermissionRecord,
  Producer,
  ProducerSpec,
  Project,
  Run,
  RunnerAssignment,
  RunnerRecord,
  RunSettings,
  Segment,
  TokenRecord,
  Turn,
  TurnMeter,
  TurnPhase,
  Visibility,
} from '../records.ts';
import type { Sight } from '../sight.ts';
import type { EntryStatus, LoopStatus, ProducerState, RunStatus } from '../status.ts';

/**
 * The store, as a port. Every call is synchronous: what is decided, stored and told happens on one tick, so there is
 * no moment between a snapshot and a registration in which something could slip through (SPEC {#store_sync}).
 * Ids that do not exist give `undefined` from a getter; a change to one throws.
 */
export interface Store {
  /** When these data were made, milliseconds; tells them apart from others. */
  readonly madeAt: number;
  /**
   * Runs `work` in one transaction; nested calls join the outer one. Throws what `work` throws, with nothing stored.
   * `durable` waits for the disk (synchronous=FULL): for changes of status. Without it a power cut may take the last
   * commits, a crash of the process never does (SPEC {#durability}).
   */
  transaction<T>(durability: 'durable' | 'fast', work: () => T): T;
  /**
   * Resolves once everything that was committed before this call is on the disk, `fast` or not; does not hold up other
   * work. Rejects when that could not be done.
   */
  persist(): Promise<void>;
  readonly projects: ProjectStore;
  readonly models: ModelStore;
  readonly fileConstraints: FileConstraintStore;
  readonly runs: RunStore;
  readonly loops: LoopStore;
  readonly turns: TurnStore;
  readonly entries: EntryStore;
  readonly channels: ChannelStore;
  readonly folder: DataFolderStore;
  readonly producers: ProducerStore;
  readonly runners: RunnerStore;
  readonly tokens: TokenStore;
  readonly permissions: PermissionStore;
  readonly events: EventStore;
  readonly audit: AuditStore;
  readonly agents: AgentStore;
  /** Ends the checkpoint worker, checkpoints, closes the database and gives the lock back. */
  close(): Promise<void>;
}

export interface ProjectStore {
  /** The project of that name, created or given a new root. */
  open(project: { name: string; root: string; configPath: string | null }): Project;
  byId(id: number): Project | undefined;
  /** Every project, in order of creation. */
  list(): Project[];
  /** Projects that have a run of this alias, made with that token when it is no null, in order of creation. */
  withRun(alias: string, madeWith: string | null): Project[];
}

export interface ModelStore {
  list(projectId: number): ModelRecord[];
  get(projectId: number, alias: string): ModelRecord | undefined;
  /** Throws `alias_taken`. */
  add(projectId: number, model: ModelRecord): void;
  /** Returns false if it did not exist. */
  remove(projectId: number, alias: string): boolean;
}

/** The agents that drive runs, one a run at most (SPEC {#agent_lines}). */
export interface AgentStore {
  get(runId: number): AgentState | undefined;
  set(runId: number, state: AgentState): void;
  /** Runs whose agent works on a prompt. */
  prompted(): number[];
}

/** What clients have said about files of a project, one rule a pattern (SPEC {#file_constraints}). */
export interface FileConstraintStore {
  /** In order of pattern. */
  list(projectId: number): FileConstraint[];
  /** Sets the rule of a pattern, in place of another one. */
  set(projectId: number, pattern: string, rule: FileRule): void;
  /** Returns false if it did not exist. */
  remove(projectId: number, pattern: string): boolean;
}

export interface NewRun {
  readonly projectId: number;
  readonly alias: string;
  readonly parentId: number | null;
  readonly model: string;
  readonly settings: RunSettings;
  /** Left out: it was made with a token that is not bound to its runs. */
  readonly madeWith?: string | null;
}

export interface RunStore {
  /** Status 100. Throws `alias_taken`. */
  create(run: NewRun): Run;
  byId(id: number): Run | undefined;
  byAlias(sight: Sight, alias: string): Run | undefined;
  /** Newest first. */
  list(sight: Sight, limit: number, offset: number): Run[];
  /** Every run, of any project, at one of these statuses: what a restart looks at. */
  withStatus(statuses: readonly RunStatus[]): Run[];
  setStatus(id: number, status: RunStatus, outcome: string | null): void;
  configure(id: number, change: { model?: string; settings?: RunSettings; alias?: string }): void;
  /**
   * Copies a run with all it holds, in slices, and returns what `whole` returns (SPEC {#run_fork}). What runs or waits is in the
   * copy ended with 499 `forked`. `whole` is called when the copy holds what the run holds, at once where that is little;
   * `reveal` makes it a run that others see, a child of the first. When `whole` does not call it, or throws, there is no copy.
   * Throws `conflict` when a loop of the run is active or queued, also later on, `too_large` when it holds more than `maxBytes`
   * bytes, `not_found`; `reveal` throws `alias_taken`.
   */
  copy<T>(id: number, o: { maxBytes: number; madeWith?: string | null }, whole: (reveal: (alias: string) => Run) => T): Promise<T>;
  /** Raises the run's turn counter by one and returns it. */
  nextTurn(id: number): number;
  /** Deletes the run with all it holds: out of sight at once, its space freed in small steps afterwards (SPEC {#run_delete}). */
  remove(id: number): void;
}

export interface LoopStore {
  /** Status 100, the next sequence number of its run. */
  enqueue(loop: { runId: number; mode: LoopMode; prompt: string; model: string; config: RunSettings }): Loop;
  byId(id: number): Loop | undefined;
  /** The loop at 102, of which there is one at the most (enforced by the database). */
  active(runId: number): Loop | undefined;
  /** The oldest loop at 100. */
  nextQueued(runId: number): Loop | undefined;
  /** In order of sequence. */
  list(runId: number): Loop[];
  /** The beginnings of the first prompts of these runs, by run. */
  firstPrompts(runIds: readonly number[]): Map<number, string>;
  setStatus(id: number, status: LoopStatus, outcome: string | null, result: string | null): void;
}

export interface TurnChange extends Partial<TurnMeter> {
  readonly phase?: TurnPhase;
  readonly text?: string;
}

export interface TurnStore {
  /** Phase `asking`. */
  create(turn: { runId: number; loopId: number; sequence: number }): Turn;
  /** In order of sequence. */
  list(runId: number): Turn[];
  get(runId: number, sequence: number): Turn | undefined;
  update(id: number, change: TurnChange): void;
  /** Replaces what the turn's model was shown. A message that the run's turns have in common is stored once. */
  setContext(turnId: number, packet: ContextPacket): void;
  context(turnId: number): ContextPacket;
}

export interface NewEntry {
  readonly runId: number;
  readonly path: string;
  readonly category: Category;
  readonly status: EntryStatus;
  readonly outcome?: string | null;
  readonly visibility?: Visibility;
  readonly body?: string;
  readonly attributes?: Attributes;
  readonly turn: number;
  readonly loopId?: number | null;
  /** Who wrote it: a client's name, `model`, `server`. */
  readonly writer: string;
}

export interface EntryChange {
  readonly path?: string;
  readonly status?: EntryStatus;
  readonly outcome?: string | null;
  readonly visibility?: Visibility;
  readonly body?: string;
  /** Replaces all attributes. */
  readonly attributes?: Attributes;
  readonly writer?: string;
}

export interface EntryFilter {
  readonly runId?: number;
  readonly sight?: Sight;
  readonly statuses?: readonly EntryStatus[];
  readonly categories?: readonly Category[];
  readonly turn?: number;
  /** Path begins with this. */
  readonly prefix?: string;
  /** Those of these ids. */
  readonly ids?: readonly number[];
  /** Created before the entry of this id. */
  readonly beforeId?: number;
  /** Created after it. */
  readonly afterId?: number;
  /** True: `offset` and `limit` count from the last row, not the first; the order stays. */
  readonly newest?: boolean;
  /** Rows to skip of those that are left. */
  readonly offset?: number;
  /** Rows to return at most. */
  readonly limit?: number;
  /** Bodies are not read, and are empty in the rows: they take most of the time. */
  readonly withoutBodies?: boolean;
}

export interface EntryStore {
  /** Throws `conflict` when the path is taken. */
  /**
   * An empty channel in place of this one, with its path and state and these attributes, within the caller's transaction. What the old one held is
   * out of sight, and is deleted later in steps (SPEC {#output_retention}).
   */
  emptied(id: number, attributes: Attributes): Entry;
  create(entry: NewEntry): Entry;
  byId(id: number): Entry | undefined;
  get(runId: number, path: string): Entry | undefined;
  /** True when there is an entry at that path. */
  has(runId: number, path: string): boolean;
  /** In order of creation. */
  list(filter: EntryFilter): Entry[];
  /** How many there are; offset and limit do not count. */
  count(filter: EntryFilter): number;
  /** Paths of a run that begin with `prefix`, in their own order, those behind `after`; `limit` at most. */
  paths(runId: number, page: { readonly prefix: string; readonly after: string; readonly limit: number }): { id: number; path: string }[];
  /** The same of all runs within `sight`, whose ids are in [from, to); in order of id. */
  pathsOf(sight: Sight, page: { readonly prefix: string; readonly from: number; readonly to: number }): { id: number; path: string }[];
  /** The highest id that an entry has; 0 without entries. */
  lastId(): number;
  /** The bodies of these entries, by id; a channel has an empty one. */
  bodies(ids: readonly number[]): ReadonlyMap<number, string>;
  /** Raises the version by one. Throws `illegal_transition` for a pair of statuses outside the table. */
  update(id: number, change: EntryChange): Entry;
  remove(id: number): void;
}

/** Length of a channel as stored. */
export interface ChannelHead {
  readonly bytes: number;
  readonly lines: number;
}

export interface SegmentWrite {
  readonly entryId: number;
  /** Must equal the channel's stored length. */
  readonly offset: number;
  readonly bytes: Uint8Array;
  readonly line: number;
  readonly at: number;
  /** LF bytes in `bytes`. */
  readonly lines: number;
  /**
   * A file that has these bytes at `offset`, to which bytes are only appended: a store in the same file system may keep it instead of
   * them (SPEC {#channel_files}).
   */
  readonly file?: string | undefined;
}

export interface ChannelStore {
  /** Throws `not_found` when the entry is gone. */
  head(entryId: number): ChannelHead;
  /** Appends segments (several channels at once); the caller holds the transaction. Throws when an offset is taken. */
  append(writes: readonly SegmentWrite[]): void;
  /**
   * Undefined while appends may go on; otherwise a promise that resolves when the write-ahead log has been emptied far
   * enough. A caller that appends in bulk waits for it; others need not (SPEC {#checkpoints}).
   */
  room(): Promise<void> | undefined;
  /** Bytes [from, to), of at most `maxBytes`; shorter at the end of the channel, empty beyond it. */
  read(entryId: number, from: number, maxBytes: number): Buffer;
  /** Byte offset at which line `line` (0 = the first) begins; the channel's length when there are fewer lines. */
  offsetOfLine(entryId: number, line: number): number;
  /** Number of LF bytes before byte `offset`. */
  linesBefore(entryId: number, offset: number): number;
  /** Where the segments begin that hold bytes [from, to), and when each was stored. */
  times(entryId: number, from: number, to: number): Pick<Segment, 'offset' | 'at'>[];
  /** Stored segments from the one that holds `from` on, at most `limit`. */
  segments(entryId: number, from: number, limit: number): Segment[];
  /**
   * Resolves once what of these channels is in files survives a power cut; undefined when it does already. Before a change of status that
   * is to be durable (SPEC {#durability}).
   */
  sync(entryIds: readonly number[]): Promise<void> | undefined;
  /** The same, when it returns, also for what has come since `sync`. Call it when a channel takes no more for now. */
  settle(entryIds: readonly number[]): void;
}

export interface ProducerChange {
  readonly state?: ProducerState;
  readonly epoch?: number;
  readonly ref?: Readonly<Record<string, unknown>>;
  readonly exitCode?: number | null;
  readonly signal?: string | null;
  readonly receipt?: KillReceipt;
  readonly startedAt?: number;
  readonly endedAt?: number;
  readonly lastOutputAt?: number;
  /** The registered runner that it is given to. */
  readonly assigned?: RunnerAssignment;
  readonly bootId?: string | null;
  readonly leftover?: Leftover;
}

export interface ProducerStore {
  /** State `queued`, epoch 1. */
  create(producer: { entryId: number; backend: string; runner: string; spec: ProducerSpec; bootId?: string | null }): Producer;
  get(entryId: number): Producer | undefined;
  /** Newest first. `leftover`: also those of which something runs on, and without `states` only these. `limit` and `offset` count rows. */
  list(filter: {
    sight?: Sight;
    runId?: number;
    states?: readonly ProducerState[];
    leftover?: true;
    runner?: string;
    entryId?: number;
    limit?: number;
    offset?: number;
  }): Producer[];
  /** Throws `illegal_transition` for a pair of states outside the table. */
  update(entryId: number, change: ProducerChange): Producer;
}

/** The folder that the database lies in, beside the one that it lay in at the last start (SPEC {#data_copy}). */
export interface DataFolderStore {
  /** Where the original is, or was, of which this is a copy that was not opened before; undefined for an original. */
  readonly copyOf: string | undefined;
  /** Where this folder was at the last start, when it has been moved since. */
  readonly movedFrom: string | undefined;
  /** Notes that this is a folder of its own, at this place. */
  settle(): void;
}

export interface RunnerStore {
  /** Id of this database, another one for a copy of it: runners know by it whose commands they have. */
  readonly storeId: string;
  /** In order of name. */
  list(): RunnerRecord[];
  /** Notes a registration and raises the epoch of that name. */
  register(runner: Omit<RunnerRecord, 'epoch' | 'lastSeen'>): RunnerRecord;
  /** Notes a sign of life, now. */
  seen(name: string): void;
  /** Forgets that there was one of that name. */
  remove(name: string): void;
}

export interface TokenStore {
  /** In order of name. */
  list(): TokenRecord[];
  byHash(hash: string): TokenRecord | undefined;
  /** Throws `alias_taken` for a name that is in use. */
  add(token: Omit<TokenRecord, 'createdAt' | 'lastUsedAt'>): TokenRecord;
  /** Notes that it was used, `at` milliseconds since the epoch; false when none has that name. */
  used(name: string, at: number): boolean;
  /** False when none has that name. */
  remove(name: string): boolean;
}

export interface PermissionStore {
  /** In order of creation; with `removed` also those that were taken back. */
  list(projectId: number, removed?: boolean): PermissionRecord[];
  add(rule: NewPermission): PermissionRecord;
  /** Takes it back, and returns it as it is now; undefined when it does not exist, or was taken back before. */
  remove(projectId: number, id: number, by: string): PermissionRecord | undefined;
}

export interface NewEvent {
  readonly projectId: number;
  readonly run: string | null;
  readonly type: string;
  readonly payload: Readonly<Record<string, unknown>>;
  readonly madeWith?: string | null;
}

export interface EventStore {
  /**
   * Appends within the caller's transaction and returns the event with its sequence number. `madeWith` is that of the run;
   * given for one that is gone.
   */
  append(event: NewEvent): EventRecord;
  /** Events after `seq`, oldest first. */
  since(filter: { sight: Sight; run?: string | undefined; seq: number; limit: number }): EventRecord[];
  lastSeq(projectId: number): number;
  /** Sequence number up to which events of no run may have been trimmed (SPEC {#retention}); 0 when none was. */
  trimmedTo(projectId: number): number;
}

export interface AuditStore {
  /** Who called what, when, with which outcome (SPEC {#rpc_log}); never bodies. */
  record(call: { method: string; client: string; run: string | null; code: number; durationMs: number }): void;
}
