import { HeadgateError } from '../core/errors.ts';
import type { ProjectFiles } from '../files/index.ts';
import type { Entry, Run } from '../model/records.ts';
import { removeEntry, requireRemovable, writeEntry } from './entry-writes.ts';
import type { RuntimeParts } from './parts.ts';

type Parts = Pick<RuntimeParts, 'store' | 'journal'>;

/** A move or a copy between a file and an entry, for a client: the text goes over (SPEC {#files}). */
export interface Transfer {
  readonly op: 'move' | 'copy';
  readonly path: string;
  readonly to: string;
}

/**
 * A file's text becomes an entry, which is stored before the file goes: a crash in between leaves both. Throws `not_found`,
 * `conflict` for a path that is taken, `unsupported` for a file that is not text, `too_large`, `forbidden`.
 */
export function fileToEntry({ store, journal }: Parts, files: ProjectFiles, run: Run, by: string, { op, path, to }: Transfer): Entry {
  const text = files.text(path);
  // Of a file that is not there the plan says so.
  const gone = op === 'move' || text === undefined ? files.plan({ op: 'remove', path }) : undefined;
  const write = { path: to, body: text ?? '', attributes: op === 'copy' ? { copied_from: path } : {}, create: true };
  const entry = journal.commit('durable', (tx) => writeEntry(store, tx, run, write, { turn: run.turn, loopId: null, writer: by }));
  if (gone) files.apply(gone);
  return entry;
}

/** An entry's text becomes a file, which is written before the entry goes. Throws as `fileToEntry`. */
export function entryToFile({ store, journal }: Parts, files: ProjectFiles, run: Run, text: string, { op, path, to }: Transfer): void {
  if (op === 'move') requireRemovable(store, run, path);
  if (files.kindOf(to) !== 'none')
    throw new HeadgateError('conflict', `${to} is there already; remove it first, or take another path`, { path: to });
  files.apply(files.plan({ op: 'write', path: to, text }));
  if (op === 'move') journal.commit('durable', (tx) => removeEntry(store, tx, run, path));
}
