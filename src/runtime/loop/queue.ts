import { defined } from '../../core/defined.ts';
import { HeadgateError } from '../../core/errors.ts';
import type { Loop, LoopMode, Run, RunSettings } from '../../model/records.ts';
import { LOOP_TABLE, type LoopEvent, RUN_TABLE, type RunEvent } from '../../model/status.ts';
import type { JournalTx } from '../../stream/index.ts';
import type { RuntimeParts } from '../parts.ts';
import { tellEntry, tellRun } from '../tell.ts';
import { Waiters } from '../waiters.ts';

type Parts = Pick<RuntimeParts, 'store' | 'hooks'>;

/**
 * The prompt queue of every run: FIFO, one loop active a run. The next loop starts in the transaction that ends the one
 * before it, so a queued loop always has an active one ahead of it, also after a crash (SPEC {#loop_queue}).
 */
export class LoopQueue {
  readonly #parts: Parts;
  readonly #started: (runId: number) => void;
  readonly #over: (tx: JournalTx, runId: number) => void;
  readonly #ends = new Waiters();

  /** `started` is called after the commit that made a loop active, `over` within the one that ended a loop. */
  constructor(parts: Parts, started: (runId: number) => void, over: (tx: JournalTx, runId: number) => void) {
    this.#parts = parts;
    this.#over = over;
    this.#started = started;
  }

  /** Queues a prompt, of a client unless said otherwise, and starts it when nothing is ahead of it. */
  enqueue(
    tx: JournalTx,
    run: Run,
    prompt: { mode: LoopMode; prompt: string; model: string; config: RunSettings },
    { writer = 'client', traceparent }: { writer?: 'client' | 'server'; traceparent?: string | undefined } = {},
  ): Loop {
    const { store } = this.#parts;
    const loop = store.loops.enqueue({ runId: run.id, ...prompt });
    const entry = store.entries.create({
      runId: run.id,
      path: `prompt://loop_${loop.sequence}/user`,
      category: 'prompt',
      status: 200,
      body: prompt.prompt,
      turn: run.turn,
      loopId: loop.id,
      writer,
      attributes: { ...(writer === 'server' ? { by: writer } : {}), ...defined({ traceparent }) },
    });
    tellEntry(tx, run, entry);
    if (!store.loops.active(run.id)) this.#startNext(tx, run.id);
    return this.loop(loop.id);
  }

  /** Ends the active loop and starts the next one. `event` says how; the run follows. */
  end(tx: JournalTx, loop: Loop, event: 'finish' | 'fail' | 'abort', outcome: string | null, result: string | null): void {
    this.#endLoop(tx, loop, event, outcome, result);
    this.moveRun(tx, this.run(loop.runId), event, outcome, this.loop(loop.id));
    this.#startNext(tx, loop.runId);
    this.#over(tx, loop.runId);
  }

  /** Ends a loop that has not begun. */
  drop(tx: JournalTx, loop: Loop, outcome: string): void {
    this.#endLoop(tx, loop, 'abort', outcome, null);
    const ended = this.loop(loop.id);
    // The notification is of the loop's end: the run itself may go on with the loop ahead of it.
    tellRun(tx, { ...this.run(loop.runId), status: ended.status, outcome }, ended);
  }

  /** Changes a run's status along its table and tells of it. Throws `illegal_transition`. */
  moveRun(tx: JournalTx, run: Run, event: RunEvent, outcome: string | null, loop?: Loop): Run {
    const status = RUN_TABLE[run.status][event];
    if (status === null) {
      throw new HeadgateError('illegal_transition', `run ${run.alias} is at ${run.status}; it cannot ${event} now`, {
        run: run.alias,
        status: run.status,
      });
    }
    this.#parts.store.runs.setStatus(run.id, status, outcome);
    const moved = this.run(run.id);
    tellRun(tx, moved, loop);
    return moved;
  }

  /** Resolves once the loop has ended; rejects with the signal's reason. */
  async ended(loopId: number, signal: AbortSignal): Promise<Loop> {
    for (;;) {
      const loop = this.loop(loopId);
      if (loop.status !== 100 && loop.status !== 102) return loop;
      await this.#ends.wait(loopId, signal);
    }
  }

  loop(id: number): Loop {
    const loop = this.#parts.store.loops.byId(id);
    if (!loop) throw new HeadgateError('not_found', 'the run of this loop has been deleted', { loop: id });
    return loop;
  }

  run(id: number): Run {
    const run = this.#parts.store.runs.byId(id);
    if (!run) throw new HeadgateError('not_found', 'the run has been deleted', { run: id });
    return run;
  }

  #startNext(tx: JournalTx, runId: number): void {
    const { store, hooks } = this.#parts;
    const next = store.loops.nextQueued(runId);
    if (!next) return;
    store.loops.setStatus(next.id, this.#next(next, 'start'), null, null);
    const run = this.moveRun(tx, this.run(runId), 'start', null, this.loop(next.id));
    tx.after(() => {
      const { alias, projectId } = run;
      hooks.emit('loop.started', { projectId, run: alias, loop: next.sequence, mode: next.mode, prompt: next.prompt });
      this.#started(runId);
    });
  }

  #endLoop(tx: JournalTx, loop: Loop, event: 'finish' | 'fail' | 'abort', outcome: string | null, result: string | null): void {
    const { store, hooks } = this.#parts;
    const status = this.#next(loop, event);
    store.loops.setStatus(loop.id, status, outcome, result);
    const { alias, projectId } = this.run(loop.runId);
    tx.after(() => {
      this.#ends.wake(loop.id);
      hooks.emit('loop.ended', { projectId, run: alias, loop: loop.sequence, mode: loop.mode, status, outcome, result });
    });
  }

  #next(loop: Loop, event: LoopEvent): Loop['status'] {
    const status = LOOP_TABLE[loop.status][event];
    if (status !== null) return status;
    throw new HeadgateError('illegal_transition', `loop ${loop.sequence} is at ${loop.status}; it cannot ${event} now`, {
      status: loop.status,
    });
  }
}
