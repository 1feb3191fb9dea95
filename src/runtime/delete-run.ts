import type { Store } from '../model/ports/store.ts';
import type { Run } from '../model/records.ts';
import type { Journal } from '../stream/index.ts';
import { tellDeleted } from './tell.ts';

/** Deletes a run at rest and tells of it, in one durable transaction (SPEC {#run_delete}). */
export function deleteRun({ store, journal }: { store: Store; journal: Journal }, run: Run): void {
  journal.commit('durable', (tx) => {
    store.runs.remove(run.id);
    // Afterwards: the event is of no run that exists, and outlives this one.
    tellDeleted(tx, run);
  });
}
