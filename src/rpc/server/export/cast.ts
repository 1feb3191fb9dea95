import { sizeOf } from '../screens.ts';
import { badCursor, channelsOf, type ExportPage, type ExportRequest, readPart, titleOf } from './request.ts';
import { earliest, TimedChannel } from './timed.ts';

/** Where a page ends: of each channel the offset, and the time of the last event in milliseconds since the start. */
interface Place {
  readonly offsets: ReadonlyMap<number, number>;
  readonly ms: number;
}

/**
 * A page of an asciicast v2: a line with the size, then one line a piece with the seconds since the start (SPEC
 * {#stream_export}). The format is that of https://docs.asciinema.org/manual/asciicast/v2/.
 */
export function castPage(request: ExportRequest): ExportPage {
  const { parts, runId, path } = request;
  const { producer } = parts.streams.view(runId, path);
  const numbers = channelsOf(request);
  const place = request.cursor === undefined ? { offsets: new Map<number, number>(), ms: 0 } : parsed(request.cursor, numbers);
  const channels = numbers.map((channel) => new TimedChannel(request, channel, place.offsets.get(channel) ?? 0));
  const start = producer.startedAt ?? producer.createdAt;
  const lines: string[] = [];
  if (request.cursor === undefined) {
    const { cols: width, rows: height } = sizeOf(parts.streams, runId, path);
    lines.push(JSON.stringify({ version: 2, width, height, timestamp: Math.floor(start / 1000), title: titleOf(request) }));
  }
  let { ms } = place;
  let room = request.maxBytes;
  for (let next = earliest(channels); next && room > 0; next = earliest(channels)) {
    const { at, bytes } = next.piece;
    // A clock that was set back must not have a player wait for a time that has passed.
    ms = Math.max(ms, at - start);
    lines.push(JSON.stringify([ms / 1000, 'o', shown(bytes, producer.spec.tty !== undefined)]));
    next.channel.take();
    room -= bytes.length;
  }
  const bytes = numbers.reduce((sum, channel) => sum + readPart(request, channel, { maxBytes: 1 }).bytes, 0);
  return {
    document: Buffer.from(lines.map((line) => `${line}\n`).join('')),
    next: earliest(channels) ? `${channels.map((one) => `${one.channel}:${one.at}`).join(',')};${ms}` : undefined,
    channels: numbers,
    done: channels.reduce((sum, one) => sum + one.at, 0),
    bytes,
  };
}

/** Text as a terminal is to get it: one that had no terminal ends its lines with LF alone. */
export function shown(bytes: Buffer, tty: boolean): string {
  const text = bytes.toString();
  return tty ? text : text.replace(/\r?\n/g, '\r\n');
}

function parsed(cursor: string, numbers: readonly number[]): Place {
  const match = /^((?:\d{1,2}:\d{1,15},?)+);(\d{1,15}(?:\.\d{1,6})?)$/.exec(cursor);
  if (!match?.[1]) throw badCursor();
  const offsets = new Map(match[1].split(',').map((one) => one.split(':').map(Number) as [number, number]));
  if (numbers.some((one) => !offsets.has(one)) || offsets.size !== numbers.length) throw badCursor();
  return { offsets, ms: Number(match[2]) };
}
