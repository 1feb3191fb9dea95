import { InTurn } from '../../../core/in-turn.ts';
import { slices } from '../../../core/slice-turns.ts';
import { PLAYED_BYTES, play } from '../../../screen/index.ts';
import { sizeOf } from '../screens.ts';
import { shown } from './cast.ts';
import { channelsOf, type ExportPage, type ExportRequest, readPart, titleOf } from './request.ts';
import { earliest, TimedChannel } from './timed.ts';

/** What a page of our own may do: nothing but show its colours. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'";
const STYLE =
  ':root{color-scheme:dark}body{margin:0;padding:1rem;background:#000;color:#fff}pre{margin:0;font:14px/1.25 monospace;white-space:normal}p{font:14px sans-serif;color:#aaa}pre>div{min-height:1.25em;white-space:pre}';

/** Output that is put into order without giving way to other work, and what a piece counts at least (bytes). */
const SLICE_BYTES = 256 * 1024;
const PIECE_BYTES = 1024;
/** Pages are made one after the other: each holds 8 MiB of output meanwhile. */
const pages = new InTurn();

/** What a terminal shows after the output, as a page that needs nothing else (SPEC {#stream_export}, {#screen}). */
export function htmlPage(request: ExportRequest): Promise<ExportPage> {
  return pages.run(() => drawnPage(request));
}

async function drawnPage(request: ExportRequest): Promise<ExportPage> {
  const { parts, runId, path } = request;
  const { producer } = parts.streams.view(runId, path);
  const numbers = channelsOf(request);
  const { played, from, bytes } = await lastOutput(request, numbers, producer.spec.tty !== undefined);
  const output = { bytes: played.length, read: (offset: number, maxBytes: number) => played.subarray(offset, offset + maxBytes) };
  const { html, cut, from: left } = await play(output, sizeOf(parts.streams, runId, path), request.signal, { replay: false, html: true });
  const title = escaped(titleOf(request));
  const note = from > 0 || left > 0 || cut ? '<p>What came before is left out. An export as text has all of it.</p>\n' : '';
  const head = `<meta charset="utf-8">\n<meta http-equiv="Content-Security-Policy" content="${POLICY}">\n<title>${title}</title>\n<style>${STYLE}</style>`;
  const begin = `<!doctype html>\n<html lang="en">\n<head>\n${head}\n</head>\n<body>\n${note}<pre>\n`;
  const document = Buffer.concat([Buffer.from(begin), html, Buffer.from('\n</pre>\n</body>\n</html>\n')]);
  return { document, next: undefined, channels: numbers, done: bytes, bytes };
}

/** The last output of the channels in the order in which it came, for a terminal: as much as a picture is made of. */
async function lastOutput(
  request: ExportRequest,
  numbers: readonly number[],
  tty: boolean,
): Promise<{ played: Buffer; from: number; bytes: number }> {
  const share = Math.floor(PLAYED_BYTES / Math.max(1, numbers.length));
  const heads = numbers.map((channel) => readPart(request, channel, { maxBytes: 1 }));
  const starts = heads.map((head) => beginning(request, head.channel, head.bytes - share));
  const channels = heads.map((head, index) => new TimedChannel(request, head.channel, starts[index] ?? 0));
  const pieces: Buffer[] = [];
  let room = SLICE_BYTES;
  for (let next = earliest(channels); next; next = earliest(channels)) {
    pieces.push(Buffer.from(shown(next.piece.bytes, tty)));
    next.channel.take();
    room -= Math.max(PIECE_BYTES, next.piece.bytes.length);
    if (room > 0) continue;
    room = SLICE_BYTES;
    await slices.next();
    request.signal.throwIfAborted();
  }
  const bytes = heads.reduce((sum, head) => sum + head.bytes, 0);
  return { played: Buffer.concat(pieces), from: Math.max(0, ...starts), bytes };
}

/** The first line that begins at or behind an offset; the offset itself where the line that holds it is a long one. */
function beginning(request: ExportRequest, channel: number, offset: number): number {
  if (offset <= 0) return 0;
  const { data, from } = readPart(request, channel, { from: offset, maxBytes: 64 * 1024 });
  return from + data.indexOf(10) + 1;
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
