import type { Generated } from 'kysely';
import type { FileRule } from '../model/file-change.ts';
import type { Category, LoopMode, TurnPhase, Visibility } from '../model/records.ts';
import type { EntryStatus, LoopStatus, ProducerState, RunStatus } from '../model/status.ts';

/** The tables as the queries see them; `migrations/` makes them. Columns named `…_at` are milliseconds since the epoch. */
export interface Tables {
  projects: ProjectTable;
  models: ModelTable;
  file_constraints: FileConstraintTable;
  /** `state` is JSON. */
  agents: { run_id: number; state: string };
  runs: RunTable;
  loops: LoopTable;
  turns: TurnTable;
  turn_context: TurnContextTable;
  context_messages: ContextMessageTable;
  entries: EntryTable;
  segments: SegmentTable;
  producers: ProducerTable;
  runners: RunnerTable;
  tokens: TokenTable;
  permissions: PermissionTable;
  /** One row. `folder` is JSON. */
  store_identity: { id: string; folder: string | null; copied_from: string | null; copied_at: number | null };
  events: EventTable;
  rpc_log: RpcLogTable;
}

interface ProjectTable {
  id: Generated<number>;
  name: string;
  root: string;
  config_path: string | null;
  /** Sequence number of the project's last event; kept here so that it never goes back. */
  last_seq: Generated<number>;
  /** Events of no run up to this sequence number may have been trimmed. */
  trimmed_to: Generated<number>;
}

interface ModelTable {
  project_id: number;
  alias: string;
  actual: string;
  provider: string;
  context_length: number | null;
  /** JSON. */
  price: string | null;
  dialect: string | null;
}

interface FileConstraintTable {
  project_id: number;
  pattern: string;
  rule: FileRule;
  created_at: number;
}

interface RunTable {
  id: Generated<number>;
  project_id: number;
  alias: string;
  parent_id: number | null;
  status: RunStatus;
  outcome: string | null;
  model: string;
  /** JSON. */
  settings: string;
  turn: Generated<number>;
  created_at: number;
  updated_at: number;
  /** Set: the run is out of sight and its rows are being deleted. */
  deleted_at: Generated<number | null>;
  /** Set: the run is out of sight since it is being made, as a copy of its parent; rows may be added to it. */
  copying: Generated<number | null>;
  /** Hash of the token that it was made with, where that one is bound to its own runs. */
  made_with: string | null;
}

interface LoopTable {
  id: Generated<number>;
  run_id: number;
  sequence: number;
  mode: LoopMode;
  prompt: string;
  status: LoopStatus;
  outcome: string | null;
  model: string;
  /** JSON. */
  config: string;
  result: string | null;
  created_at: number;
  ended_at: number | null;
}

interface TurnTable {
  id: Generated<number>;
  run_id: number;
  loop_id: number;
  sequence: number;
  phase: TurnPhase;
  text: Generated<string>;
  input_tokens: number | null;
  output_tokens: number | null;
  cached_tokens: number | null;
  started_at: number;
  ended_at: number | null;
  /** JSON: ids of context_messages. */
  packet: string | null;
  cost: number | null;
  requests: Generated<number>;
  first_ms: number | null;
  total_ms: number | null;
}

/** One message that turns of a run were shown, or a list of tools; found by its hash, so that each is there once. */
interface ContextMessageTable {
  id: Generated<number>;
  run_id: number;
  hash: string;
  /** JSON. */
  record: string;
}

/** What turns of earlier versions were shown: their packets are not kept. */
interface TurnContextTable {
  turn_id: number;
  ordinal: number;
  path: string;
  from_byte: number;
  to_byte: number;
  tokens: number;
}

interface EntryTable {
  id: Generated<number>;
  run_id: number;
  path: string;
  scheme: string;
  category: Category;
  status: EntryStatus;
  outcome: string | null;
  visibility: Visibility;
  turn: number;
  loop_id: number | null;
  bytes: number;
  lines: number;
  writer: string;
  version: Generated<number>;
  created_at: number;
  updated_at: number;
  /** JSON. */
  attributes: string;
  body: string;
}

interface SegmentTable {
  entry_id: number;
  offset: number;
  line: number;
  at: number;
  bytes: Buffer;
}

interface ProducerTable {
  entry_id: number;
  backend: string;
  runner: string;
  /** JSON, as are `ref` and `receipt`. */
  spec: string;
  boot_id: string | null;
  epoch: number;
  state: ProducerState;
  ref: string | null;
  exit_code: number | null;
  signal: string | null;
  receipt: string | null;
  created_at: number;
  started_at: number | null;
  ended_at: number | null;
  last_output_at: number | null;
  assigned_to: string | null;
  assigned_instance: string | null;
  /** JSON. */
  leftover: string | null;
  leftover_gone_at: number | null;
}

interface RunnerTable {
  name: string;
  /** JSON, as is `backends`. */
  labels: string;
  backends: string;
  capacity: number;
  instance: string;
  epoch: number;
  last_seen: number;
  owner: string;
  /** JSON. */
  runs: string;
  version: string;
}

interface TokenTable {
  id: Generated<number>;
  name: string;
  hash: string;
  /** One of them. */
  scopes: string;
  created_at: number;
  /** JSON: names of the projects that it is bound to. */
  projects: string | null;
  expires_at: number | null;
  /** 1: it is bound to the runs that are made with it. */
  own_runs: number | null;
  last_used_at: number | null;
}

interface PermissionTable {
  id: Generated<number>;
  project_id: number;
  /** The tool. */
  action: string;
  pattern: string;
  decision: 'allow' | 'ask' | 'deny';
  granted_by: string;
  created_at: number;
  /** The proposal whose answer it comes from, `run path`; empty for one that was added by itself. */
  via: Generated<string>;
  removed_by: Generated<string | null>;
  removed_at: Generated<number | null>;
  /** In which alone it holds. */
  folder: Generated<string | null>;
}

interface EventTable {
  id: Generated<number>;
  project_id: number;
  seq: number;
  /** The run while it exists; null for an event of no run. */
  run_id: number | null;
  /** Its alias when the event was written. */
  run: string | null;
  type: string;
  at: number;
  /** JSON. */
  payload: string;
  /** That of its run, also when the run is gone. */
  made_with: string | null;
}

interface RpcLogTable {
  id: Generated<number>;
  at: number;
  method: string;
  client: string;
  run: string | null;
  code: number;
  duration_ms: number;
}
