import type { NewEntry } from '../../model/ports/store.ts';
import type { Entry, Run } from '../../model/records.ts';
import type { JournalTx } from '../../stream/index.ts';
import { freePath } from '../loop/ask.ts';
import type { RuntimeParts } from '../parts.ts';
import { tellEntry } from '../tell.ts';

/** Makes the log entry of what an agent does or says in a turn, at a path that is free, and tells it; within the caller's transaction. */
export function addEntry(
  parts: RuntimeParts,
  tx: JournalTx,
  run: Run,
  { tool, slug, ...entry }: Pick<NewEntry, 'status' | 'turn' | 'loopId' | 'writer'> & Partial<NewEntry> & { tool: string; slug: string },
): Entry {
  const path = freePath(parts, run.id, entry.turn, tool, slug);
  const added = parts.store.entries.create({ ...entry, runId: run.id, path, category: 'logging' });
  tellEntry(tx, run, added);
  return added;
}
