import type { AgentState } from '../../model/agent-state.ts';
import type { Project, Run } from '../../model/records.ts';
import type { JournalTx } from '../../stream/index.ts';
import type { LoopQueue } from '../loop/queue.ts';
import type { RuntimeParts } from '../parts.ts';
import { AgentCalls } from './calls.ts';
import { AgentEnding } from './ending.ts';
import { refuse, request } from './lines.ts';
import { type AgentMessage, readMessage } from './messages.ts';
import { AgentPermissions } from './permission.ts';
import type { AgentLine } from './pipe.ts';
import type { AgentStates, Effect } from './states.ts';
import { AgentWords } from './words.ts';

/** Code of ACP for an agent that needs a login. */
const LOGIN = -32000;

type Simple = Exclude<AgentMessage, { kind: 'call' | 'permission' | 'garbage' }>;

/** What the lines of an agent do to its run (SPEC {#agent_lines}). */
export class AgentEffects {
  readonly #parts: RuntimeParts;
  readonly #words: AgentWords;
  readonly #calls: AgentCalls;
  readonly #permissions: AgentPermissions;
  readonly ending: AgentEnding;

  constructor(parts: RuntimeParts, queue: LoopQueue, states: AgentStates) {
    this.#parts = parts;
    this.#words = new AgentWords(parts, states);
    this.#calls = new AgentCalls(parts, states, this.#words);
    const shared = { parts, queue, states, words: this.#words, calls: this.#calls };
    this.#permissions = new AgentPermissions(shared);
    this.ending = new AgentEnding(shared);
  }

  /** Applies lines, each once: what a transaction cannot hold, output and its end, can be repeated, and comes before the offset behind it. */
  async apply(run: Run, project: Project, lines: readonly AgentLine[], signal: AbortSignal): Promise<void> {
    const { store, journal, logger } = this.#parts;
    let effects: Effect[] = [];
    let end = store.agents.get(run.id)?.applied ?? 0;
    const flush = (durability: 'durable' | 'fast' = 'fast') => {
      journal.commit(durability, (tx) => {
        let state = store.agents.get(run.id);
        if (!state) throw new Error('an agent without a state');
        for (const effect of effects) state = effect(tx, state);
        store.agents.set(run.id, { ...state, applied: end });
      });
      effects = [];
    };
    for (const line of lines) {
      signal.throwIfAborted();
      const message = readMessage(line.text);
      if (message.kind === 'call') {
        effects.push((tx, state) => this.#calls.note(tx, state, run, project, message.call));
        flush();
        await this.#calls.store(run, message.call);
        effects.push((tx, state) => this.#calls.stored(tx, state, run, message.call));
      } else if (message.kind === 'permission') {
        flush();
        effects.push(await this.#permissions.judge(run, project, message.id, message.request));
      } else if (message.kind === 'garbage') {
        logger.warn({ run: run.alias, bytes: line.text.length }, 'an agent sent a line that is no message; it is left out');
      } else {
        effects.push((tx, state) => this.#simple(tx, state, run, project, message));
      }
      end = line.end;
      if (message.kind === 'permission' || message.kind === 'result' || message.kind === 'failed') flush('durable');
    }
    flush();
  }

  #simple(tx: JournalTx, state: AgentState, run: Run, project: Project, message: Simple): AgentState {
    switch (message.kind) {
      case 'said':
        return this.#words.take(tx, state, run, message.what, message.text);
      case 'plan':
        return this.#calls.plan(tx, state, run, message.steps);
      case 'facts':
        return { ...state, facts: { ...state.facts, ...message.facts } };
      case 'request':
        return refuse(state, message.id, message.method);
      case 'nothing':
        return state;
      default: {
        const { [message.id]: what, ...asked } = state.asked;
        if (what === undefined) return state;
        const now = { ...state, asked };
        if (message.kind === 'result') return this.#result(tx, now, run, project, what, message.result);
        return this.#refused(tx, now, run, project, what, message.error);
      }
    }
  }

  #result(
    tx: JournalTx,
    state: AgentState,
    run: Run,
    { root }: Project,
    what: string,
    result: Readonly<Record<string, unknown>>,
  ): AgentState {
    if (what === 'prompt') return this.ending.stopped(tx, state, run, result);
    if (what === 'open') {
      const session = result['sessionId'];
      return { ...state, open: true, session: typeof session === 'string' ? session : state.session };
    }
    const version = result['protocolVersion'];
    if (version !== 1) {
      const body = `The agent speaks version ${String(version)} of the Agent Client Protocol; Headgate speaks 1.`;
      tx.after(() => this.ending.fail(run, 'agent_version', body, undefined));
      return state;
    }
    const can = result['agentCapabilities'];
    return open({ ...state, loads: typeof can === 'object' && can !== null && 'loadSession' in can && can.loadSession === true }, root);
  }

  #refused(
    tx: JournalTx,
    state: AgentState,
    run: Run,
    { root }: Project,
    what: string,
    error: { code: number; message: string },
  ): AgentState {
    const isLogin = error.code === LOGIN;
    // A session that the agent does not have any more: another one.
    if (what === 'open' && state.session !== null && !isLogin) return open({ ...state, session: null }, root);
    const outcome = isLogin ? 'agent_login' : what === 'prompt' ? 'agent_error' : 'agent_start';
    const how = isLogin ? ' Log in with its own command, or name the variable with its key in envFrom of the configuration.' : '';
    tx.after(() => this.ending.fail(run, outcome, `The agent refused: ${error.message}.${how}`, undefined));
    return state;
  }
}

/** Queues the request that opens a session, or takes up the one of before. */
function open(state: AgentState, cwd: string): AgentState {
  const { session, loads } = state;
  if (session !== null && loads) return request(state, 'open', 'session/load', { sessionId: session, cwd, mcpServers: [] });
  return request({ ...state, session: null }, 'open', 'session/new', { cwd, mcpServers: [] });
}
