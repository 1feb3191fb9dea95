import type { Entry, Loop } from '../../model/records.ts';
import type { RuntimeParts } from '../parts.ts';

/** The log entry that says how a loop came to its end; within the caller's transaction. */
export function loopNote(
  { store }: Pick<RuntimeParts, 'store'>,
  loop: Loop,
  turn: number,
  slug: string,
  status: 499 | 500,
  outcome: string,
  body: string,
): Entry {
  const path = `log://turn_${turn}/loop/${slug}-${loop.sequence}`;
  const { id: loopId, runId } = loop;
  return store.entries.create({ runId, path, category: 'logging', status, outcome, body, turn, loopId, writer: 'server' });
}
