import type { ChannelReader } from '../../hooks/views.ts';

/** Bytes of one page read from a source. */
const PAGE_BYTES = 256 * 1024;

/** Lines of something stored, by number and by offset. */
export interface LineSource {
  readonly path: string;
  readonly bytes: number;
  /** How many lines there are, an unfinished last one included. */
  readonly total: number;
  /** Offset of line `line`, 0 for the first. */
  offsetOf(line: number): number;
  read(from: number, maxBytes: number): Buffer;
}

export function channelSource(channel: ChannelReader): LineSource {
  const open = channel.bytes > 0 && channel.read(channel.bytes - 1, 1)[0] !== 10;
  return {
    path: channel.path,
    bytes: channel.bytes,
    total: channel.lines + (open ? 1 : 0),
    offsetOf: (line) => channel.offsetOfLine(line),
    read: (from, maxBytes) => channel.read(from, Math.min(maxBytes, PAGE_BYTES)),
  };
}

export function textSource(path: string, text: string): LineSource {
  const data = Buffer.from(text);
  const starts = [0];
  for (let lf = data.indexOf(10); lf >= 0; lf = data.indexOf(10, lf + 1)) if (lf + 1 < data.length) starts.push(lf + 1);
  return {
    path,
    bytes: data.length,
    total: data.length === 0 ? 0 : starts.length,
    offsetOf: (line) => starts[line] ?? data.length,
    read: (from, maxBytes) => data.subarray(from, from + maxBytes),
  };
}
