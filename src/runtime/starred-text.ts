import { HeadgateError, isHeadgateError } from '../core/errors.ts';
import type { FileChange } from '../model/file-change.ts';
import type { Redaction } from '../redact/index.ts';

/** What is needed of a project's files: the whole text of one. */
interface Texts {
  text(path: string): string | undefined;
}

/**
 * Refuses to write stars over a secret: a caller who may not see it was shown a file with stars in its place, and writes the whole
 * of it back (SPEC {#redaction}). Throws `conflict` with what to do.
 */
export function checkStars(redaction: Redaction, files: Texts, change: FileChange): void {
  if (change.op !== 'write' || !change.text.includes('*')) return;
  const before = textOf(files, `file://${change.path}`);
  const masked = before === undefined ? undefined : redaction.text(before);
  if (before === undefined || masked === undefined || masked === before) return;
  const lines = before.split('\n');
  const shown = new Set(masked.split('\n').filter((line, index) => line !== lines[index]));
  const at = change.text.split('\n').findIndex((line) => shown.has(line));
  if (at < 0) return;
  throw new HeadgateError(
    'conflict',
    `line ${at + 1} of the text has stars where ${change.path} has a secret that is not shown; change the other lines with edits, or give the line its real text`,
    { path: `file://${change.path}`, line: at + 1 },
  );
}

/** Undefined for what is there but is no text: then the change says so itself. */
function textOf(files: Texts, path: string): string | undefined {
  try {
    return files.text(path);
  } catch (error) {
    if (isHeadgateError(error)) return undefined;
    throw error;
  }
}
