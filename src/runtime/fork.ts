import { HeadgateError } from '../core/errors.ts';
import type { Run } from '../model/records.ts';
import type { JournalTx } from '../stream/index.ts';
import type { RuntimeParts } from './parts.ts';
import { tellRun } from './tell.ts';

/** Bytes of a run that are copied at most: it is done in one step, in which nothing else is. */
const MAX_BYTES = 256 * 1024 * 1024;
const ALIAS_CHARS = 52;

/**
 * Copies a run with all it holds into a new one within the open transaction (SPEC {#run_fork}). Throws conflict while a loop of it
 * is active or queued, too_large, alias_taken.
 */
export function forkRun(parts: RuntimeParts, tx: JournalTx, run: Run, name: string | undefined): Run {
  const { store, hooks } = parts;
  if (store.loops.list(run.id).some(({ status }) => status === 100 || status === 102)) {
    throw new HeadgateError(
      'conflict',
      `run ${run.alias} is at work, and a copy of half a turn could not go on; wait for its end, or end it with run/abort`,
      { run: run.alias, status: run.status },
    );
  }
  const bytes = store.entries.list({ runId: run.id }).reduce((sum, entry) => sum + entry.bytes, 0);
  if (bytes > MAX_BYTES) {
    throw new HeadgateError(
      'too_large',
      `run ${run.alias} holds ${bytes} bytes, and at most ${MAX_BYTES} are copied; start a new run and tell it what it needs to know`,
      { run: run.alias, bytes, limit: MAX_BYTES },
    );
  }
  const fork = store.runs.copy(run.id, name ?? freeAlias(parts, run));
  tellRun(tx, fork);
  tx.after(() => hooks.emit('run.created', { projectId: fork.projectId, run: fork.alias, model: fork.model }));
  return fork;
}

function freeAlias(parts: RuntimeParts, run: Run): string {
  const base = `${run.alias.replace(/-fork(?:-\d+)?$/, '').slice(0, ALIAS_CHARS)}-fork`;
  for (let number = 1; ; number++) {
    const alias = number === 1 ? base : `${base}-${number}`;
    if (!parts.store.runs.byAlias(run.projectId, alias)) return alias;
  }
}
