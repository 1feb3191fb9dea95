import { z } from 'zod';
import type { Runtime } from '../../rpc/client/index.ts';
import type { ResultOf } from '../../rpc/protocol/table.ts';
import { bytesOf, textOf } from '../piece.ts';
import type { Answer } from '../results.ts';
import { runAlias } from './shapes.ts';
import { registerTool, type ToolKit } from './tool.ts';

const GET = `Reads lines of what a command has written, live or ended, by the path of its log entry or of a channel; or those that match.
Line numbers are those of the digests. Secrets are masked.`;

const DEFAULT_LINES = 200;
const MAX_LINES = 2000;
/** Bytes of one answer at most. */
const MAX_BYTES = 32 * 1024;
const LF = 0x0a;

const readShape = z.object({
  run: z.string(),
  path: z.string(),
  channel: z.int(),
  first_line: z.int(),
  last_line: z.int(),
  total_lines: z.int(),
  bytes: z.int(),
  complete: z.boolean().describe('False: there is more behind it.'),
  ended: z.boolean().describe('False: the command may still write.'),
});

type Read = z.output<typeof readShape>;

interface Asked {
  readonly path: string;
  readonly channel?: number | undefined;
  readonly line?: number | undefined;
  readonly offset?: number | undefined;
  readonly limit?: number | undefined;
  readonly match?: string | undefined;
}

/** Registers `get` (SPEC {#mcp_get}). */
export function getTool(kit: ToolKit): void {
  const { link } = kit;
  registerTool(
    kit,
    'get',
    {
      title: 'Read output',
      description: GET,
      input: z.strictObject({
        path: z.string().min(1).max(512).describe('For example log://turn_0/sh/npm-test, or a channel: sh://turn_0/npm-test_1.'),
        run: runAlias.optional(),
        channel: z.int().min(1).max(99).optional().describe('Of a log entry: 1 is stdout (default), 2 is stderr.'),
        line: z.int().optional().describe('First line; negative counts from the end. Default 1.'),
        offset: z
          .int()
          .min(0)
          .optional()
          .describe('First byte instead of the first line: the rest of a line that is longer than an answer.'),
        limit: z.int().min(1).max(MAX_LINES).optional().describe('Lines at most. Default 200.'),
        match: z.string().min(1).max(512).optional().describe('A regular expression: only lines that match, each with its number.'),
      }),
      facts: readShape,
      annotations: { readOnlyHint: true, openWorldHint: false },
    },
    async ({ path, run, ...asked }) => await read(await link.runtime(), run ?? (await link.openRun()), { path, ...asked }),
  );
}

async function read(
  runtime: Runtime,
  run: string,
  { path, channel, line, offset, limit = DEFAULT_LINES, match }: Asked,
): Promise<Answer<Read>> {
  if (line === 0) throw new Error('line 0 does not exist: 1 is the first, -1 the last');
  if (offset !== undefined && line !== undefined) throw new Error('give line or offset: either says where to begin');
  const place = { run, ...(await channelOf(runtime, run, path, channel)), redact: true };
  const peek = async (first: number) => await runtime.look('stream/read', { ...place, lines: { first, count: 1 }, max_bytes: 1 });
  const first = line === undefined ? 1 : line > 0 ? line : Math.max(1, (await peek(1)).lines.total + line + 1);
  if (match !== undefined) return await search(runtime, place, offset ?? (await peek(first)).from, { match, limit });
  const part = offset === undefined ? { lines: { first, count: limit } } : { from: offset };
  const page = await runtime.look('stream/read', { ...place, ...part, max_bytes: MAX_BYTES });
  const shown = wholeLines(page, limit);
  const { total } = page.lines;
  const to = page.from + shown.bytes.length;
  const complete = to >= page.bytes;
  const text = textOf(shown.bytes) ?? `${shown.bytes.length} bytes that are no text (base64):\n${shown.bytes.toString('base64')}`;
  const more = async () => {
    if (complete) return '';
    if (shown.isWhole) return `\n[lines ${page.lines.first} to ${shown.last} of ${total}; go on with "line": ${shown.last + 1}]`;
    return `\n[${(await peek(shown.last + 1)).from - to} bytes of line ${shown.last} are left; go on with "offset": ${to}]`;
  };
  const said = text === '' ? nothing(total, offset === undefined ? `line ${first}` : `byte ${offset}`) : `${text}${await more()}`;
  return {
    text: said,
    facts: {
      run,
      path: page.path,
      channel: page.channel,
      first_line: page.lines.first,
      last_line: shown.last,
      total_lines: total,
      bytes: page.bytes,
      complete,
      ended: page.status !== 102,
    },
  };
}

/** What of a page is shown: whole lines, `limit` at most, and the end of the channel; where not even one line fits, all of it. */
function wholeLines(page: ResultOf<'stream/read'>, limit: number): { bytes: Buffer; last: number; isWhole: boolean } {
  const bytes = bytesOf(page);
  let end = 0;
  let count = 0;
  for (let at = bytes.indexOf(LF); at >= 0 && count < limit; at = bytes.indexOf(LF, end)) {
    end = at + 1;
    count++;
  }
  const { first, last } = page.lines;
  const isEnd = page.to >= page.bytes && count < limit;
  if (isEnd || count === 0) return { bytes, last, isWhole: isEnd };
  return { bytes: bytes.subarray(0, end), last: first + count - 1, isWhole: true };
}

function nothing(total: number, first: string): string {
  return total === 0 ? '[nothing has been written]' : `[there is no ${first}; it has ${total} lines]`;
}

async function search(
  runtime: Runtime,
  place: { run: string; path: string; channel: number; redact: boolean },
  from: number,
  { match, limit }: { match: string; limit: number },
): Promise<Answer<Read>> {
  const found: { line: number; text: string }[] = [];
  for (let at = from; ; ) {
    const page = await runtime.look('stream/read', { ...place, from: at, match });
    found.push(...(page.matches ?? []));
    const over = found.length >= limit;
    if (page.to < page.bytes && page.to > at && !over) {
      at = page.to;
      continue;
    }
    const shown = found.slice(0, limit);
    const complete = page.to >= page.bytes && shown.length === found.length;
    const last = shown.at(-1)?.line ?? 0;
    const more = complete ? '' : `\n[more may match; go on with "line": ${last + 1}]`;
    const text =
      shown.length === 0 ? `[no line matches]${more}` : `${shown.map(({ line, text: of }) => `${line}:${of}`).join('\n')}${more}`;
    return {
      text,
      facts: {
        run: place.run,
        path: page.path,
        channel: page.channel,
        first_line: shown[0]?.line ?? 0,
        last_line: last,
        total_lines: page.lines.total,
        bytes: page.bytes,
        complete,
        ended: page.status !== 102,
      },
    };
  }
}

/** The log entry and the number of a channel, named by either path. */
async function channelOf(runtime: Runtime, run: string, path: string, channel = 1): Promise<{ path: string; channel: number }> {
  if (path.startsWith('log://')) return { path, channel };
  for (const producer of await runtime.look('stream/list', { run, path })) {
    const known = producer.channels.find((one) => one.path === path);
    if (known) return { path: producer.path, channel: known.channel };
  }
  throw new Error(`run ${run} has no channel ${path}; list says which commands there are`);
}
