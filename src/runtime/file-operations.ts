import { HeadgateError } from '../core/errors.ts';
import { isFilePath, type ProjectFiles } from '../files/index.ts';
import type { FileListing } from '../hooks/views.ts';
import type { FileChange } from '../model/file-change.ts';
import type { Run } from '../model/records.ts';
import { shownName } from '../model/shown-name.ts';
import type { Sight } from '../model/sight.ts';
import type { EntryOperations } from './entries.ts';
import { type EntryRow, encode, entryRow } from './entry-rows.ts';
import { entryToFile, fileToEntry } from './file-transfer.ts';
import type { Caller, RuntimeParts } from './parts.ts';
import { filesOf } from './project-files.ts';
import { checkStars } from './starred-text.ts';

type Parts = Pick<RuntimeParts, 'store' | 'journal' | 'logger' | 'redaction'>;

/** Bytes of a file that one `get` returns at most. */
const MAX_BODY_BYTES = 4 * 1024 * 1024;
const DEFAULT_LINES = 1000;

/**
 * The entry operations on `file://` paths (SPEC {#files}): confined to the project and its constraints as the model's are, but a
 * client's change is made at once, without a proposal, because a person asked for it.
 */
export class FileOperations {
  readonly #parts: Parts;
  readonly #entries: EntryOperations;
  readonly #requireRun: (sight: Sight, alias: string) => Run;

  constructor(parts: Parts, entries: EntryOperations, requireRun: (sight: Sight, alias: string) => Run) {
    this.#parts = parts;
    this.#entries = entries;
    this.#requireRun = requireRun;
  }

  /** A file, lines of it, or the listing of a folder or glob. Throws not_found, forbidden, invalid_params, too_large. */
  async get(
    c: Caller,
    run: string,
    path: string,
    range: { line?: number | undefined; limit?: number | undefined } = {},
  ): Promise<EntryRow> {
    const files = this.#files(c);
    const kind = files.kindOf(path);
    if (kind === 'folder' || kind === 'glob') return listingRow(run, path, kind, await files.list(path, c.signal));
    if (range.line === 0)
      throw new HeadgateError('invalid_params', 'line 0 does not exist: 1 is the first, -1 the last', { field: 'line' });
    const reader = await files.open(path, c.signal);
    try {
      const { bytes, lines, total, mode, modifiedAt } = reader;
      const partial = range.line !== undefined || range.limit !== undefined;
      const first = (range.line ?? 1) > 0 ? (range.line ?? 1) : Math.max(1, total + (range.line ?? 1) + 1);
      const from = reader.offsetOf(first - 1);
      const to = partial ? reader.offsetOf(first - 1 + (range.limit ?? DEFAULT_LINES)) : bytes;
      const data = readAll(reader, from, Math.min(to - from, MAX_BODY_BYTES));
      return {
        ...rowOf(run, path, { kind: 'file', mode: mode.toString(8) }),
        bytes,
        lines,
        updatedAt: modifiedAt,
        ...encode(data),
        ...(from + data.length < bytes ? { truncated: true as const } : {}),
        ...(partial ? { line: first } : {}),
      };
    } finally {
      reader.close();
    }
  }

  /** Writes a whole file. Throws forbidden, too_large, unsupported for one that is no text, conflict. */
  async set(
    c: Caller,
    run: string,
    write: { path: string; body?: string | undefined; append?: boolean | undefined; attributes?: unknown; visibility?: unknown },
  ): Promise<EntryRow> {
    if (write.append) {
      throw new HeadgateError('unsupported', 'a file is written as a whole; read it with get and write the longer text', {
        field: 'append',
        path: write.path,
      });
    }
    if (write.body === undefined || write.attributes !== undefined || write.visibility !== undefined) {
      throw new HeadgateError('invalid_params', 'a file has a body, and neither attributes nor visibility', {
        field: 'body',
        path: write.path,
      });
    }
    this.#change(c, { op: 'write', path: write.path, text: write.body });
    return await this.get(c, run, write.path);
  }

  /** Removes a file. Throws not_found, forbidden. */
  rm(c: Caller, path: string): void {
    this.#change(c, { op: 'remove', path });
  }

  /** Moves or copies a file, or the text of one to an entry or back. Throws unsupported for no text, not_found, forbidden, conflict. */
  async transfer(c: Caller, run: string, op: 'move' | 'copy', path: string, to: string): Promise<EntryRow> {
    const files = this.#files(c);
    if (isFilePath(path) && isFilePath(to)) this.#change(c, { op, path, to });
    else if (isFilePath(path)) {
      const entry = fileToEntry(this.#parts, files, this.#requireRun(c.sight, run), c.client, { op, path, to });
      return entryRow(entry, run, { body: entry.body });
    } else {
      const text = this.#entries.text(c.sight, run, path);
      entryToFile(this.#parts, files, this.#requireRun(c.sight, run), text, { op, path, to });
    }
    return await this.get(c, run, to);
  }

  #change(c: Caller, change: FileChange): void {
    const files = this.#files(c);
    const planned = files.plan(change);
    checkStars(this.#parts.redaction, files, planned.change);
    files.apply(planned);
    this.#parts.logger.info({ client: c.client, op: change.op, path: planned.change.path }, 'a client changed a file');
  }

  #files(c: Caller): ProjectFiles {
    return filesOf(this.#parts, c.project);
  }
}

function rowOf(run: string, path: string, attributes: Record<string, unknown>): EntryRow {
  const same = { scheme: 'file', category: 'file', status: 200, outcome: null, visibility: 'visible' as const, turn: 0, version: 1 };
  return { run, path, ...same, attributes, body: '', bytes: 0, lines: 0, updatedAt: 0 };
}

/** One path a line, folders with a / at the end; what was left out is counted in the attributes. */
function listingRow(run: string, path: string, kind: string, listing: FileListing): EntryRow {
  const { entries, more, kept, gitIgnored, whole } = listing;
  const body = entries.map((one) => `${shownName(one.path)}${one.kind === 'folder' ? '/' : ''}\n`).join('');
  const row = rowOf(run, path, { kind, more, ignored: kept, gitignored: gitIgnored });
  return {
    ...row,
    body,
    bytes: Buffer.byteLength(body),
    lines: entries.length,
    ...(more > 0 || !whole ? { truncated: true as const } : {}),
  };
}

function readAll(reader: { read(from: number, maxBytes: number): Buffer }, from: number, bytes: number): Buffer {
  const pages: Buffer[] = [];
  for (let at = 0; at < bytes; ) {
    const page = reader.read(from + at, bytes - at);
    if (page.length === 0) break;
    pages.push(page);
    at += page.length;
  }
  return Buffer.concat(pages);
}
