import { isEnd } from '../core/end-status.ts';
import type { Store } from '../model/ports/store.ts';
import type { EventRecord } from '../model/records.ts';
import type { ClosedFact, StreamSelector } from './types.ts';

/** True for an event after which a subscription may have nothing more to wait for: a run or an entry is over. */
export function mayEndReaders({ type, payload }: EventRecord): boolean {
  return (type === 'run/state' && payload['deleted'] === true) || (type === 'entry/changed' && payload['status'] !== 102);
}

/**
 * Why a subscription with this selector, opened as `alias`, can deliver nothing more; undefined while it can, and for
 * one whose producer has ended, which says so itself (SPEC {#stream_closed}).
 */
export function deadEnd(
  store: Pick<Store, 'runs' | 'entries' | 'producers'>,
  selector: StreamSelector,
  alias: string,
): ClosedFact | undefined {
  const { runId, path } = selector;
  const named = path === undefined ? {} : { path };
  const run = store.runs.byId(runId);
  if (!run) return { run: alias, ...named, reason: 'run_deleted' };
  if (path === undefined) return undefined;
  const entry = store.entries.get(runId, path);
  if (!entry || !isEnd(entry.status) || store.producers.get(entry.id)) return undefined;
  return { run: run.alias, path, reason: 'never_started', status: entry.status, outcome: entry.outcome };
}
