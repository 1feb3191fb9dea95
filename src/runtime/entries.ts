import { defined } from '../core/defined.ts';
import { HeadgateError } from '../core/errors.ts';
import { slices } from '../core/slice-turns.ts';
import { channelPath, requireLogPath, requireScheme } from '../model/paths.ts';
import type { Attributes, Entry, Run, Visibility } from '../model/records.ts';
import type { Sight } from '../model/sight.ts';
import type { ReadableChannels } from '../redact/index.ts';
import { channelTail, type EntryRow, encode, entryRow, LISTED_BYTES, listedBody } from './entry-rows.ts';
import { categoryOf, checkSize, checkWritable, MAX_BODY_BYTES, removeEntry, writeEntry } from './entry-writes.ts';
import type { Caller, RuntimeParts } from './parts.ts';
import { pathMatcher, patternPrefix } from './path-pattern.ts';
import { channelReader, isChannel } from './readers.ts';
import { tellEntry } from './tell.ts';

type Parts = Pick<RuntimeParts, 'store' | 'journal' | 'streams' | 'masked'>;

const DEFAULT_ROWS = 200;
const DEFAULT_LINES = 1000;
/** Bytes of bodies that are read for one listing, together (SPEC {#entries}). */
const LISTING_BYTES = 16 * 1024 * 1024;
/** Paths that are read at once where a pattern decides, and ids that are looked at likewise. */
const PATHS = 500;
const IDS = 1000;
/** Bytes of a digest, give or take a line. */
const DIGEST_BYTES = 8 * 1024;
/** Bytes of lines that one `get` returns at most. */
const LINE_BYTES = 4 * 1024 * 1024;

export interface EntryQuery {
  readonly run?: string | undefined;
  readonly pattern?: string | undefined;
  readonly body?: boolean | undefined;
  /** Path of an entry of the run; only those that were created before it. */
  readonly before?: string | undefined;
  /** True: the last ones instead of the first. */
  readonly newest?: boolean | undefined;
  readonly limit?: number | undefined;
  readonly offset?: number | undefined;
  /** Secrets in channels are masked. */
  readonly redact?: boolean | undefined;
}

/** Which of the matching entries are listed. */
interface Page {
  readonly beforeId?: number;
  readonly newest?: boolean;
  readonly offset: number;
  readonly limit: number;
}

export interface LineRange {
  /** 1 for the first line; negative counts from the end. */
  readonly line?: number | undefined;
  readonly limit?: number | undefined;
  readonly channel?: number | undefined;
  /** Secrets in a channel are masked. */
  readonly redact?: boolean | undefined;
}

/** Ids of the entries of a listing whose bodies are read: all until those before have taken so much. The first always is. */
function withinBudget(entries: readonly Entry[]): number[] {
  let bytes = 0;
  return entries.flatMap((entry) => {
    if (bytes >= LISTING_BYTES) return [];
    bytes += isChannel(entry) ? Math.min(entry.bytes, LISTED_BYTES) : entry.bytes;
    return [entry.id];
  });
}

/** Entry operations of clients (SPEC {#entries}). */
export class EntryOperations {
  readonly #parts: Parts;
  readonly #requireRun: (sight: Sight, alias: string) => Run;

  constructor(parts: Parts, requireRun: (sight: Sight, alias: string) => Run) {
    this.#parts = parts;
    this.#requireRun = requireRun;
  }

