import type { AgentState } from '../../model/agent-state.ts';
import type { Project, Run } from '../../model/records.ts';
import { isLive } from '../../model/status.ts';
import type { JournalTx } from '../../stream/index.ts';
import type { RuntimeParts } from '../parts.ts';
import { newAgent } from './lines.ts';

/** What a line of an agent, or a decision, does to its run; within a transaction. */
export type Effect = (tx: JournalTx, state: AgentState) => AgentState;

/** What is stored of the agents of runs, read and changed (SPEC {#agent_lines}). */
export class AgentStates {
  readonly #parts: Pick<RuntimeParts, 'store' | 'journal'>;

  constructor(parts: Pick<RuntimeParts, 'store' | 'journal'>) {
    this.#parts = parts;
  }

  of(run: Run): AgentState {
    return this.#parts.store.agents.get(run.id) ?? newAgent(run.settings.agent ?? '');
  }

  change(run: Run, effect: Effect, durability: 'durable' | 'fast' = 'fast'): void {
    this.#parts.journal.commit(durability, (tx) => this.#parts.store.agents.set(run.id, effect(tx, this.of(run))));
  }

  /** True if the agent has no process that goes on: it has ended, is being ended, or was never started. */
  isOver(run: Run, { path }: AgentState): boolean {
    const entry = path === null ? undefined : this.#parts.store.entries.get(run.id, path);
    const state = entry && this.#parts.store.producers.get(entry.id)?.state;
    return state === undefined || state === 'cancelling' || !isLive(state);
  }

  /** True while the loop of the agent's prompt goes on. */
  isActive({ prompt }: AgentState): boolean {
    return prompt !== null && this.#parts.store.loops.byId(prompt.loopId)?.status === 102;
  }

  projectOf(run: Run): Project {
    const project = this.#parts.store.projects.byId(run.projectId);
    if (!project) throw new Error(`the project of run ${run.alias} is gone`);
    return project;
  }
}
