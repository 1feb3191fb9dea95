import { closeSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import { type FolderIdentity, folderIdentity } from './folder-identity.ts';
import { toJson } from './json.ts';
import { DELETED_RUNS } from './visible.ts';

/** A file of a channel, and the bytes of it that are stored. */
export interface ChannelExtent {
  readonly file: string;
  readonly bytes: number;
}

/** How long the snapshot waits for another connection's lock (milliseconds). */
const BUSY_MS = 5000;
/** Copied between two looks at `signal`: 8 MiB. */
const STEP_PAGES = 1024;

/**
 * Copies a database, which a server may be writing to, as it is at this moment into a new file of mode 0600 (SPEC {#backup}). What
 * is committed meanwhile is not in the copy, and holds the write-ahead log up {#checkpoints}. The copy is marked: no folder is the one that it lay in.
 * Returns which files of channels {#channel_files} belong to it, and how many bytes of each; the copying of these is up to the caller.
 * Throws the error of SQLite or of the system, or the reason of `signal`; what there is of the copy stays.
 */
export async function snapshotDatabase({ file, to, signal }: { file: string; to: string; signal: AbortSignal }): Promise<ChannelExtent[]> {
  // Made first, since SQLite makes files with the umask's mode.
  closeSync(openSync(to, 'wx', 0o600));
  const source = new Database(file, { fileMustExist: true, timeout: BUSY_MS });
  try {
    source.pragma('query_only = on');
    // The copying of pages goes on in a transaction that is open, so a commit of the server does not begin it again.
    source.exec('begin');
    source.prepare('select count(*) from sqlite_schema').get();
    await source.backup(to, {
      progress: () => {
        signal.throwIfAborted();
        return STEP_PAGES;
      },
    });
  } finally {
    source.close();
  }
  return markAsCopy(to, folderIdentity(dirname(file)));
}

function markAsCopy(file: string, original: FolderIdentity): ChannelExtent[] {
  const copy = new Database(file, { fileMustExist: true });
  try {
    // No inode has this number, so that also a folder that is restored to where the original was is a copy.
    const noted = copy.prepare("select 1 from pragma_table_info('store_identity') where name = 'folder'").get() !== undefined;
    // Earlier versions do not note it.
    if (noted) copy.prepare('update store_identity set folder = ?').run(toJson({ ...original, inode: 'backup' }));
    // One file, with all that the log held.
    copy.pragma('journal_mode = delete');
    // Earlier versions have none.
    if (copy.prepare("select 1 from sqlite_schema where name = 'channel_files'").get() === undefined) return [];
    return copy
      .prepare<[], ChannelExtent>(
        `select file, bytes from channel_files join entries on entries.id = entry_id where run_id not in (${DELETED_RUNS}) order by entry_id`,
      )
      .all();
  } finally {
    copy.close();
  }
}
