import { defined } from '../core/defined.ts';
import { HeadgateError } from '../core/errors.ts';
import type { EntryWrite } from '../hooks/plugin.ts';
import { logPath, parseChannelPath, parseLogPath, requireScheme } from '../model/paths.ts';
import type { Store } from '../model/ports/store.ts';
import type { Category, Entry, Run, Visibility } from '../model/records.ts';
import type { JournalTx } from '../stream/index.ts';
import { isChannel } from './readers.ts';
import { tellEntry } from './tell.ts';

/** Bytes of one entry's body at most. */
export const MAX_BODY_BYTES = 4 * 1024 * 1024;
const CATEGORY: Readonly<Record<string, Category>> = { known: 'knowledge', unknown: 'knowledge', file: 'file' };

/**
 * Throws `forbidden` for paths that are the server's own: log entries, prompts, and everything that has or could have
 * the form of a channel (SPEC {#entries}).
 */
export function checkWritable(path: string): void {
  if (path.startsWith('file://'))
    throw new HeadgateError('forbidden', `${path} is a file of the project, no entry; a tool proposes its change with files.plan`, {
      path,
    });
  const scheme = requireScheme(path);
  const own = scheme === 'log' ? 'a log entry' : scheme === 'prompt' ? 'a prompt' : parseChannelPath(path) ? 'a channel' : undefined;
  if (own) {
    const channel = parseChannelPath(path);
    const hides = channel ? `; its visibility is that of ${logPath(channel)}` : '';
    throw new HeadgateError(
      'forbidden',
      `${path} is ${own}, which only the server writes; use another scheme, for example known://notes${hides}`,
      { path },
    );
  }
}

/** The category of what is written under a path. */
export function categoryOf(path: string): Category {
  return CATEGORY[requireScheme(path)] ?? 'data';
}

/** Writes an entry, or parts of it when it is there; told after the commit. Throws forbidden, invalid_params, too_large. */
export function writeEntry(
  store: Store,
  tx: JournalTx,
  run: Run,
  write: EntryWrite,
  by: { turn: number; loopId: number | null; writer: string },
): Entry {
  if (onlyHides(write)) return hide(store, tx, run, write.path, write.visibility ?? 'visible');
  checkWritable(write.path);
  const known = store.entries.get(run.id, write.path);
  if (known && isChannel(known))
    throw new HeadgateError('forbidden', `${write.path} is a channel, which only the server writes`, { path: write.path });
  if (known && write.create)
    throw new HeadgateError('conflict', `${write.path} is there already; remove it first, or take another path`, { path: write.path });
  const body = write.append && known ? known.body + (write.body ?? '') : write.body;
  if (body !== undefined) checkSize(write.path, Buffer.byteLength(body));
  const change = defined({ body, attributes: write.attributes, visibility: write.visibility });
  const entry = known
    ? store.entries.update(known.id, { ...change, writer: by.writer })
    : store.entries.create({ runId: run.id, path: write.path, category: categoryOf(write.path), status: 200, ...change, ...by });
  tellEntry(tx, run, entry);
  return entry;
}

/** True for a change of visibility alone, which log entries allow as well (SPEC {#reclaim}). */
export function onlyHides(write: EntryWrite): boolean {
  return (
    write.visibility !== undefined && write.body === undefined && write.attributes === undefined && parseLogPath(write.path) !== undefined
  );
}

function hide(store: Store, tx: JournalTx, run: Run, path: string, visibility: Visibility): Entry {
  const known = store.entries.get(run.id, path);
  if (!known) throw new HeadgateError('not_found', `no entry ${path} in run ${run.alias}; getEntries lists what there is`, { path });
  const entry = store.entries.update(known.id, { visibility });
  tellEntry(tx, run, entry);
  return entry;
}

/** Removes an entry; told after the commit. Throws forbidden, not_found. */
export function removeEntry(store: Store, tx: JournalTx, run: Run, path: string): void {
  const entry = requireRemovable(store, run, path);
  store.entries.remove(entry.id);
  tellEntry(tx, run, entry, true);
}

/** The entry, when it may be removed. Throws forbidden, not_found. */
export function requireRemovable(store: Store, run: Run, path: string): Entry {
  checkWritable(path);
  const entry = store.entries.get(run.id, path);
  if (entry) return entry;
  throw new HeadgateError('not_found', `no entry ${path} in run ${run.alias}; getEntries lists what there is`, { run: run.alias, path });
}

/** Throws `too_large` over the limit of a body. */
export function checkSize(path: string, bytes: number): void {
  if (bytes > MAX_BODY_BYTES) {
    throw new HeadgateError('too_large', `${path} would have ${bytes} bytes; ${MAX_BODY_BYTES} are allowed, write it in parts`, {
      path,
      limit: MAX_BODY_BYTES,
    });
  }
}
