import { HeadgateError } from '../core/errors.ts';
import type { EntryWrite } from '../hooks/plugin.ts';
import { parseChannelPath, requireScheme } from '../model/paths.ts';
import type { Store } from '../model/ports/store.ts';
import type { Category, Entry, Run } from '../model/records.ts';
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
  const scheme = requireScheme(path);
  const own = scheme === 'log' ? 'a log entry' : scheme === 'prompt' ? 'a prompt' : parseChannelPath(path) ? 'a channel' : undefined;
  if (own) {
    throw new HeadgateError('forbidden', `${path} is ${own}, which only the server writes; use another scheme, for example known://notes`, {
      path,
    });
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
  checkWritable(write.path);
  if (write.body !== undefined) checkSize(write.path, Buffer.byteLength(write.body));
  const known = store.entries.get(run.id, write.path);
  if (known && isChannel(known))
    throw new HeadgateError('forbidden', `${write.path} is a channel, which only the server writes`, { path: write.path });
  const change = {
    ...(write.body === undefined ? {} : { body: write.body }),
    ...(write.attributes === undefined ? {} : { attributes: write.attributes }),
    ...(write.visibility === undefined ? {} : { visibility: write.visibility }),
  };
  const entry = known
    ? store.entries.update(known.id, { ...change, writer: by.writer })
    : store.entries.create({ runId: run.id, path: write.path, category: categoryOf(write.path), status: 200, ...change, ...by });
  tellEntry(tx, run, entry);
  return entry;
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
