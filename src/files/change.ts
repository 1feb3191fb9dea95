import { HeadgateError } from '../core/errors.ts';
import type { FileChange, PlannedChange } from '../model/file-change.ts';
import { shownName } from '../model/shown-name.ts';
import { type Content, checkBytes, inStyleOf, isText, MAX_TEXT_BYTES, readContent, sha256, textOf } from './content.ts';
import { unifiedDiff } from './diff.ts';
import { filePath } from './file-path.ts';
import type { Bounds } from './place.ts';
import { dropTemporary } from './temporary.ts';
import { isSameFile, moveFile, removeFile, writeCopy, writeWhole } from './write.ts';

/**
 * What a change would do to the project as it is now; changes nothing. A text takes on line ends and byte order mark of
 * the file that it replaces. Throws `not_found`, `conflict` for a path that is taken, `unsupported` for a file that is
 * no text, `forbidden`, `too_large` (SPEC {#file_edits}).
 */
export function planChange(bounds: Bounds, change: FileChange): PlannedChange {
  const { path } = change;
  const now = readContent(bounds, path);
  if (change.op === 'write') {
    const before = now && textOf(now, filePath(path));
    const text = inStyleOf(before, change.text);
    checkBytes(filePath(path), Buffer.byteLength(text), MAX_TEXT_BYTES);
    return { change: { ...change, text }, before: now?.sha256 ?? null, after: sha256(text), ...unifiedDiff(path, before, text) };
  }
  const content = requireContent(now, path);
  if (change.op === 'remove') {
    return { change, before: content.sha256, after: null, ...described(path, content, (text) => unifiedDiff(path, text, undefined)) };
  }
  if (readContent(bounds, change.to)) {
    throw new HeadgateError('conflict', `${filePath(change.to)} is there already; remove it first, or take another path`, {
      path: filePath(change.to),
    });
  }
  const shown =
    change.op === 'move'
      ? { diff: `rename from ${shownName(path)}\nrename to ${shownName(change.to)}\n`, added: 0, removed: 0 }
      : described(change.to, content, (text) => unifiedDiff(change.to, undefined, text));
  return { change, before: content.sha256, after: content.sha256, ...shown };
}

/**
 * Carries a planned change out, when the files are still what it was made from; when it is done already, nothing.
 * Throws `conflict` when they are neither (SPEC {#file_edits}).
 */
export function applyChange(bounds: Bounds, planned: Pick<PlannedChange, 'change' | 'before' | 'after'>): void {
  try {
    carryOut(bounds, planned);
  } finally {
    // Whatever it came to: a crash may have left one of an earlier attempt.
    dropTemporary(bounds, 'to' in planned.change ? planned.change.to : planned.change.path);
  }
}

function carryOut(bounds: Bounds, { change, before, after }: Pick<PlannedChange, 'change' | 'before' | 'after'>): void {
  const now = readContent(bounds, change.path);
  const is = now?.sha256 ?? null;
  if (change.op === 'write') {
    if (is === after) return;
    if (is !== before) throw changed(change.path);
    writeWhole(bounds, change.path, Buffer.from(change.text), now);
    return;
  }
  if (change.op === 'remove') {
    if (is === null) return;
    if (is !== before) throw changed(change.path);
    removeFile(bounds, change.path);
    return;
  }
  const target = readContent(bounds, change.to);
  if (change.op === 'copy') {
    if (target?.sha256 === after) return;
    if (target) throw changed(change.to);
    if (!now || is !== before) throw changed(change.path);
    writeCopy(bounds, change.to, now);
    return;
  }
  if (is === null && target?.sha256 === after) return;
  if (!now || is !== before) throw changed(change.path);
  if (!target) moveFile(bounds, change.path, change.to);
  // A crash between the two steps of a move leaves one file with two names.
  else if (isSameFile(bounds, change.path, change.to)) removeFile(bounds, change.path);
  else throw changed(change.to);
}

function described(path: string, content: Content, diff: (text: string) => { diff: string; added: number; removed: number }) {
  if (content.bytes.length <= MAX_TEXT_BYTES && isText(content.bytes)) return diff(content.bytes.toString('utf8'));
  return { diff: `${shownName(path)}: ${content.bytes.length} bytes that are not shown\n`, added: 0, removed: 0 };
}

function requireContent(content: Content | undefined, path: string): Content {
  if (content) return content;
  throw new HeadgateError('not_found', `there is no ${filePath(path)}; list its folder to see what is there`, { path: filePath(path) });
}

function changed(path: string): HeadgateError {
  const shown = filePath(path);
  return new HeadgateError(
    'conflict',
    `${shown} has changed since this was proposed, so nothing was written; read it again and propose again`,
    {
      path: shown,
      outcome: 'changed',
    },
  );
}
