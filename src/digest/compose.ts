import { binaryKind } from '../core/binary-kind.ts';
import { countLines } from '../core/bytes.ts';
import { collapse, type ShownRow, shownText, sizeOf, untilOf } from './collapse.ts';
import { chooseFindings, lostFindings } from './excerpts.ts';
import { playPart } from './part.ts';
import type { Player } from './player.ts';
import type { ByteSource, DigestText, Row, TerminalSize } from './types.ts';

/** Bytes from the beginning that are played again for the head. */
const HEAD_BYTES = 128 * 1024;
/** Bytes of each end that are played where there was no time for the whole: few, because no time is left. */
export const END_BYTES = 16 * 1024;
/** Rows looked at for the tail. */
const TAIL_ROWS = 2000;
/** Output longer than this, of which less than half is left after playing, gets a note that it was played. */
const NOTED_BYTES = 512;
/** Bytes that decide whether a channel is text. */
export const KIND_BYTES = 4096;

/** What a digest is made of. */
export interface Digestible {
  readonly source: ByteSource;
  readonly size: TerminalSize | undefined;
  /** The channel's path and name: `sh://turn_1/ls_1 (stdout)`. */
  readonly path: string;
  readonly name: string;
  /** How much of the channel it is about. */
  readonly bytes: number;
  /** LF bytes before that. */
  readonly lines: number;
  /** Everything up to `bytes` has been played. */
  readonly player: Player;
  /** Bytes that were not played: [from, to). */
  readonly missed?: { readonly from: number; readonly to: number } | undefined;
}

/** The digest in `maxBytes` bytes, give or take its first line (SPEC {#digest}). */
export function compose(channel: Digestible, maxBytes: number): DigestText {
  const { source, name, bytes } = channel;
  if (bytes === 0) return { text: `${name}: nothing`, ranges: [] };
  const first = source.read(0, Math.min(bytes, KIND_BYTES));
  const kind = binaryKind(first);
  if (kind !== undefined) {
    const hex = first
      .subarray(0, 16)
      .toString('hex')
      .replace(/..(?=.)/g, '$& ');
    return { text: `${name}: ${bytes} bytes, ${kind}, not shown; the first bytes are ${hex}`, ranges: [] };
  }
  const tail = tailRows(channel);
  while (tail.at(-1)?.text === '') tail.pop();
  const complete = channel.missed === undefined && (tail[0]?.ordinal ?? 0) === 0;
  return (complete ? whole(channel, tail, maxBytes) : undefined) ?? bounded(channel, tail, maxBytes);
}

/** Everything, when it fits. */
function whole({ name, path, bytes, lines, source, player }: Digestible, rows: readonly Row[], maxBytes: number): DigestText | undefined {
  const lost = lostFindings(player.screen).map(({ row, note }) => `${row.line}| ${shownText(row)}\n${note}`);
  if (rows.length + lost.length === 0)
    return { text: `${name}: ${bytes} bytes that show nothing on a terminal`, ranges: [{ from: 0, to: bytes }] };
  const shown = collapse(rows, false);
  const texts = shown.flatMap(({ row, note }) => (note === undefined ? [shownText(row)] : [shownText(row), note]));
  texts.push(...lost);
  const size = texts.reduce((sum, text) => sum + Buffer.byteLength(text) + 1, 0);
  if (size > maxBytes) return undefined;
  const cut = shown.some(({ row }) => row.chars > row.text.length) || (bytes > NOTED_BYTES && size * 2 < bytes);
  const note = cut
    ? ` all of ${bytes} bytes, ${lineCount(source, bytes, lines)} lines, as a terminal shows them; raw: get {"path": "${path}", "line": 1}`
    : '';
  return { text: `${name}:${note}\n${texts.join('\n')}`, ranges: [{ from: 0, to: bytes }] };
}

