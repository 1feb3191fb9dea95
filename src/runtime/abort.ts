import type { Run } from '../model/records.ts';
import { RUN_TABLE } from '../model/status.ts';
import type { Actions } from './loop/actions.ts';
import type { Answers } from './loop/answers.ts';
import { isCarriedOut, producerOf, wasShownRunning } from './loop/attributes.ts';
import type { Driver } from './loop/driver.ts';
import { actionsOf } from './loop/limits.ts';
import type { LoopQueue } from './loop/queue.ts';
import type { RuntimeParts } from './parts.ts';

type Parts = Pick<RuntimeParts, 'store' | 'journal' | 'streams'>;

/**
 * Ends a run's loops with 499, the active one and the queued ones: its proposals and recorded actions end with
 * `aborted`, and the producer that its turn waits for is cancelled. What runs in the background goes on
 * (SPEC {#run_abort}).
 */
export function abortRun(
  o: { parts: Parts; queue: LoopQueue; actions: Actions; answers: Answers; driver: Driver },
  run: Run,
  by: string,
): Run {
  const { store, journal, streams } = o.parts;
  const loop = store.loops.active(run.id);
  const turn = store.turns.list(run.id).findLast((one) => one.loopId === loop?.id && one.phase !== 'done');
  const open = turn ? actionsOf(o.parts, turn).filter((entry) => entry.status === 100 || entry.status === 202 || entry.status === 102) : [];
  // Before the loop ends: a crash in between leaves a loop that goes on, never a command that no loop waits for.
  for (const entry of open) {
    if (entry.status === 102 && producerOf(entry) && !wasShownRunning(entry))
      streams.cancel(run.id, entry.path, { by, reason: 'the run was aborted' });
  }
  journal.commit('durable', (tx) => {
    for (const queued of store.loops.list(run.id)) if (queued.status === 100) o.queue.drop(tx, queued, 'aborted');
    for (const { id, status } of open) {
      const entry = store.entries.byId(id);
      if (!entry || (status === 102 && !isCarriedOut(entry))) continue;
      o.actions.close(tx, run, entry, 499, 'aborted', `Not done: ${by} aborted the run.`);
      tx.after(() => o.answers.wake(id));
    }
    if (turn) store.turns.update(turn.id, { phase: 'done' });
    if (loop) o.queue.end(tx, loop, 'abort', 'aborted', null);
    else if (RUN_TABLE[run.status].abort !== null) o.queue.moveRun(tx, run, 'abort', 'aborted');
    tx.after(() => o.driver.interrupt(run.id));
  });
  return o.queue.run(run.id);
}
