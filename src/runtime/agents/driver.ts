import { setTimeout as delay } from 'node:timers/promises';
import { isHeadgateError } from '../../core/errors.ts';
import type { AgentState } from '../../model/agent-state.ts';
import type { Loop, Run, Turn } from '../../model/records.ts';
import type { Answers } from '../loop/answers.ts';
import { resolutionOf } from '../loop/attributes.ts';
import type { LoopDriver } from '../loop/port.ts';
import type { LoopQueue } from '../loop/queue.ts';
import type { RuntimeParts } from '../parts.ts';
import { tellProgress } from '../tell.ts';
import { AgentEffects } from './effects.ts';
import { notify, permit, request, withoutProcess } from './lines.ts';
import { AgentPipe, LINE_BYTES } from './pipe.ts';
import { startAgent } from './process.ts';
import { AgentStates } from './states.ts';

/** How long an agent has to answer `session/cancel` before its tree is killed (milliseconds). */
const CANCEL_MS = 3000;
const NEWS_MS = 60_000;
const NOT_YET_MS = 20;

/** The loop whose agent is waited for, and when it must have a session (milliseconds of the clock that does not jump). */
interface Waiting {
  readonly loop: Loop | undefined;
  readonly openBy: number;
  readonly openMs: number;
}

/**
 * Drives the loops of a run with an agent of others, over the Agent Client Protocol (SPEC {#agent_driver}). The agent's process is a producer
 * of the run; each of its lines is applied in the transaction that stores the offset behind it, and what is sent to it is queued in the one
 * that caused it and written by offset, so that a crash of the server loses no message and repeats no effect (SPEC {#agent_lines}).
 */
export class AgentDriver implements LoopDriver {
  readonly #parts: RuntimeParts;
  readonly #queue: LoopQueue;
  readonly #answers: Answers;
  readonly #states: AgentStates;
  readonly #pipe: AgentPipe;
  readonly #effects: AgentEffects;

  constructor(parts: RuntimeParts, queue: LoopQueue, answers: Answers) {
    this.#parts = parts;
    this.#queue = queue;
    this.#answers = answers;
    this.#states = new AgentStates(parts);
    this.#pipe = new AgentPipe(parts, this.#states);
    this.#effects = new AgentEffects(parts, queue, this.#states);
  }

