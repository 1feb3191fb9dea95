import type { AgentState } from '../../model/agent-state.ts';
import type { Run } from '../../model/records.ts';
import type { JournalTx } from '../../stream/index.ts';
import type { TurnVoice } from '../live-text.ts';
import type { RuntimeParts } from '../parts.ts';
import { tellProgress } from '../tell.ts';
import { addEntry } from './entry.ts';
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
    const now = what === 'text' && state.text === '' && state.spoken ? this.#nextTurn(tx, state, run) : state;
    if (what === 'text') tx.after(() => this.#voice(run, now).say(text));
    return { ...now, [what]: now[what] + text };
  }

  /** Stores what the agent has said since the last action. */
  flush(tx: JournalTx, state: AgentState, run: Run): AgentState {
    const { prompt } = state;
    const silent = { ...state, text: '', thought: '' };
    if (!prompt || !this.#states.isActive(state)) return silent;
    const { thought, text } = state;
    if (thought.trim() !== '') this.#store(tx, run, state, prompt, { tool: 'think', slug: 'thought', body: thought });
    if (text.trim() !== '') {
      this.#store(tx, run, state, prompt, { tool: 'model', slug: 'text', body: text });
      this.#parts.store.turns.update(prompt.turnId, { text });
    }
    tx.after(() => {
      this.#voices.get(run.id)?.end();
      this.#voices.delete(run.id);
    });
    return { ...silent, spoken: state.spoken === true || text.trim() !== '' };
  }

  #store(
    tx: JournalTx,
    run: Run,
    { agent }: AgentState,
    { turn, loopId }: NonNullable<AgentState['prompt']>,
    { tool, slug, body }: { tool: 'think' | 'model'; slug: string; body: string },
  ): void {
    const attributes = tool === 'think' ? { tool, agent, summary: 'think' } : {};
    addEntry(this.#parts, tx, run, { tool, slug, status: 200, body, attributes, turn, loopId, writer: 'model' });
  }

  /** Begins the next turn: what the agent says after its actions is another one, as with a model. */
  #nextTurn(tx: JournalTx, state: AgentState, run: Run): AgentState {
    const { store } = this.#parts;
    const { prompt } = state;
    if (!prompt) return state;
    const { loopId } = prompt;
    store.turns.update(prompt.turnId, { phase: 'done' });
    tellProgress(tx, run, prompt.turn, 'done', store.turns.get(run.id, prompt.turn)?.text);
    const turn = store.runs.nextTurn(run.id);
    const { id: turnId } = store.turns.create({ runId: run.id, loopId, sequence: turn });
    tellProgress(tx, run, turn, 'asking');
    return { ...state, prompt: { loopId, turnId, turn }, spoken: false };
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
