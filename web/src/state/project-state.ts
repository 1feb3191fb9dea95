import { messageOf } from '../../../src/core/errors.ts';
import type { Runtime, RuntimeEvent } from '../../../src/rpc/client/index.ts';
import type { NotificationParamsOf, ResultOf } from '../../../src/rpc/protocol/table.ts';
import { Drafts } from './drafts.ts';
import { Observable } from './observable.ts';
import { RunState } from './run-state.ts';

export type RunRow = ResultOf<'getRuns'>[number];
export type Proposal = NotificationParamsOf<'run/proposal'>;
export type Producer = ResultOf<'stream/list'>[number];
export type Model = ResultOf<'getModels'>[number];
export type Agent = ResultOf<'agent/list'>[number];

/** Rows of the list of runs. */
const RUNS = 500;
/** A listing is read again at most so often, milliseconds: a burst of events is one reading. */
const READ_AGAIN_MS = 150;

/** The project that the page is bound to: its runs, what waits for an answer and what runs, kept up by its events. */
export class ProjectState extends Observable {
  readonly runtime: Runtime;
  readonly name: string;
  readonly drafts = new Drafts();
  readonly #onRenamed: (from: string, to: string) => void;
  #runs: readonly RunRow[] = [];
  #models: readonly Model[] = [];
  #agents: readonly Agent[] = [];
  #producers: readonly Producer[] = [];
  readonly #proposals = new Map<string, Pick<Proposal, 'run' | 'path'>>();
  readonly #due = new Map<string, ReturnType<typeof setTimeout>>();
  #open: RunState | undefined;
  #lost: string | undefined;
  #final = false;
  #over = false;

  /** @param onRenamed - hears of runs that anybody has renamed */
  constructor(runtime: Runtime, name: string, onRenamed: (from: string, to: string) => void) {
    super();
    this.runtime = runtime;
    this.name = name;
    this.#onRenamed = onRenamed;
    runtime.onConnection(({ open, reason, final }) => {
      this.#lost = open ? undefined : (reason ?? '');
      this.#final = final === true;
      this.changed();
    });
    // Begins before the first reading: what happens meanwhile is read again.
    void this.#follow();
    for (const listing of ['runs', 'proposals', 'producers', 'models', 'agents'] as const) void this.#read(listing);
  }

  /** Newest first. */
  get runs(): readonly RunRow[] {
    return this.#runs;
  }

  get models(): readonly Model[] {
    return this.#models;
  }

  /** Agents of others that can drive runs. */
  get agents(): readonly Agent[] {
    return this.#agents;
  }

  /** Those that run, or wait to, and those that have ended and left something running. */
  get producers(): readonly Producer[] {
    return this.#producers;
  }

  /** Why the connection is away; undefined while it is there. */
  get lost(): string | undefined {
    return this.#lost;
  }

  /** True when a lost connection will not come back by itself. */
  get final(): boolean {
    return this.#final;
  }

  /** False for a token that may only look. */
  get mayAct(): boolean {
    return this.runtime.mayAct;
  }

  /** How many proposals wait, of one run or of all. */
  waiting(run?: string): number {
    return [...this.#proposals.values()].filter((proposal) => run === undefined || proposal.run === run).length;
  }

  /** Path of the proposal of a run that waits longest. */
  oldestProposal(run: string): string | undefined {
    return [...this.#proposals.values()].find((proposal) => proposal.run === run)?.path;
  }

  /** The state of a run; the one that was shown before is let go. */
  open(run: string): RunState {
    if (this.#open?.run === run) return this.#open;
    this.#open?.close();
    this.#open = new RunState(this.runtime, run);
    return this.#open;
  }

  /** Reads the list of live commands again: their sizes and ages are in no event. */
  refreshProducers(): void {
    this.#readSoon('producers');
  }

  /** Reads the list of runs again. */
  refreshRuns(): void {
    this.#readSoon('runs');
  }

  /** Ends the connection. */
  async close(): Promise<void> {
    this.#over = true;
    for (const timer of this.#due.values()) clearTimeout(timer);
    await this.runtime.close();
  }

  async #follow(): Promise<void> {
    try {
      for await (const event of this.runtime.events()) this.#take(event);
    } catch (error) {
      if (this.#over) return;
      this.#lost = messageOf(error);
      this.#final = true;
      this.changed();
    }
  }

  #take(event: RuntimeEvent): void {
    const { name, params } = event;
    if (this.#open && (isAbout(params, this.#open.run) || (name === 'run/state' && params.renamed_from === this.#open.run)))
      this.#open.take(event);
    switch (name) {
      case 'run/state':
        return this.#runState(params);
      case 'run/proposal':
        this.#proposals.set(key(params), params);
        return this.changed();
      case 'run/resolved':
        this.#proposals.delete(key(params));
        return this.changed();
      case 'entry/changed':
        // A proposal also ends without an answer: with its loop.
        if (params.status !== 202 && this.#proposals.delete(key(params))) this.changed();
        return;
      case 'stream/started':
      case 'stream/ended':
      case 'stream/cancelled':
      case 'stream/leftover':
      case 'stream/waiting':
      case 'stream/resumed':
        return this.#readSoon('producers');
      default:
        return;
    }
  }

  #runState({ run, status, outcome, turn, deleted, renamed_from }: NotificationParamsOf<'run/state'>): void {
    if (renamed_from !== undefined) this.#rename(renamed_from, run);
    if (deleted) this.#runs = this.#runs.filter((row) => row.run !== run);
    else if (this.#runs.some((row) => row.run === run))
      this.#runs = this.#runs.map((row) => (row.run === run ? { ...row, status, outcome, turn, updatedAt: Date.now() } : row));
    this.#readSoon('runs');
    this.changed();
  }

  #rename(from: string, to: string): void {
    this.#runs = this.#runs.map((row) => (row.run === from ? { ...row, run: to } : row));
    for (const [known, proposal] of [...this.#proposals]) {
      if (proposal.run !== from) continue;
      this.#proposals.delete(known);
      const moved = { ...proposal, run: to };
      this.#proposals.set(key(moved), moved);
    }
    this.drafts.renamed(from, to);
    this.#onRenamed(from, to);
  }

  #readSoon(listing: 'runs' | 'producers'): void {
    if (this.#due.has(listing) || this.#over) return;
    const timer = setTimeout(() => {
      this.#due.delete(listing);
      void this.#read(listing);
    }, READ_AGAIN_MS);
    this.#due.set(listing, timer);
  }

  async #read(listing: 'runs' | 'proposals' | 'producers' | 'models' | 'agents'): Promise<void> {
    try {
      switch (listing) {
        case 'runs':
          this.#runs = await this.runtime.look('getRuns', { limit: RUNS });
          break;
        case 'proposals':
          for (const proposal of await this.runtime.look('getProposals', {})) this.#proposals.set(key(proposal), proposal);
          break;
        case 'producers':
          this.#producers = await this.runtime.look('stream/list', { state: 'open' });
          break;
        case 'models':
          this.#models = await this.runtime.look('getModels', {});
          break;
        case 'agents':
          this.#agents = await this.runtime.look('agent/list', {});
          break;
      }
      this.changed();
    } catch {
      // The connection is lost, and its listeners are called.
    }
  }
}

function isAbout(params: object, run: string): boolean {
  return 'run' in params && params.run === run;
}

function key({ run, path }: { run: string; path: string }): string {
  return `${run} ${path}`;
}
