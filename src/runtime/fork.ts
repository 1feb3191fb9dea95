import { HeadgateError } from '../core/errors.ts';
import { freeNumber } from '../core/free-number.ts';
import type { Run } from '../model/records.ts';
import { everyRun, type Sight } from '../model/sight.ts';
import type { JournalTx } from '../stream/index.ts';
import type { RuntimeParts } from './parts.ts';
import { tellRun } from './tell.ts';

type Parts = Pick<RuntimeParts, 'store' | 'journal' | 'hooks'>;

/** Bytes of a run that are copied at most: a command that writes on faster than it can be copied ends there. */
const MAX_BYTES = 256 * 1024 * 1024;
const ALIAS_CHARS = 52;

/**
 * Copies a run with all it holds into a new one, in slices, and returns what `then` returns, which goes on in the transaction that
 * lets others see the copy (SPEC {#run_fork}). The copy is of those runs that the caller `by` may see. Throws conflict while a loop of it is active or queued, too_large, alias_taken,
 * and not_found when it is deleted meanwhile.
 */
export async function forkRun<T>(
  parts: Parts,
  run: Run,
  { by, name }: { by: Sight; name?: string | undefined },
  then: (tx: JournalTx, fork: Run) => T,
): Promise<T> {
  const { store, journal, hooks } = parts;
  if (name !== undefined && store.runs.byAlias(everyRun(run.projectId), name)) {
    throw new HeadgateError('alias_taken', `a run "${name}" exists already in this project; choose another alias`, { alias: name });
  }
  return await store.runs.copy(run.id, { maxBytes: MAX_BYTES, madeWith: by.madeWith }, (reveal) =>
    journal.commit('durable', (tx) => {
      const fork = reveal(name ?? freeAlias(parts, run));
      tellRun(tx, fork);
      tx.after(() => hooks.emit('run.created', { projectId: fork.projectId, run: fork.alias, model: fork.model }));
      return then(tx, fork);
    }),
  );
}

function freeAlias(parts: Parts, run: Run): string {
  const base = `${run.alias.replace(/-fork(?:-\d+)?$/, '').slice(0, ALIAS_CHARS)}-fork`;
  const alias = (number: number) => (number === 1 ? base : `${base}-${number}`);
  return alias(freeNumber((number) => parts.store.runs.byAlias(everyRun(run.projectId), alias(number)) !== undefined));
}
