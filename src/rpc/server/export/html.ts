import { PLAYED_BYTES, play } from '../../../screen/index.ts';
import { sizeOf } from '../screens.ts';
import { shown } from './cast.ts';
import { channelsOf, type ExportPage, type ExportRequest, readPart, titleOf } from './request.ts';
import { earliest, TimedChannel } from './timed.ts';

/** What a page of our own may do: nothing but show its colours. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'";
const STYLE =
  ':root{color-scheme:dark}body{margin:0;padding:1rem;background:#000;color:#fff}pre{margin:0;font:14px/1.25 monospace;white-space:normal}p{font:14px sans-serif;color:#aaa}pre>div{min-height:1.25em;white-space:pre}';

/** What a terminal shows after the output, as a page that needs nothing else (SPEC {#stream_export}, {#screen}). */
export async function htmlPage(request: ExportRequest): Promise<ExportPage> {
  const { parts, runId, path } = request;
  const { producer } = parts.streams.view(runId, path);
  const numbers = channelsOf(request);
  const { played, from, bytes } = lastOutput(request, numbers, producer.spec.tty !== undefined);
  const output = { bytes: played.length, read: (offset: number, maxBytes: number) => played.subarray(offset, offset + maxBytes) };
  const { html, cut, from: left } = await play(output, sizeOf(parts.streams, runId, path), request.signal, { replay: false, html: true });
  const title = escaped(titleOf(request));
  const note = from > 0 || left > 0 || cut ? '<p>What came before is left out. An export as text has all of it.</p>\n' : '';
  const head = `<meta charset="utf-8">\n<meta http-equiv="Content-Security-Policy" content="${POLICY}">\n<title>${title}</title>\n<style>${STYLE}</style>`;
  const document = `<!doctype html>\n<html lang="en">\n<head>\n${head}\n</head>\n<body>\n${note}<pre>\n${html}\n</pre>\n</body>\n</html>\n`;
  return { document: Buffer.from(document), next: undefined, channels: numbers, done: bytes, bytes };
}

/** The last output of the channels in the order in which it came, for a terminal: as much as a picture is made of. */
function lastOutput(request: ExportRequest, numbers: readonly number[], tty: boolean): { played: Buffer; from: number; bytes: number } {
  const share = Math.floor(PLAYED_BYTES / Math.max(1, numbers.length));
  const heads = numbers.map((channel) => readPart(request, channel, { maxBytes: 1 }));
  const starts = heads.map((head) => beginning(request, head.channel, head.bytes - share));
  const channels = heads.map((head, index) => new TimedChannel(request, head.channel, starts[index] ?? 0));
  const pieces: Buffer[] = [];
  for (let next = earliest(channels); next; next = earliest(channels)) {
    pieces.push(Buffer.from(shown(next.piece.bytes, tty)));
    next.channel.take();
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