  /** Entries in order of creation; `limit` 200 by default. Where a pattern decides, others are served while paths are looked through (SPEC {#no_pause}). */
  async list(sight: Sight, query: EntryQuery): Promise<EntryRow[]> {
    const { store } = this.#parts;
    const { pattern, newest, offset = 0, limit = DEFAULT_ROWS } = query;
    const run = query.run === undefined ? undefined : this.#requireRun(sight, query.run);
    const beforeId = query.before === undefined ? undefined : this.#requireBefore(run, query.before).id;
    const page = { ...defined({ beforeId, newest }), offset, limit };
    const found = store.entries.list({
      ...(pattern === undefined
        ? { ...(run ? { runId: run.id } : { sight }), ...page }
        : { ids: await (run ? this.#matching(run.id, pattern, page) : this.#matchingAll(sight, pattern, page)) }),
      withoutBodies: true,
    });
    const bodies = query.body === false ? new Map<number, string>() : store.entries.bodies(withinBudget(found));
    const aliases = new Map<number, string>();
    return found.map((entry) => {
      const alias = aliases.get(entry.runId) ?? store.runs.byId(entry.runId)?.alias ?? '';
      aliases.set(entry.runId, alias);
      const body = bodies.get(entry.id);
      if (body !== undefined) return entryRow(entry, alias, listedBody(this.#channels(query.redact), { ...entry, body }));
      return entryRow(entry, alias, { body: '', ...(query.body === false ? {} : { truncated: true as const }) });
    });
  }

  /** Ids of one page of the entries of a run whose paths a pattern takes in. */
  async #matching(runId: number, pattern: string, { beforeId = Infinity, newest, offset, limit }: Page): Promise<number[]> {
    const matches = pathMatcher(pattern);
    const prefix = patternPrefix(pattern);
    const ids: number[] = [];
    const slice = slices.begin();
    for (let after: string | undefined = ''; after !== undefined; ) {
      const page = this.#parts.store.entries.paths(runId, { prefix, after, limit: PATHS });
      for (const { id, path } of page) {
        if (id < beforeId && matches(path)) ids.push(id);
        if (slice.isOver) await slice.next();
      }
      after = page.length < PATHS ? undefined : page.at(-1)?.path;
    }
    ids.sort((a, b) => a - b);
    return newest
      ? ids.slice(Math.max(0, ids.length - offset - limit), Math.max(0, ids.length - offset))
      : ids.slice(offset, offset + limit);
  }

  /** The same of all runs that a caller knows of, of which there may be many: from the one end on, until the page is full. */
  async #matchingAll(sight: Sight, pattern: string, { newest, offset, limit }: Page): Promise<number[]> {
    const matches = pathMatcher(pattern);
    const prefix = patternPrefix(pattern);
    const { entries } = this.#parts.store;
    const ids: number[] = [];
    const end = entries.lastId() + 1;
    const slice = slices.begin();
    for (let done = 0; done < end && ids.length < offset + limit; done += IDS) {
      const [from, to] = newest ? [end - done - IDS, end - done] : [done, done + IDS];
      const found = entries.pathsOf(sight, { prefix, from, to });
      for (const { id, path } of newest ? found.reverse() : found) {
        if (matches(path)) ids.push(id);
        if (slice.isOver) await slice.next();
      }
      if (slice.isOver) await slice.next();
    }
    return ids.slice(offset, offset + limit);
  }

  /** One entry, or lines of it. Throws not_found, stream_not_open, invalid_params. */
  get(sight: Sight, runAlias: string, path: string, range: LineRange = {}): EntryRow {
    const run = this.#requireRun(sight, runAlias);
    const entry = this.#require(run, range.channel === undefined ? path : channelPath(requireLogPath(path), range.channel));
    const channels = this.#channels(range.redact);
    if (range.line === undefined && range.limit === undefined) {
      return entryRow(entry, run.alias, isChannel(entry) ? channelTail(channels, entry) : { body: entry.body });
    }
    const { line, data, more } = lines(channels, entry, range.line ?? 1, range.limit ?? DEFAULT_LINES);
    return { ...entryRow(entry, run.alias, { ...encode(data), ...(more ? { truncated: true as const } : {}) }), line };
  }

  /** A channel with what a model would be shown of it for a body, without its secrets (SPEC {#digest}). Throws not_found, stream_not_open, invalid_params. */
  async digest(sight: Sight, runAlias: string, path: string, channel?: number): Promise<EntryRow> {
    const run = this.#requireRun(sight, runAlias);
    const entry = this.#require(run, channel === undefined ? path : channelPath(requireLogPath(path), channel));
    if (!isChannel(entry)) {
      throw new HeadgateError('invalid_params', `${path} has no output; name a channel's path, or a log entry and channel`, {
        field: 'path',
      });
    }
    const { text } = await channelReader(this.#parts, entry).digest(DIGEST_BYTES);
    return entryRow(entry, run.alias, { body: text });
  }

  /** Writes an entry. Throws forbidden, invalid_params, too_large. */
  set(
    c: Caller,
    runAlias: string,
    write: {
      path: string;
      body?: string | undefined;
      append?: boolean | undefined;
      attributes?: Attributes | undefined;
      visibility?: Visibility | undefined;
    },
  ): EntryRow {
    if (write.append && write.body === undefined)
      throw new HeadgateError('invalid_params', 'there is nothing to append; give body, or leave append out', { field: 'body' });
    const run = this.#requireRun(c.sight, runAlias);
    const entry = this.#parts.journal.commit('durable', (tx) =>
      writeEntry(
        this.#parts.store,
        tx,
        run,
        {
          path: write.path,
          ...defined({ body: write.body, append: write.append, attributes: write.attributes, visibility: write.visibility }),
        },
        { turn: run.turn, loopId: null, writer: c.client },
      ),
    );
    return entryRow(entry, run.alias, { body: entry.body });
  }

  /** Removes an entry. Throws forbidden, not_found. */
  rm(c: Caller, runAlias: string, path: string): void {
    const { store, journal } = this.#parts;
    const run = this.#requireRun(c.sight, runAlias);
    journal.commit('durable', (tx) => removeEntry(store, tx, run, path));
  }

  /** Moves an entry. Throws forbidden, not_found, conflict. */
  mv(c: Caller, runAlias: string, path: string, to: string): EntryRow {
    const { store, journal } = this.#parts;
    const run = this.#requireRun(c.sight, runAlias);
    checkWritable(path);
    const entry = this.#free(run, path, to);
    const moved = journal.commit('durable', (tx) => {
      tellEntry(tx, run, entry, true);
      const { visibility, attributes, body } = entry;
      store.entries.remove(entry.id);
      const now = store.entries.create({
        runId: run.id,
        path: to,
        category: categoryOf(to),
        status: 200,
        visibility,
        body,
        attributes,
        turn: entry.turn,
        loopId: entry.loopId,
        writer: c.client,
      });
      tellEntry(tx, run, now);
      return now;
    });
    return entryRow(moved, run.alias, { body: moved.body });
  }

  /** Copies an entry; of a channel what is stored now, when it is text. Throws forbidden, not_found, conflict, too_large. */
  cp(c: Caller, runAlias: string, path: string, to: string): EntryRow {
    const { store, journal } = this.#parts;
    const run = this.#requireRun(c.sight, runAlias);
    const entry = this.#free(run, path, to);
    const body = this.text(c.sight, runAlias, path);
    const attributes = entry.scheme === 'log' || isChannel(entry) ? { copied_from: entry.path } : entry.attributes;
    const copy = journal.commit('durable', (tx) =>
      writeEntry(store, tx, run, { path: to, body, attributes }, { turn: run.turn, loopId: null, writer: c.client }),
    );
    return entryRow(copy, run.alias, { body: copy.body });
  }

  #channels(redact: boolean | undefined): ReadableChannels {
    return redact ? this.#parts.masked : this.#parts.store.channels;
  }

  /** The text of an entry, or the bytes of a channel that are stored now. Throws not_found, unsupported for bytes that are not text, too_large. */
  text(sight: Sight, runAlias: string, path: string): string {
    const entry = this.#require(this.#requireRun(sight, runAlias), path);
    return isChannel(entry) ? this.#channelText(entry) : entry.body;
  }

  #channelText(entry: Entry): string {
    const { channels } = this.#parts.store;
    const { bytes } = channels.head(entry.id);
    checkSize(entry.path, bytes);
    const { body, encoding } = encode(channels.read(entry.id, 0, MAX_BODY_BYTES));
    if (encoding)
      throw new HeadgateError('unsupported', `${entry.path} holds bytes that are no text; read it with stream/read`, { path: entry.path });
    return body;
  }

  #free(run: Run, path: string, to: string): Entry {
    checkWritable(to);
    const entry = this.#require(run, path);
    if (this.#parts.store.entries.get(run.id, to)) {
      throw new HeadgateError('conflict', `${to} is there already; remove it first, or take another path`, { path: to });
    }
    return entry;
  }

