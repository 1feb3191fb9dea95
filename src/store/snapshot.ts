import { closeSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import { type FolderIdentity, folderIdentity } from './folder-identity.ts';
import { toJson } from './json.ts';

/** How long the snapshot waits for another connection's lock (milliseconds). */
const BUSY_MS = 5000;
/** Copied between two looks at `signal`: 8 MiB. */
const STEP_PAGES = 1024;

/**
 * Copies a database, which a server may be writing to, as it is at this moment into a new file of mode 0600 (SPEC {#backup}). What
 * is committed meanwhile is not in the copy, and holds the write-ahead log up {#checkpoints}. The copy is marked: no folder is the one that it lay in.
 * Throws the error of SQLite or of the system, or the reason of `signal`; what there is of the copy stays.
 */
export async function snapshotDatabase({ file, to, signal }: { file: string; to: string; signal: AbortSignal }): Promise<void> {
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
  markAsCopy(to, folderIdentity(dirname(file)));
}

function markAsCopy(file: string, original: FolderIdentity): void {
  const copy = new Database(file, { fileMustExist: true });
  try {
    // No inode has this number, so that also a folder that is restored to where the original was is a copy.
    const noted = copy.prepare("select 1 from pragma_table_info('store_identity') where name = 'folder'").get() !== undefined;
    // Earlier versions do not note it.
    if (noted) copy.prepare('update store_identity set folder = ?').run(toJson({ ...original, inode: 'backup' }));
    // One file, with all that the log held.
    copy.pragma('journal_mode = delete');
  } finally {
    copy.close();
  }
}
