import { isUtf8 } from 'node:buffer';
import { continuationBytes, incompleteTail } from '../core/utf8.ts';
import type { Entry } from '../model/records.ts';
import type { ReadableChannels } from '../redact/index.ts';
import { isChannel } from './readers.ts';

/** Bytes of a body in a listing, and of a channel wherever it is not read by lines. */
export const LISTED_BYTES = 64 * 1024;

/** An entry as clients see it (SPEC {#shapes}). */
export interface EntryRow {
  readonly path: string;
  readonly scheme: string;
  readonly category: string;
  readonly status: number;
  readonly outcome: string | null;
  readonly visibility: Entry['visibility'];
  readonly body: string;
  readonly attributes: Record<string, unknown>;
  readonly turn: number;
  readonly bytes: number;
  readonly lines: number;
  readonly version: number;
  readonly updatedAt: number;
  readonly run?: string;
  readonly truncated?: true;
  readonly encoding?: 'utf8' | 'base64';
  readonly line?: number;
}

/** A body with how it is written and whether it is all of it. */
export interface Body {
  readonly body: string;
  readonly truncated?: true;
  readonly encoding?: 'base64';
}

export function entryRow(entry: Entry, run: string, body: Body): EntryRow {
  const { path, scheme, category, status, outcome, visibility, attributes, turn, bytes, lines, version, updatedAt } = entry;
  return { run, path, scheme, category, status, outcome, visibility, attributes, turn, bytes, lines, version, updatedAt, ...body };
}

/** The body in a listing: of a channel its end, of a long text its beginning, both marked `truncated`. */
export function listedBody(channels: ReadableChannels, entry: Entry): Body {
  if (isChannel(entry)) return channelTail(channels, entry);
  if (entry.bytes <= LISTED_BYTES) return { body: entry.body };
  const bytes = Buffer.from(entry.body).subarray(0, LISTED_BYTES);
  return { body: bytes.subarray(0, bytes.length - incompleteTail(bytes)).toString('utf8'), truncated: true };
}

/** The last 64 KiB of a channel, from a whole character on. */
export function channelTail(channels: ReadableChannels, entry: Entry): Body {
  const { bytes } = channels.head(entry.id);
  const from = Math.max(0, bytes - LISTED_BYTES);
  const data = channels.read(entry.id, from, LISTED_BYTES);
  return { ...encode(from === 0 ? data : data.subarray(continuationBytes(data))), ...(from > 0 ? { truncated: true as const } : {}) };
}

/** UTF-8 where the bytes are, base64 otherwise. A character that the end has cut stays away while the rest may come. */
export function encode(data: Buffer): Body {
  const whole = data.subarray(0, data.length - incompleteTail(data));
  if (isUtf8(whole)) return { body: whole.toString('utf8') };
  return { body: data.toString('base64'), encoding: 'base64' };
}