  async advance(run: Run, loop: Loop, signal: AbortSignal): Promise<void> {
    const name = run.settings.agent ?? '';
    const settings = this.#parts.agents[name];
    const turn = this.#turn(run, loop);
    if (!settings) {
      const body = `There is no agent "${name}" in the configuration of this server any more. headgate agents lists those there are.`;
      return this.#effects.ending.fail(run, 'agent_unknown', body, loop);
    }
    const { clock } = this.#parts;
    const { startMs } = settings;
    let openBy = clock.monotonic() + startMs;
    while (this.#queue.loop(loop.id).status === 102) {
      signal.throwIfAborted();
      const state = this.#states.of(run);
      if (state.prompt && state.prompt.loopId !== loop.id) await this.settle(run, signal);
      else if (this.#states.isOver(run, state) && state.startedFor !== loop.id) {
        try {
          startAgent(this.#parts, this.#states, { run, loop, turn, settings });
        } catch (error) {
          if (!isHeadgateError(error, 'forbidden')) throw error;
          return this.#effects.ending.fail(run, 'agent_start', error.message, loop);
        }
        openBy = clock.monotonic() + startMs;
      } else if (state.open && !state.prompt) this.#prompt(run, loop, turn);
      else await this.#step(run, signal, { loop, openBy, openMs: startMs }, NEWS_MS);
    }
  }

  /** Has an agent end what it does for a loop that is over: asks it, and then kills its tree (SPEC {#agent_cancel}). */
  async settle(run: Run, signal: AbortSignal): Promise<void> {
    const { store, streams, clock } = this.#parts;
    if (!store.agents.get(run.id)?.prompt) return;
    this.#states.change(run, (_, state) => {
      if (state.cancelled || !state.prompt || this.#states.isOver(run, state)) return state;
      const told = state.permissions.reduce((now, permission) => permit(now, permission, 'cancelled'), state);
      return { ...notify(told, 'session/cancel', { sessionId: state.session }), cancelled: true };
    });
    const giveUp = clock.monotonic() + CANCEL_MS;
    const isLate = () => clock.monotonic() >= giveUp;
    const goesOn = (state: AgentState) => state.prompt !== null && !this.#states.isOver(run, state);
    while (goesOn(this.#states.of(run)) && !isLate()) {
      const waiting = { loop: undefined, openBy: Number.POSITIVE_INFINITY, openMs: 0 };
      await this.#step(run, signal, waiting, Math.max(1, giveUp - clock.monotonic()));
    }
    signal.throwIfAborted();
    const state = this.#states.of(run);
    if (state.path !== null && !this.#states.isOver(run, state)) {
      const reason = state.prompt
        ? 'the agent did not end its work when it was asked to'
        : 'what the agent had left running was ended with it';
      streams.cancel(run.id, state.path, { by: 'server', reason });
    }
    this.#states.change(run, (_, now) => withoutProcess(now));
  }

  /** One step: sends, applies what has come, passes decisions on, or waits for news. */
  async #step(run: Run, signal: AbortSignal, { loop, openBy, openMs }: Waiting, waitMs: number): Promise<void> {
    const { store, clock } = this.#parts;
    const { ending } = this.#effects;
    signal.throwIfAborted();
    const isDelivered = await this.#pipe.send(run, signal);
    const state = this.#states.of(run);
    const lines = this.#pipe.lines(run, state);
    if (lines === 'endless') return ending.fail(run, 'agent_garbage', `A line of the agent has over ${LINE_BYTES} bytes.`, loop);
    if (lines.length > 0) await this.#effects.apply(run, this.#states.projectOf(run), lines, signal);
    const untilOpen = this.#states.of(run).open ? Number.POSITIVE_INFINITY : openBy - clock.monotonic();
    if (untilOpen <= 0) return ending.fail(run, 'agent_silent', `The agent has not opened a session within ${openMs} ms.`, loop);
    if (lines.length > 0) return;
    const decided = state.permissions.filter(({ path }) => store.entries.get(run.id, path)?.status !== 202);
    if (decided.length > 0) return this.#answer(run, decided);
    if (this.#states.isOver(run, state)) return ending.died(run, loop);
    if (!isDelivered) return void (await delay(NOT_YET_MS, undefined, { signal }));
    await this.#news(run, state, signal, Math.min(waitMs, untilOpen));
  }

  #answer(run: Run, decided: AgentState['permissions']): void {
    const { store } = this.#parts;
    const answers = decided.map((permission) => {
      const entry = store.entries.get(run.id, permission.path);
      const action = entry && resolutionOf(entry)?.action;
      return { permission, answer: action === 'accept' ? 'allow' : action === undefined ? 'cancelled' : 'reject' } as const;
    });
    this.#states.change(run, (_, state) => answers.reduce((now, { permission, answer }) => permit(now, permission, answer), state));
  }

  /** Waits for a line, for the agent's end or for the answer to what it asks. */
  async #news(run: Run, state: AgentState, signal: AbortSignal, timeoutMs: number): Promise<void> {
    const { store, streams } = this.#parts;
    const idOf = (path: string | null) => (path === null ? undefined : store.entries.get(run.id, path)?.id);
    const agent = idOf(state.path);
    if (agent === undefined) return;
    const over = new AbortController();
    const both = AbortSignal.any([signal, over.signal]);
    const waits: Promise<unknown>[] = [streams.waitFor(agent, { timeoutMs, signal: both, or: ['output'] })];
    for (const { path } of state.permissions) {
      const entry = idOf(path);
      if (entry !== undefined) waits.push(this.#answers.given(entry, both));
    }
    try {
      await Promise.race(waits);
    } finally {
      over.abort(new Error('another wait had news first'));
      await Promise.allSettled(waits);
    }
  }

  /** The last turn of a loop. */
  #turn(run: Run, loop: Loop): Turn {
    const { store, journal } = this.#parts;
    const find = () => store.turns.list(run.id).findLast((turn) => turn.loopId === loop.id);
    const known = find();
    if (known) return known;
    journal.commit('durable', (tx) => {
      const sequence = store.runs.nextTurn(run.id);
      store.turns.create({ runId: run.id, loopId: loop.id, sequence });
      tellProgress(tx, run, sequence, 'asking');
    });
    return find() as Turn;
  }

  #prompt(run: Run, loop: Loop, turn: Turn): void {
    this.#states.change(
      run,
      (_, state) => ({
        ...request(state, 'prompt', 'session/prompt', { sessionId: state.session, prompt: [{ type: 'text', text: loop.prompt }] }),
        prompt: { loopId: loop.id, turnId: turn.id, turn: turn.sequence },
        calls: {},
        spoken: false,
        plan: undefined,
        text: '',
        thought: '',
      }),
      'durable',
    );
  }
}
