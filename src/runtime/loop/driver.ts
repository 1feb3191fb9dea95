import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { isHeadgateError, messageOf } from '../../core/errors.ts';
import type { Loop, Run } from '../../model/records.ts';
import type { JournalTx } from '../../stream/index.ts';
import type { RuntimeParts } from '../parts.ts';
import { tellEntry } from '../tell.ts';
import { actionsOf } from './limits.ts';
import { loopNote } from './note.ts';
import type { LoopDriver } from './port.ts';
import type { LoopQueue } from './queue.ts';

type Parts = Pick<RuntimeParts, 'store' | 'journal' | 'logger'>;

/** Pause before a loop is tried again whose changes the store could not take, for example on a full disk. */
const RETRY_MS = 1000;
/** How long a step has to end after it was aborted; a plugin's code may not heed it (milliseconds). */
const LET_GO_MS = 1000;

/** Why a loop stopped being driven without having ended: the server stops, and takes it up again when it starts. */
class Stopped extends Error {}

/**
 * Drives the active loop of every run, one turn after another. What to do next is read from the store each time, so a
 * loop goes on after a restart from wherever it was (SPEC {#loop_restart}).
 */
export class Driver {
  readonly #parts: Parts;
  readonly #queue: LoopQueue;
  readonly #driverOf: (run: Run) => LoopDriver;
  readonly #driven = new Map<number, { controller: AbortController; done: Promise<void> }>();
  #closing = false;

  constructor(o: { parts: Parts; queue: LoopQueue; driverOf: (run: Run) => LoopDriver }) {
    this.#parts = o.parts;
    this.#queue = o.queue;
    this.#driverOf = o.driverOf;
  }

  /** Sees to it that the active loop of a run is driven. */
  kick(runId: number): void {
    if (this.#closing || this.#driven.has(runId)) return;
    const driven = { controller: new AbortController(), done: Promise.resolve() };
    this.#driven.set(runId, driven);
    driven.done = this.#drive(runId, driven)
      .finally(() => {
        this.#driven.delete(runId);
        // A loop may have started between the last look at the store and here.
        if (!this.#closing && this.#parts.store.loops.active(runId)) this.kick(runId);
      })
      .catch((error: unknown) => {
        this.#parts.logger.error(
          { run: runId, error: messageOf(error) },
          'the loops of a run cannot be read; they go on with the next start',
        );
      });
  }

  /** Interrupts what is done for a run's active loop, whose end is stored already: requests are cancelled, and what they return is dropped. */
  interrupt(runId: number): void {
    this.#driven.get(runId)?.controller.abort(new Stopped('the loop was aborted'));
  }

  /** Stops driving without ending any loop. */
  async close(): Promise<void> {
    this.#closing = true;
    const all = [...this.#driven.values()];
    for (const { controller } of all) controller.abort(new Stopped('the server stops'));
    await Promise.all(all.map(({ done }) => done));
  }

  async #drive(runId: number, driven: { controller: AbortController }): Promise<void> {
    const { store, logger } = this.#parts;
    for (let loop = store.loops.active(runId); loop && !this.#closing; loop = store.loops.active(runId)) {
      driven.controller = new AbortController();
      const { signal } = driven.controller;
      try {
        while (store.loops.byId(loop.id)?.status === 102) await this.#unlessStuck(this.#advance(loop, signal), loop, signal);
      } catch (error) {
        if (signal.aborted) continue;
        const stored = !isHeadgateError(error, 'overloaded') && this.#crash(loop, error);
        if (stored) continue;
        logger.warn({ run: runId, loop: loop.sequence, error: messageOf(error) }, 'the store takes no changes; the loop is tried again');
        await delay(RETRY_MS, undefined, { signal }).catch(() => {});
      }
    }
    await this.#settle(runId, driven);
  }

  /** Waits for a step; one that goes on after an abort is let go of: what it still does is not stored (SPEC {#run_abort}). */
  async #unlessStuck(step: Promise<void>, loop: Loop, signal: AbortSignal): Promise<void> {
    const over = new AbortController();
    const stuck = async () => {
      await once(signal, 'abort', { signal: over.signal });
      await delay(LET_GO_MS, undefined, { signal: over.signal });
      this.#parts.logger.warn({ run: loop.runId, loop: loop.sequence }, 'a step of a loop does not heed its abort; it is let go of');
      throw signal.reason;
    };
    try {
      await Promise.race([step, stuck()]);
    } finally {
      over.abort();
    }
  }

  async #advance(loop: Loop, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const run = this.#queue.run(loop.runId);
    await this.#driverOf(run).advance(run, loop, signal);
  }

  /** Has the driver end what the last loop has left at work. */
  async #settle(runId: number, driven: { controller: AbortController }): Promise<void> {
    const { store, logger } = this.#parts;
    const run = store.runs.byId(runId);
    if (!run || this.#closing) return;
    driven.controller = new AbortController();
    const { signal } = driven.controller;
    try {
      await this.#driverOf(run).settle?.(run, signal);
    } catch (error) {
      if (!signal.aborted) logger.error({ run: runId, error: messageOf(error) }, 'what a loop left at work could not be ended');
    }
  }

  /** A fault of the server's own: the loop ends at 500 rather than being tried for ever. False when that cannot be stored. */
  #crash(loop: Loop, error: unknown): boolean {
    const { journal, logger } = this.#parts;
    logger.error({ loop: loop.id, error: messageOf(error), stack: error instanceof Error ? error.stack : undefined }, 'a loop failed');
    try {
      journal.commit('durable', (tx) => {
        const run = this.#queue.run(loop.runId);
        if (run.status === 202) this.#queue.moveRun(tx, run, 'resume', null);
        this.#dropActions(tx, run, loop);
        tellEntry(
          tx,
          run,
          loopNote(
            this.#parts,
            loop,
            run.turn,
            'fault',
            500,
            'internal',
            'The server failed in this loop; its log has the cause. The run can be asked again.',
          ),
        );
        this.#queue.end(tx, this.#queue.loop(loop.id), 'fail', 'internal', null);
      });
      return true;
    } catch (failure) {
      logger.error({ loop: loop.id, error: messageOf(failure) }, 'a failed loop could not be ended');
      return false;
    }
  }

  /** What a failed loop had recorded or proposed is not done any more, and its proposals are closed. */
  #dropActions(tx: JournalTx, run: Run, loop: Loop): void {
    const { store } = this.#parts;
    const turn = store.turns.list(run.id).findLast(({ loopId, phase }) => loopId === loop.id && phase !== 'done');
    if (!turn) return;
    const body = 'Not done: the server failed in this loop.';
    for (const { id, status } of actionsOf(this.#parts, turn))
      if (status === 100 || status === 202) tellEntry(tx, run, store.entries.update(id, { status: 500, outcome: 'internal', body }));
    store.turns.update(turn.id, { phase: 'done' });
  }
}