  #requireBefore(run: Run | undefined, path: string): Entry {
    if (run) return this.#require(run, path);
    throw new HeadgateError('invalid_params', '"before" names an entry of a run; give "run" as well', { field: 'before' });
  }

  #require(run: Run, path: string): Entry {
    requireScheme(path);
    const entry = this.#parts.store.entries.get(run.id, path);
    if (entry) return entry;
    throw new HeadgateError('not_found', `no entry ${path} in run ${run.alias}; getEntries lists what there is`, { run: run.alias, path });
  }
}

/** Lines of an entry: the number of the first (from 1), their bytes, and whether something is left behind them. */
export function lines(
  channels: ReadableChannels,
  entry: Entry,
  first: number,
  limit: number,
): { line: number; data: Buffer; more: boolean } {
  if (first === 0) throw new HeadgateError('invalid_params', 'line 0 does not exist: 1 is the first, -1 the last', { field: 'line' });
  const source = isChannel(entry) ? channelLines(channels, entry) : textLines(entry.body);
  const line = first > 0 ? first : Math.max(1, source.total + first + 1);
  const from = source.offsetOf(line - 1);
  const to = source.offsetOf(line - 1 + limit);
  const data = source.read(from, Math.min(to - from, LINE_BYTES));
  return { line, data, more: from + data.length < source.bytes };
}

interface LineSource {
  readonly bytes: number;
  readonly total: number;
  offsetOf(line: number): number;
  read(from: number, count: number): Buffer;
}

function channelLines(channels: ReadableChannels, entry: Entry): LineSource {
  const head = channels.head(entry.id);
  const open = head.bytes > 0 && channels.read(entry.id, head.bytes - 1, 1)[0] !== 10;
  return {
    bytes: head.bytes,
    total: head.lines + (open ? 1 : 0),
    offsetOf: (line) => channels.offsetOfLine(entry.id, line),
    read: (from, count) => (count > 0 ? channels.read(entry.id, from, count) : Buffer.alloc(0)),
  };
}

function textLines(body: string): LineSource {
  const data = Buffer.from(body);
  const starts = [0];
  for (let lf = data.indexOf(10); lf >= 0; lf = data.indexOf(10, lf + 1)) if (lf + 1 < data.length) starts.push(lf + 1);
  return {
    bytes: data.length,
    total: data.length === 0 ? 0 : starts.length,
    offsetOf: (line) => starts[line] ?? data.length,
    read: (from, count) => data.subarray(from, from + count),
  };
}
