import type { AgentState } from '../../model/agent-state.ts';
import type { Run } from '../../model/records.ts';
import type { JournalTx } from '../../stream/index.ts';
import type { TurnVoice } from '../live-text.ts';
import { freePath } from '../loop/ask.ts';
import type { RuntimeParts } from '../parts.ts';
import { tellEntry } from '../tell.ts';
import type { AgentStates } from './states.ts';

/** What agents say and think: told as it comes, stored as an entry from one action to the next (SPEC {#agent_driver}). */
export class AgentWords {
  readonly #parts: RuntimeParts;
  readonly #states: AgentStates;
  readonly #voices = new Map<number, TurnVoice>();

  constructor(parts: RuntimeParts, states: AgentStates) {
    this.#parts = parts;
    this.#states = states;
  }

  /** Takes what the agent says or thinks. */
  take(tx: JournalTx, state: AgentState, run: Run, what: 'text' | 'thought', text: string): AgentState {
    if (!this.#states.isActive(state)) return state;
    if (what === 'text') tx.after(() => this.#voice(run, state).say(text));
    return { ...state, [what]: state[what] + text };
  }

  /** Stores what the agent has said since the last action. */
  flush(tx: JournalTx, state: AgentState, run: Run): AgentState {
    const { prompt } = state;
    const silent = { ...state, text: '', thought: '' };
    if (!prompt || !this.#states.isActive(state)) return silent;
    for (const slug of ['thought', 'text'] as const) {
      const body = state[slug];
      if (body.trim() === '') continue;
      const entry = this.#parts.store.entries.create({
        runId: run.id,
        path: freePath(this.#parts, run.id, prompt.turn, 'model', slug),
        category: 'logging',
        status: 200,
        body,
        turn: prompt.turn,
        loopId: prompt.loopId,
        writer: 'model',
      });
      tellEntry(tx, run, entry);
    }
    tx.after(() => {
      this.#voices.get(run.id)?.end();
      this.#voices.delete(run.id);
    });
    return silent;
  }

  #voice(run: Run, { prompt }: AgentState): TurnVoice {
    const known = this.#voices.get(run.id);
    if (known) return known;
    const { projectId, alias, turn, madeWith } = run;
    const voice = this.#parts.live.turn({ projectId, run: alias, turn: prompt?.turn ?? turn, madeWith });
    voice.begin();
    this.#voices.set(run.id, voice);
    return voice;
  }
}
