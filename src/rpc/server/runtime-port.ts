import type { ModelRecord, Project, Run } from '../../model/records.ts';
import type { ParsedParamsOf, ResultOf } from '../protocol/table.ts';

/** Who calls: the project of the connection, the client's name, and the end of the call. */
export interface Caller {
  readonly project: Project;
  /** The client's name, as written into records. */
  readonly client: string;
  /** Aborted when the caller cancels its request or goes away. */
  readonly signal: AbortSignal;
}

/** A parsed JSON object never holds `undefined`: what is optional is either there or absent. */
export type Given<T> = { [K in keyof T]: Exclude<T[K], undefined> };

/** Params as they came over the wire, their optional members seen as absent instead of `undefined`. */
export function given<T extends object>(params: T): Given<T> {
  return params as Given<T>;
}

type GivenParams<M extends 'startRun' | 'act' | 'run/config' | 'getEntries' | 'get' | 'set' | 'sh' | 'addModel'> = Given<ParsedParamsOf<M>>;
type Resolution = Given<ParsedParamsOf<'run/resolve'>['resolution']>;

/**
 * What the RPC server asks of the runtime. Results are in the protocol's shapes already; the server adds nothing to
 * them and holds no rule of its own.
 */
export interface RuntimePort {
  startRun(caller: Caller, params: GivenParams<'startRun'>): Run;
  prompt(caller: Caller, mode: 'ask' | 'act', params: GivenParams<'act'>): Promise<ResultOf<'act'>>;
  validate(caller: Caller, params: GivenParams<'act'>): Promise<ResultOf<'run/validate'>>;
  resolve(caller: Caller, run: string, resolution: Resolution): ResultOf<'run/resolve'>;
  abort(caller: Caller, run: string): ResultOf<'run/abort'>;
  rename(caller: Caller, run: string, name: string): ResultOf<'run/rename'>;
  inject(caller: Caller, run: string, message: string): ResultOf<'run/inject'>;
  configure(caller: Caller, run: string, change: Omit<GivenParams<'run/config'>, 'run'>): ResultOf<'run/config'>;
  remove(caller: Caller, run: string): void;
  proposals(projectId: number, run?: string): ResultOf<'getProposals'>;
  runInfo(projectId: number, run: string): ResultOf<'getRun'>;
  listRuns(projectId: number, limit: number, offset: number): ResultOf<'getRuns'>;
  context(projectId: number, run: string, turn?: number): ResultOf<'getContext'>;
  models(projectId: number): readonly ModelRecord[];
  addModel(caller: Caller, model: GivenParams<'addModel'>): void;
  removeModel(caller: Caller, alias: string): void;
  readonly entries: EntriesPort;
  command(caller: Caller, action: 'sh' | 'env', params: GivenParams<'sh'>): ResultOf<'sh'> | Promise<ResultOf<'sh'>>;
  /** Throws `not_found`. */
  requireRun(projectId: number, run: string): Run;
}

export interface EntriesPort {
  list(projectId: number, filter: GivenParams<'getEntries'>): ResultOf<'getEntries'>;
  get(projectId: number, run: string, path: string, part: Pick<GivenParams<'get'>, 'line' | 'limit' | 'channel'>): ResultOf<'get'>;
  set(caller: Caller, run: string, change: Omit<GivenParams<'set'>, 'run'>): ResultOf<'set'>;
  rm(caller: Caller, run: string, path: string): void;
  mv(caller: Caller, run: string, path: string, to: string): ResultOf<'mv'>;
  cp(caller: Caller, run: string, path: string, to: string): ResultOf<'cp'>;
}
