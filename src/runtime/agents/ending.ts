import type { AgentState } from '../../model/agent-state.ts';
import type { Loop, Run } from '../../model/records.ts';
import { isLive } from '../../model/status.ts';
import type { JournalTx } from '../../stream/index.ts';
import type { LoopQueue } from '../loop/queue.ts';
import type { RuntimeParts } from '../parts.ts';
import { tellProgress } from '../tell.ts';
import type { AgentCalls } from './calls.ts';
import { addEntry } from './entry.ts';
import { withoutProcess } from './lines.ts';
import { usageOf } from './messages.ts';
import type { AgentStates } from './states.ts';
import type { AgentWords } from './words.ts';

/** Bytes of an agent's standard error that an error names. */
const LAST_WORDS_BYTES = 2000;

/** How a loop ends by the agent's reason to stop. */
const STOPS: Readonly<Record<string, readonly ['finish' | 'abort', string | null]>> = {
  end_turn: ['finish', null],
  max_tokens: ['abort', 'model_context'],
  max_turn_requests: ['abort', 'turns'],
  refusal: ['abort', 'model_filtered'],
  cancelled: ['abort', 'cancelled'],
};

/** How loops of agents end (SPEC {#agent_outcomes}). */
export class AgentEnding {
  readonly #parts: RuntimeParts;
  readonly #queue: LoopQueue;
  readonly #states: AgentStates;
  readonly #words: AgentWords;
  readonly #calls: AgentCalls;

  constructor(o: { parts: RuntimeParts; queue: LoopQueue; states: AgentStates; words: AgentWords; calls: AgentCalls }) {
    this.#parts = o.parts;
    this.#queue = o.queue;
    this.#states = o.states;
    this.#words = o.words;
    this.#calls = o.calls;
  }

  /** The agent has answered the prompt. */
  stopped(tx: JournalTx, state: AgentState, run: Run, result: Readonly<Record<string, unknown>>): AgentState {
    const { prompt } = state;
    if (!prompt) return state;
    const { turns } = this.#parts.store;
    const text = state.text === '' ? (turns.get(run.id, prompt.turn)?.text ?? '') : state.text;
    const [event, outcome] = STOPS[String(result['stopReason'])] ?? ['finish', null];
    const isActive = this.#states.isActive(state);
    const closed = this.#calls.close(tx, state, run, 'agent_ended', 'The agent ended its work without saying how this ended.');
    const now = this.#words.flush(tx, closed, run);
    if (isActive) {
      const usage = usageOf(result);
      if (usage) turns.update(prompt.turnId, { usage });
      tellProgress(tx, run, prompt.turn, 'done', text, turns.get(run.id, prompt.turn));
      this.#endLoop(tx, run, prompt, { event, outcome, text, result: event === 'finish' ? text : null });
    }
    const { cancelled: _, ...rest } = now;
    return { ...rest, prompt: null };
  }

  /** The agent has ended by itself. */
  died(run: Run, loop: Loop | undefined): void {
    const { store, streams } = this.#parts;
    const { path } = this.#states.of(run);
    const entry = path === null ? undefined : store.entries.get(run.id, path);
    const producer = entry && store.producers.get(entry.id);
    const how =
      producer?.exitCode == null ? (producer?.signal ?? entry?.outcome ?? producer?.state ?? 'unknown') : `exit ${producer.exitCode}`;
    const last = path === null ? '' : streams.read({ runId: run.id, path, channel: 2, lines: { last: 20 } }).data.toString();
    const words = last.slice(-LAST_WORDS_BYTES);
    const body = `The agent ended before it had answered (${how}).${words === '' ? '' : `\nIts last words:\n${words}`}`;
    this.fail(run, 'agent_exited', body, loop);
  }

  /** Ends the loop with a named outcome, and the agent's process with it: the next prompt starts another one. */
  fail(run: Run, outcome: string, body: string, loop: Loop | undefined): void {
    const { store, journal, streams } = this.#parts;
    const path = store.agents.get(run.id)?.path;
    journal.commit('durable', (tx) => {
      const state = store.agents.get(run.id);
      const text = state?.text ?? '';
      if (state) {
        const closed = this.#calls.close(tx, state, run, outcome, 'Not done: the agent has ended.');
        store.agents.set(run.id, withoutProcess(this.#words.flush(tx, closed, run)));
      }
      const active = loop ?? store.loops.active(run.id);
      if (!active || this.#queue.loop(active.id).status !== 102) return;
      const turn = store.turns.list(run.id).findLast((one) => one.loopId === active.id);
      const sequence = turn?.sequence ?? run.turn;
      const note = { status: 500, outcome, body, turn: sequence, loopId: active.id, writer: 'server' } as const;
      addEntry(this.#parts, tx, run, { tool: 'agent', slug: 'error', ...note });
      this.#endLoop(tx, run, { loopId: active.id, turnId: turn?.id }, { event: 'fail', outcome, text, result: null });
    });
    const entry = path ? store.entries.get(run.id, path) : undefined;
    const producer = entry && store.producers.get(entry.id);
    if (path && producer && isLive(producer.state) && producer.state !== 'cancelling')
      streams.cancel(run.id, path, { by: 'server', reason: outcome });
  }

  #endLoop(
    tx: JournalTx,
    run: Run,
    { loopId, turnId }: { loopId: number; turnId: number | undefined },
    { event, outcome, text, result }: { event: 'finish' | 'abort' | 'fail'; outcome: string | null; text: string; result: string | null },
  ): void {
    if (turnId !== undefined) this.#parts.store.turns.update(turnId, { phase: 'done', ...(text === '' ? {} : { text }) });
    const now = this.#queue.run(run.id);
    if (now.status === 202) this.#queue.moveRun(tx, now, 'resume', null);
    this.#queue.end(tx, this.#queue.loop(loopId), event, outcome, result);
  }
}
