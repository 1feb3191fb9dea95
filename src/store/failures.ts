import { SqliteError } from 'better-sqlite3';
import { HeadgateError, messageOf, systemCode } from '../core/errors.ts';

/** When to try again after the disk was full or did not answer (milliseconds). */
const RETRY_AFTER_MS = 1000;

function sqliteCode(error: unknown): string {
  return error instanceof SqliteError ? error.code : '';
}

/** True when a row with the same key exists already. */
export function isTaken(error: unknown): boolean {
  return /^SQLITE_CONSTRAINT_(UNIQUE|PRIMARYKEY)$/.test(sqliteCode(error));
}

/** True when a row points to one that does not exist, or to a run that is being deleted. */
export function isDangling(error: unknown): boolean {
  const code = sqliteCode(error);
  return code === 'SQLITE_CONSTRAINT_FOREIGNKEY' || (code === 'SQLITE_CONSTRAINT_TRIGGER' && messageOf(error) === 'run_deleted');
}

/** True when SQLite waited for another connection's lock and gave up. */
export function isBusy(error: unknown): boolean {
  return sqliteCode(error).startsWith('SQLITE_BUSY');
}

/** True when the disk took no more, or failed: also of the error that a transaction throws for it. */
export function isDiskFailure(error: unknown): boolean {
  const code = error instanceof HeadgateError ? String(error.facts['cause']) : sqliteCode(error);
  return code === 'SQLITE_FULL' || code.startsWith('SQLITE_IOERR');
}

/**
 * A failure of the disk under a transaction, as a client may see it: `overloaded` with `retry_after_ms`
 * (SPEC {#disk_full}). Any other error is returned as it is.
 */
export function transactionFailure(error: unknown): unknown {
  const code = sqliteCode(error);
  if (isDiskFailure(error) && !(error instanceof HeadgateError)) {
    return new HeadgateError(
      'overloaded',
      'the disk of the data folder is full or failing and nothing was stored; free some space, then try again',
      {
        retry_after_ms: RETRY_AFTER_MS,
        cause: code,
      },
      { cause: error },
    );
  }
  if (isBusy(error)) {
    return new HeadgateError(
      'overloaded',
      'another program holds the database and nothing was stored; end it, then try again',
      {
        retry_after_ms: RETRY_AFTER_MS,
        cause: code,
      },
      { cause: error },
    );
  }
  return error;
}

/** Why a database file could not be opened, and what to do about it; facts hold the file. */
export function openFailure(error: unknown, file: string): HeadgateError {
  if (error instanceof HeadgateError) return error;
  const options = { cause: error };
  const code = systemCode(error) ?? '';
  if (/^(EACCES|EPERM|EROFS)$/.test(code) || /^SQLITE_(PERM|READONLY|AUTH|CANTOPEN)/.test(code)) {
    return new HeadgateError(
      'forbidden',
      `no permission to read and write ${file}; change its owner or mode, or start with another --data folder`,
      { file },
      options,
    );
  }
  if (/^SQLITE_(NOTADB|CORRUPT)/.test(code)) {
    return new HeadgateError(
      'internal',
      `${file} is no SQLite database or is damaged; restore it from a backup, or start with another --data folder`,
      { file },
      options,
    );
  }
  const failure = transactionFailure(error);
  if (failure instanceof HeadgateError) return new HeadgateError(failure.kind, failure.message, { ...failure.facts, file }, options);
  return new HeadgateError(
    'internal',
    `${file} cannot be opened (${messageOf(error)}); mend that, or start with another --data folder`,
    { file },
    options,
  );
}
