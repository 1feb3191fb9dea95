import type { Loop, Project, Run, Turn } from '../../model/records.ts';
import type { RuntimeParts } from '../parts.ts';
import { tellEntry, tellProgress } from '../tell.ts';
import type { Asker } from './ask.ts';
import { hasFailed } from './attributes.ts';
import type { TurnPlace } from './context.ts';
import type { Dispatcher } from './dispatch.ts';
import { actionsOf, limitHit } from './limits.ts';
import { loopNote } from './note.ts';
import type { LoopDriver } from './port.ts';
import type { LoopQueue } from './queue.ts';

type Parts = Pick<RuntimeParts, 'store' | 'journal' | 'hooks' | 'limits'>;

/** The built-in loop: asks the run's model, does what the model calls for, and asks again (SPEC {#actions}). */
export class BuiltInLoop implements LoopDriver {
  readonly #parts: Parts;
  readonly #queue: LoopQueue;
  readonly #asker: Asker;
  readonly #dispatcher: Dispatcher;

  constructor(o: { parts: Parts; queue: LoopQueue; asker: Asker; dispatcher: Dispatcher }) {
    this.#parts = o.parts;
    this.#queue = o.queue;
    this.#asker = o.asker;
    this.#dispatcher = o.dispatcher;
  }

  /** One step: begin a turn, ask, dispatch, or end the loop. */
  async advance(run: Run, loop: Loop, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { store, hooks } = this.#parts;
    const turns = store.turns.list(run.id).filter((turn) => turn.loopId === loop.id);
    const last = turns.at(-1);
    if (!last || last.phase === 'done') {
      if (!last || !this.#finish(run, loop, turns, last)) this.#begin(run, loop);
      return;
    }
    const place: TurnPlace = { project: this.#project(run), run, loop, turn: last, settings: { ...run.settings, ...loop.config } };
    if (last.phase === 'asking') await this.#asker.ask(place, turns.length - 1, signal);
    else {
      await this.#dispatcher.dispatch(place, signal);
      const { projectId, alias } = run;
      hooks.emit('turn.ended', { projectId, run: alias, loop: loop.sequence, mode: loop.mode, turn: last.sequence, text: last.text });
    }
  }

  #begin(run: Run, loop: Loop): void {
    const { store, journal, hooks } = this.#parts;
    const sequence = journal.commit('durable', (tx) => {
      const number = store.runs.nextTurn(run.id);
      store.turns.create({ runId: run.id, loopId: loop.id, sequence: number });
      tellProgress(tx, run, number, 'asking');
      return number;
    });
    hooks.emit('turn.started', { projectId: run.projectId, run: run.alias, loop: loop.sequence, mode: loop.mode, turn: sequence });
  }

  /** Ends the loop after its last turn when it is over; true when it did. */
  #finish(run: Run, loop: Loop, turns: readonly Turn[], last: Turn): boolean {
    const { journal, limits } = this.#parts;
    const actions = actionsOf(this.#parts, last);
    const claim = actions.find((entry) => entry.attributes['ends'] === true && entry.status === 200);
    if (actions.length === 0 || (claim && !actions.some(hasFailed))) {
      const result = claim ? claim.body : last.text;
      journal.commit('durable', (tx) => this.#queue.end(tx, loop, 'finish', null, result));
      return true;
    }
    const hit = limitHit(this.#parts, turns, limits);
    if (!hit) return false;
    journal.commit('durable', (tx) => {
      tellEntry(tx, run, loopNote(this.#parts, loop, last.sequence, 'limit', 499, hit.outcome, hit.text));
      this.#queue.end(tx, loop, 'abort', hit.outcome, null);
    });
    return true;
  }

  #project(run: Run): Project {
    const project = this.#parts.store.projects.byId(run.projectId);
    if (!project) throw new Error(`the project of run ${run.alias} is gone`);
    return project;
  }
}
