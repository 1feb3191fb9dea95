import type { ChannelDigest } from '../../hooks/table.ts';
import type { ChannelReader } from '../../hooks/views.ts';
import { binaryKind } from './binary.ts';
import { linesBackward, linesForward, type RawLine } from './raw-lines.ts';
import { terminalLine } from './terminal-text.ts';

/** Bytes of output that one channel's digest shows at most. */
export const DIGEST_BYTES = 8 * 1024;
/** Raw bytes that are read for the head and for the tail: progress bars are long and come to little. */
const EDGE_BYTES = 64 * 1024;
/** Raw bytes between head and tail, the last ones, in which lines that look like errors are sought. */
const MIDDLE_BYTES = 1024 * 1024;
const ERROR_LINE =
  /\b(?:error|errors|err!|fail(?:ed|ure|ures)?|fatal|panic|exception|traceback|denied|cannot|undefined reference|segmentation fault)\b/i;

interface Shown {
  readonly number: number;
  readonly raw: RawLine;
  readonly text: string;
}

/**
 * What a model is shown of a channel: all of it when it is small, else its head, its tail, and the lines between that
 * look like errors, with line numbers and a notice of what is left out (SPEC {#digest}).
 */
export function digest(reader: ChannelReader, maxBytes: number = DIGEST_BYTES): ChannelDigest {
  const name = `${reader.path} (${channelName(reader.channel)})`;
  if (reader.bytes === 0) return { text: `${name}: nothing`, ranges: [] };
  const first = reader.read(0, Math.min(reader.bytes, 4096));
  const kind = binaryKind(first);
  if (kind !== undefined) {
    const bytes = first
      .subarray(0, 16)
      .toString('hex')
      .replace(/..(?=.)/g, '$& ');
    return { text: `${name}: ${reader.bytes} bytes, ${kind}, not shown; the first bytes are ${bytes}`, ranges: [] };
  }
  if (reader.bytes <= maxBytes) {
    const lines = linesForward(reader, 0, reader.bytes, reader.bytes).map(({ text }) => terminalLine(text));
    return { text: `${name}:\n${lines.join('\n')}`, ranges: [{ from: 0, to: reader.bytes }] };
  }
  return bounded(reader, name, maxBytes);
}

function bounded(reader: ChannelReader, name: string, maxBytes: number): ChannelDigest {
  const { bytes } = reader;
  const headRaw = linesForward(reader, 0, Math.min(EDGE_BYTES, bytes), bytes);
  const head = take(number(headRaw, 1), maxBytes / 4);
  const headEnd = head.at(-1)?.raw.to ?? 0;
  const tailRaw = linesBackward(reader, Math.max(headEnd, bytes - EDGE_BYTES), bytes);
  const tailFirst = tailRaw[0]?.from ?? bytes;
  const tail = take(number(tailRaw, reader.linesBefore(tailFirst) + 1).reverse(), maxBytes / 2).reverse();
  const tailStart = tail[0]?.raw.from ?? bytes;
  if (tailStart <= headEnd) return all(reader, name, [...head, ...tail.filter((line) => line.raw.from >= headEnd)]);
  const from = Math.max(headEnd, tailStart - MIDDLE_BYTES);
  const middleRaw = linesForward(reader, from, tailStart, tailStart);
  const whole = from === headEnd ? middleRaw : middleRaw.slice(1);
  const searched = whole[0]?.from ?? tailStart;
  const numbered = number(whole, reader.linesBefore(searched) + 1);
  const errors = take(
    numbered.filter((line) => ERROR_LINE.test(line.text)),
    maxBytes / 4,
  );
  const notes = [
    `${bytes} bytes, ${lineCount(reader)} lines; shown: ${span(head)}, ${span(tail)}${errors.length > 0 ? `, and ${errors.length} lines between that look like errors` : ''}`,
    `left out: ${tailStart - headEnd - size(errors)} bytes between byte ${headEnd} and byte ${tailStart}`,
    ...(searched > headEnd ? [`bytes ${headEnd} to ${searched} were not searched for errors`] : []),
    `read on with get {"path": "${reader.path}", "line": ${(head.at(-1)?.number ?? 0) + 1}}`,
  ];
  const text = [
    `${name}: ${notes.join('; ')}`,
    ...head.map(numberedText),
    '...',
    ...errors.map(numberedText),
    ...(errors.length > 0 ? ['...'] : []),
    ...tail.map(numberedText),
  ].join('\n');
  return { text, ranges: rangesOf([...head, ...errors, ...tail]) };
}

/** Everything fits after all, because most of it was terminal noise. */
function all(reader: ChannelReader, name: string, lines: readonly Shown[]): ChannelDigest {
  const note = `${reader.bytes} bytes, ${lineCount(reader)} lines, without terminal control`;
  return { text: [`${name}: ${note}`, ...lines.map(numberedText)].join('\n'), ranges: [{ from: 0, to: reader.bytes }] };
}

function number(lines: readonly RawLine[], first: number): Shown[] {
  return lines.map((raw, index) => ({ number: first + index, raw, text: terminalLine(raw.text) }));
}

/** As many lines as fit into the bytes; always one. */
function take(lines: readonly Shown[], maxBytes: number): Shown[] {
  let used = 0;
  const taken: Shown[] = [];
  for (const line of lines) {
    used += Buffer.byteLength(line.text) + 1;
    if (used > maxBytes && taken.length > 0) break;
    taken.push(line);
  }
  return taken;
}

function numberedText(line: Shown): string {
  const { raw } = line;
  return `${line.number}| ${raw.beginCut ? '[...] ' : ''}${line.text}${raw.endCut ? ' [...]' : ''}`;
}

function span(lines: readonly Shown[]): string {
  const first = lines[0]?.number ?? 0;
  const last = lines.at(-1)?.number ?? 0;
  return first === last ? `line ${first}` : `lines ${first}-${last}`;
}

function size(lines: readonly Shown[]): number {
  return lines.reduce((sum, { raw }) => sum + raw.to - raw.from, 0);
}

function lineCount(reader: ChannelReader): number {
  const last = reader.read(reader.bytes - 1, 1)[0];
  return reader.lines + (last === 10 ? 0 : 1);
}

function rangesOf(lines: readonly Shown[]): { from: number; to: number }[] {
  const ranges: { from: number; to: number }[] = [];
  for (const { raw } of lines) {
    const last = ranges.at(-1);
    if (last?.to === raw.from) last.to = raw.to;
    else ranges.push({ from: raw.from, to: raw.to });
  }
  return ranges;
}

export function channelName(channel: number): string {
  if (channel === 1) return 'stdout';
  return channel === 2 ? 'stderr' : `channel ${channel}`;
}
