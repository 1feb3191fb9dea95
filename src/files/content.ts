import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import { closeSync, readFileSync } from 'node:fs';
import { HeadgateError } from '../core/errors.ts';
import { usesCrlf } from '../core/line-ends.ts';
import { filePath } from './file-path.ts';
import { type Bounds, openFile, openPlace } from './place.ts';

/** Bytes of a file that is written or edited as text. */
export const MAX_TEXT_BYTES = 2 * 1024 * 1024;
/** Bytes of a file that is moved, copied or removed. */
export const MAX_FILE_BYTES = 32 * 1024 * 1024;
const BOM = '\ufeff';

/** A file as it is at one moment. */
export interface Content {
  readonly bytes: Buffer;
  /** SHA-256, hex. */
  readonly sha256: string;
  /** Permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** What a file holds; undefined if the file does not exist. Throws `too_large`, `forbidden`, `invalid_params`. */
export function readContent(bounds: Bounds, path: string): Content | undefined {
  const shown = filePath(path);
  let place: ReturnType<typeof openPlace>;
  try {
    place = openPlace(bounds, path);
  } catch (error) {
    if (error instanceof HeadgateError && error.kind === 'not_found') return undefined;
    throw error;
  }
  try {
    const file = openFile(place.at, shown);
    if (!file) return undefined;
    try {
      checkBytes(shown, file.stats.size, MAX_FILE_BYTES);
      const bytes = readFileSync(file.fd);
      // It may have grown meanwhile, or be one that has no size.
      checkBytes(shown, bytes.length, MAX_FILE_BYTES);
      const { mode, uid, gid } = file.stats;
      return { bytes, sha256: sha256(bytes), mode: mode & 0o7777, uid, gid };
    } finally {
      closeSync(file.fd);
    }
  } finally {
    place.close();
  }
}

/** SHA-256 in hex. */
export function sha256(bytes: Buffer | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Throws `too_large` with what to do instead. */
export function checkBytes(shown: string, bytes: number, limit: number): void {
  if (bytes <= limit) return;
  throw new HeadgateError('too_large', `${shown} has, or would have, ${bytes} bytes; this takes ${limit} at most, use a command for it`, {
    path: shown,
    limit,
  });
}

/** True for bytes that are text in UTF-8. */
export function isText(bytes: Buffer): boolean {
  return isUtf8(bytes) && !bytes.includes(0);
}

/** The text of a file that is to be edited. Throws `unsupported` for bytes that are no UTF-8, `too_large`. */
export function textOf(content: Content, shown: string): string {
  checkBytes(shown, content.bytes.length, MAX_TEXT_BYTES);
  if (isText(content.bytes)) return content.bytes.toString('utf8');
  throw new HeadgateError('unsupported', `${shown} is no text in UTF-8, so it is not edited here; use a command that knows its format`, {
    path: shown,
  });
}

/** A new text with the line ends and the byte order mark of the one before it, where it says nothing else itself. */
export function inStyleOf(before: string | undefined, text: string): string {
  if (before === undefined) return text;
  const lines = usesCrlf(before) && !text.includes('\r\n') ? text.replaceAll('\n', '\r\n') : text;
  return before.startsWith(BOM) && !lines.startsWith(BOM) ? `${BOM}${lines}` : lines;
}
