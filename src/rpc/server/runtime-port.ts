import type { Given } from '../../core/given.ts';
import type { Project, Run } from '../../model/records.ts';
import type { Said } from '../../model/said.ts';
import type { Sight } from '../../model/sight.ts';
import type { MethodDef } from '../protocol/method.ts';
import type { ParsedParamsOf, ResultOf } from '../protocol/table.ts';

/** Who calls: the project of the connection, the runs that it knows of, the client's name, and the end of the call. */
export interface Caller {
  readonly project: Project;
  /** The runs of the project that it knows of; those that it makes are among them (SPEC {#own_runs}). */
  readonly sight: Sight;
  /** The client's name, as written into records. */
  readonly client: string;
  /** Aborted when the caller cancels its request or goes away. */
  readonly signal: AbortSignal;
  /** The caller's span that the call is part of, where spans are recorded (SPEC {#traces}). */
  readonly traceparent?: string | undefined;
}

type GivenParams<
  M extends 'startRun' | 'act' | 'run/config' | 'getEntries' | 'get' | 'set' | 'sh' | 'store' | 'addModel' | 'policy/check',
> = Given<ParsedParamsOf<M>>;
type Resolution = Given<ParsedParamsOf<'run/resolve'>['resolution']>;

/**
 * What the RPC server asks of the runtime. Results are in the protocol's shapes already; the server adds nothing to
 * them and holds no rule of its own.
 */
export interface RuntimePort {
  startRun(caller: Caller, params: GivenParams<'startRun'>): Run;
  agents(): ResultOf<'agent/list'>;
  prompt(caller: Caller, mode: 'ask' | 'act', params: GivenParams<'act'>): Promise<ResultOf<'act'>>;
  validate(caller: Caller, params: GivenParams<'act'>): Promise<ResultOf<'run/validate'>>;
  resolve(caller: Caller, run: string, resolution: Resolution): ResultOf<'run/resolve'>;
  abort(caller: Caller, run: string): ResultOf<'run/abort'>;
  rename(caller: Caller, run: string, name: string): ResultOf<'run/rename'>;
  inject(caller: Caller, run: string, message: string): ResultOf<'run/inject'>;
  configure(caller: Caller, run: string, change: Omit<GivenParams<'run/config'>, 'run'>): ResultOf<'run/config'>;
  remove(caller: Caller, run: string): void;
  fork(caller: Caller, run: string, name?: string): Promise<ResultOf<'run/fork'>>;
  setPersona(caller: Caller, run: string, to: { name?: string | undefined; text?: string | undefined }): ResultOf<'persona/set'>;
  readonly skills: SkillsPort;
  proposals(sight: Sight, run?: string): Promise<ResultOf<'getProposals'>>;
  runInfo(sight: Sight, run: string): ResultOf<'getRun'>;
  listRuns(sight: Sight, limit: number, offset: number): ResultOf<'getRuns'>;
  models(projectId: number): ResultOf<'getModels'>;
  context(sight: Sight, run: string, part: { turn?: number; body?: boolean }): ResultOf<'getContext'>;
  addModel(caller: Caller, model: GivenParams<'addModel'>): ResultOf<'addModel'>;
  removeModel(caller: Caller, alias: string): void;
  readonly entries: EntriesPort;
  readonly files: FilesPort;
  constrainFiles(caller: Caller, params: GivenParams<'store'>): ResultOf<'store'>;
  readonly policy: PolicyPort;
  command(caller: Caller, action: 'sh' | 'env', params: GivenParams<'sh'>): ResultOf<'sh'> | Promise<ResultOf<'sh'>>;
  /** Tells a listener of what models say while they say it; returns how to stop it (SPEC {#model_stream}). */
  onText(listener: (said: Said) => void): () => void;
  /** Methods of plugins by their full names. */
  readonly pluginMethods: ReadonlyMap<string, PluginMethodPort>;
  /** Throws `not_found`. */
  requireRun(sight: Sight, run: string): Run;
}

export interface SkillsPort {
  refresh(kind: 'skills' | 'personas', projectRoot: string): Promise<void>;
  listed(kind: 'skills' | 'personas', projectRoot: string): Promise<ResultOf<'listSkills'>>;
  attached(run: Run): ResultOf<'getSkills'>;
  add(caller: Caller, run: Run, name: string): ResultOf<'skill/add'>;
  remove(run: Run, name: string): ResultOf<'skill/remove'>;
}

/** The entry operations on `file://` paths. */
export interface FilesPort {
  get(caller: Caller, run: string, path: string, part: Pick<GivenParams<'get'>, 'line' | 'limit'>): Promise<ResultOf<'get'>>;
  set(caller: Caller, run: string, change: Omit<GivenParams<'set'>, 'run'>): Promise<ResultOf<'set'>>;
  rm(caller: Caller, path: string): void;
  transfer(caller: Caller, run: string, op: 'move' | 'copy', path: string, to: string): Promise<ResultOf<'mv'>>;
}

/** A method of a plugin: a row of the table, and what it does. */
export interface PluginMethodPort extends MethodDef {
  readonly plugin: string;
  call(params: unknown, caller: Caller): Promise<unknown>;
}

export interface PolicyPort {
  list(projectId: number, removed: boolean): ResultOf<'policy/list'>;
  add(caller: Caller, rule: ParsedParamsOf<'policy/add'>): ResultOf<'policy/add'>;
  remove(caller: Caller, id: number): ResultOf<'policy/remove'>;
  check(caller: Caller, question: GivenParams<'policy/check'>): Promise<ResultOf<'policy/check'>>;
}

export interface EntriesPort {
  list(sight: Sight, filter: GivenParams<'getEntries'>): Promise<ResultOf<'getEntries'>>;
  get(sight: Sight, run: string, path: string, part: Pick<GivenParams<'get'>, 'line' | 'limit' | 'channel' | 'redact'>): ResultOf<'get'>;
  digest(sight: Sight, run: string, path: string, channel?: number): Promise<ResultOf<'get'>>;
  set(caller: Caller, run: string, change: Omit<GivenParams<'set'>, 'run'>): ResultOf<'set'>;
  rm(caller: Caller, run: string, path: string): void;
  mv(caller: Caller, run: string, path: string, to: string): ResultOf<'mv'>;
  cp(caller: Caller, run: string, path: string, to: string): ResultOf<'cp'>;
}