function bounded(channel: Digestible, last: readonly Row[], maxBytes: number): DigestText {
  const { name, path, bytes, lines, source, missed } = channel;
  const head = take(collapse(headRows(channel), true), maxBytes / 4);
  const headEnd = Math.max(-1, ...head.map(untilOf)) + 1;
  const tail = take(
    collapse(
      last.filter(({ ordinal }) => missed !== undefined || ordinal >= headEnd),
      true,
    ).reverse(),
    (maxBytes * 3) / 8,
  ).reverse();
  const edges = [...head, ...tail];
  const left = maxBytes - edges.reduce((sum, one) => sum + sizeOf(one), 0);
  const findings = chooseFindings(channel, edges, left);
  const all = [...edges, ...findings.rows].sort((a, b) => a.row.from - b.row.from || a.row.ordinal - b.row.ordinal);
  const ranges = rangesOf(all.map(({ row }) => row));
  const quoted = ranges.reduce((sum, { from, to }) => sum + to - from, 0);
  const between = findings.count > 0 ? `, and ${findings.count} lines between that look like errors` : '';
  // A head and a tail that meet are one block: what is left out is counted.
  const joined = missed === undefined && head.length > 0 && (tail[0]?.row.ordinal ?? headEnd) === headEnd;
  const spans = joined ? [edges] : [head, tail].filter((rows) => rows.length > 0);
  const before = (joined ? edges.find(({ note }) => note !== undefined) : undefined) ?? head.at(-1);
  const notes = [
    `${bytes} bytes, ${lineCount(source, bytes, lines)} lines; shown: ${spans.map(span).join(', ')}${joined ? ', those alike counted' : ''}${between}`,
    `left out: ${bytes - quoted} bytes`,
    ...(findings.omitted > 0 ? [`${findings.omitted} more lines that look like errors are not shown`] : []),
    ...(missed ? [`bytes ${missed.from} to ${missed.to} have not been searched for errors`] : []),
    `read on with get {"path": "${path}", "line": ${(before?.row.line ?? 0) + 1}}, or search it with get`,
  ];
  return { text: [`${name}: ${notes.join('; ')}`, ...withGaps(all)].join('\n'), ranges };
}

function headRows({ source, size, bytes, missed }: Digestible): Row[] {
  const data = source.read(0, Math.min(bytes, missed ? END_BYTES : HEAD_BYTES));
  const lf = data.lastIndexOf(10);
  // A row that the end of what is read cuts is not shown as if it were whole.
  return playPart({ source, size }, data.length === bytes || lf < 0 ? data : data.subarray(0, lf + 1), { at: 0, lines: 0 });
}

function tailRows({ source, size, bytes, lines, player, missed }: Digestible): Row[] {
  const { screen } = player;
  if (!missed) return [...screen.tail.rows(source, TAIL_ROWS), ...screen.openRows()];
  const data = source.read(Math.max(0, bytes - END_BYTES), END_BYTES);
  const whole = data.subarray(data.indexOf(10) + 1);
  return playPart({ source, size }, whole, { at: bytes - whole.length, lines: lines - countLines(whole) });
}

/** As many rows as fit into the bytes; always one. */
function take(rows: readonly ShownRow[], maxBytes: number): ShownRow[] {
  let used = 0;
  const taken: ShownRow[] = [];
  for (const one of rows) {
    used += sizeOf(one);
    if (used > maxBytes && taken.length > 0) break;
    taken.push(one);
  }
  return taken;
}

function withGaps(rows: readonly ShownRow[]): string[] {
  const texts: string[] = [];
  let last: ShownRow | undefined;
  for (const one of rows) {
    const { row, note } = one;
    // A note names its own range.
    const jump = last && last.note === undefined && row.ordinal !== untilOf(last) + 1 && row.from > last.row.to;
    if (last && jump) {
      const [from, to] = [last.row.line + 1, row.line - 1];
      texts.push(from > to ? '[...]' : from === to ? `[... line ${from}]` : `[... lines ${from}-${to}]`);
    }
    texts.push(`${row.line}| ${shownText(row)}`);
    if (note !== undefined) texts.push(note);
    last = one;
  }
  return texts;
}

function span(rows: readonly ShownRow[]): string {
  const first = rows[0]?.row.line ?? 0;
  const last = rows.at(-1)?.row.line ?? 0;
  return first === last ? `line ${first}` : `lines ${first}-${last}`;
}

function lineCount(source: ByteSource, bytes: number, lines: number): number {
  return lines + (source.read(bytes - 1, 1)[0] === 10 ? 0 : 1);
}

/** The bytes of the rows, in order, without overlap. */
function rangesOf(rows: readonly Row[]): { from: number; to: number }[] {
  const ranges: { from: number; to: number }[] = [];
  for (const { from, to } of [...rows].sort((a, b) => a.from - b.from)) {
    const last = ranges.at(-1);
    if (last && from <= last.to) last.to = Math.max(last.to, to);
    else if (to > from) ranges.push({ from, to });
  }
  return ranges;
}
