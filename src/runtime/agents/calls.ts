import { isEnd } from '../../core/end-status.ts';
import type { AgentState } from '../../model/agent-state.ts';
import type { Entry, Project, Run } from '../../model/records.ts';
import type { JournalTx } from '../../stream/index.ts';
import type { RuntimeParts } from '../parts.ts';
import { tellEntry } from '../tell.ts';
import { type AgentAction, actionOfCall } from './actions.ts';
import { addEntry } from './entry.ts';
import type { CallUpdate, PlanStep } from './messages.ts';
import { addedOutput, hasOutput, isCallOver, shownText } from './output.ts';
import type { AgentStates } from './states.ts';
import type { AgentWords } from './words.ts';

/** How a step of a plan is marked, by its status. */
const MARKS: Readonly<Record<string, string>> = { completed: 'x', in_progress: '>' };

/** The tool calls of agents as actions of their runs (SPEC {#agent_actions}). */
export class AgentCalls {
  readonly #parts: RuntimeParts;
  readonly #states: AgentStates;
  readonly #words: AgentWords;

  constructor(parts: RuntimeParts, states: AgentStates, words: AgentWords) {
    this.#parts = parts;
    this.#states = states;
    this.#words = words;
  }

  /** Notes a tool call as an action, or what changed of one. */
  note(tx: JournalTx, state: AgentState, run: Run, project: Project, call: CallUpdate): AgentState {
    if (!this.#states.isActive(state)) return state;
    const { store, streams } = this.#parts;
    const said = state.calls[call.toolCallId] ? state : this.#words.flush(tx, state, run);
    const { entry, action, now } = this.entryOf(tx, said, run, project, call);
    if (entry.status !== 100 || !(call.status === 'in_progress' || isCallOver(call) || hasOutput(call))) return now;
    const { attributes, plan } = action;
    if (plan) streams.open(tx, store.entries.update(entry.id, { attributes }), plan);
    else {
      const begun = { status: 102, body: String(attributes['summary']), attributes: { ...attributes, carried_out: true } } as const;
      tellEntry(tx, run, store.entries.update(entry.id, begun));
    }
    return now;
  }

  /** Stores what a call brings of output, at its place, and then its end; both can be repeated. */
  async store(run: Run, call: CallUpdate): Promise<void> {
    const { store, streams } = this.#parts;
    const known = store.agents.get(run.id)?.calls[call.toolCallId];
    const entry = known && store.entries.get(run.id, known.path);
    const producer = entry && store.producers.get(entry.id);
    if (!known || producer?.state !== 'running') return;
    const bytes = addedOutput(call, known);
    if (bytes.length > 0) await streams.append({ runId: run.id, path: known.path, channel: 1, bytes, offset: known.bytes });
    if (!isCallOver(call)) return;
    const code = call._meta?.terminal_exit?.exit_code ?? (call.status === 'failed' ? 1 : 0);
    streams.completed(run.id, known.path, { exitCode: Math.min(255, Math.max(0, code)) });
  }

  /** Notes that the output is stored, and the end of a call that is no command. */
  stored(tx: JournalTx, state: AgentState, run: Run, call: CallUpdate): AgentState {
    const { store } = this.#parts;
    const known = state.calls[call.toolCallId];
    const entry = known && store.entries.get(run.id, known.path);
    if (!known || !entry) return state;
    const text = shownText(call);
    if (isCallOver(call) && !isEnd(entry.status) && !store.producers.get(entry.id)) {
      const failed = call.status === 'failed';
      const end = { status: failed ? 500 : 200, outcome: failed ? 'failed' : null, body: text?.text ?? entry.body } as const;
      tellEntry(tx, run, store.entries.update(entry.id, end));
    }
    const bytes = known.bytes + addedOutput(call, known).length;
    const shown = text ? { digest: text.digest, chars: text.text.length } : known.text;
    return { ...state, calls: { ...state.calls, [call.toolCallId]: { path: known.path, bytes, ...(shown ? { text: shown } : {}) } } };
  }

  /** The log entry of a call, made with what is known if there is none. */
  entryOf(
    tx: JournalTx,
    state: AgentState,
    run: Run,
    project: Project,
    call: CallUpdate,
  ): { entry: Entry; action: AgentAction; now: AgentState } {
    const { store } = this.#parts;
    const known = state.calls[call.toolCallId];
    const found = known && store.entries.get(run.id, known.path);
    const action = actionOfCall(state.agent, call, project, found?.attributes);
    const { attributes } = action;
    if (found) return { entry: isEnd(found.status) ? found : store.entries.update(found.id, { attributes }), action, now: state };
    const entry = this.create(tx, run, state, action);
    return { entry, action, now: { ...state, calls: { ...state.calls, [call.toolCallId]: { path: entry.path, bytes: 0 } } } };
  }

  /** Makes the log entry of an action. */
  create(tx: JournalTx, run: Run, state: AgentState, { tool, slug, attributes }: Pick<AgentAction, 'tool' | 'slug' | 'attributes'>): Entry {
    const turn = state.prompt?.turn ?? run.turn;
    const loopId = state.prompt?.loopId ?? null;
    return addEntry(this.#parts, tx, run, { tool, slug, status: 100, attributes, turn, loopId, writer: 'model' });
  }

  /** Notes the agent's plan, one entry a prompt. */
  plan(tx: JournalTx, state: AgentState, run: Run, steps: readonly PlanStep[]): AgentState {
    if (!this.#states.isActive(state)) return state;
    const { store } = this.#parts;
    const done = steps.filter(({ status }) => status === 'completed').length;
    const summary = `plan: ${done} of ${steps.length} done`;
    const body = steps.map(({ content, status }) => `[${MARKS[status] ?? ' '}] ${content}`).join('\n');
    const known = state.plan === undefined ? undefined : store.entries.get(run.id, state.plan);
    const attributes = { tool: 'plan', agent: state.agent, summary };
    const entry = known ?? this.create(tx, run, state, { tool: 'plan', slug: 'plan', attributes });
    tellEntry(tx, run, store.entries.update(entry.id, { status: 200, body, attributes }));
    return { ...state, plan: entry.path };
  }

  /** Ends what is open of the agent's actions at 499. */
  close(tx: JournalTx, state: AgentState, run: Run, outcome: string, body: string): AgentState {
    const { store, streams } = this.#parts;
    const paths = new Set([...Object.values(state.calls), ...state.permissions].map(({ path }) => path));
    for (const path of paths) {
      const entry = store.entries.get(run.id, path);
      if (!entry || isEnd(entry.status)) continue;
      if (store.producers.get(entry.id)) tx.after(() => void streams.aborted(run.id, path, { reason: outcome, by: state.agent }));
      else tellEntry(tx, run, store.entries.update(entry.id, { status: 499, outcome, body }));
    }
    return { ...state, calls: {}, permissions: [] };
  }
}
