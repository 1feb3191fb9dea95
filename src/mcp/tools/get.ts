import type { CallToolResult } from '@modelcontextprotocol/server';
import { z } from 'zod';
import type { Runtime } from '../../rpc/client/index.ts';
import { answer, answering } from '../results.ts';
import { runAlias } from './shapes.ts';
import type { ToolKit } from './tool.ts';

const GET = `Reads lines of what a command has written, live or ended, by the path of its log entry or of a channel; or those that match.
Line numbers are those of the digests. Secrets are masked.`;

const DEFAULT_LINES = 200;
const MAX_LINES = 2000;
/** Bytes of one answer at most. */
const MAX_BYTES = 32 * 1024;

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

interface Asked {
  readonly path: string;
  readonly channel: number | undefined;
  readonly line: number | undefined;
  readonly limit: number | undefined;
  readonly match: string | undefined;
}

/** Registers `get` (SPEC {#mcp_get}). */
export function getTool({ server, link }: ToolKit): void {
  server.registerTool(
    'get',
    {
      title: 'Read output',
      description: GET,
      inputSchema: z.strictObject({
        path: z.string().min(1).max(512).describe('For example log://turn_0/sh/npm-test, or a channel: sh://turn_0/npm-test_1.'),
        run: runAlias.optional(),
        channel: z.int().min(1).max(99).optional().describe('Of a log entry: 1 is stdout (default), 2 is stderr.'),
        line: z.int().optional().describe('First line; negative counts from the end. Default 1.'),
        limit: z.int().min(1).max(MAX_LINES).optional().describe('Lines at most. Default 200.'),
        match: z.string().min(1).max(512).optional().describe('A regular expression: only lines that match, each with its number.'),
      }),
      outputSchema: readShape,
      annotations: { readOnlyHint: true, openWorldHint: false },
    },
    ({ path, run, channel, line, limit, match }, context) =>
      answering(link, context, async () => {
        const runtime = await link.runtime();
        return await read(runtime, run ?? (await link.openRun()), { path, channel, line, limit, match });
      }),
  );
}

async function read(
  runtime: Runtime,
  run: string,
  { path, channel, line = 1, limit = DEFAULT_LINES, match }: Asked,
): Promise<CallToolResult> {
  if (line === 0) throw new Error('line 0 does not exist: 1 is the first, -1 the last');
  const place = { run, ...(await channelOf(runtime, run, path, channel)), redact: true };
  const peek = async (first: number) => await runtime.look('stream/read', { ...place, lines: { first, count: 1 }, max_bytes: 1 });
  const first = line > 0 ? line : Math.max(1, (await peek(1)).lines.total + line + 1);
  if (match !== undefined) return await search(runtime, place, (await peek(first)).from, { match, limit });
  const page = await runtime.look('stream/read', { ...place, lines: { first, count: limit }, max_bytes: MAX_BYTES });
  const text = page.encoding === 'utf8' ? page.chunk : `${page.to - page.from} bytes that are no text (base64):\n${page.chunk}`;
  const complete = page.to >= page.bytes;
  const { lines } = page;
  const more = complete ? '' : `\n[lines ${lines.first} to ${lines.last} of ${lines.total}; go on with "line": ${lines.last + 1}]`;
  const facts = { run, path: page.path, channel: page.channel, first_line: lines.first, last_line: lines.last, total_lines: lines.total };
  return answer(text === '' ? nothing(lines.total, first) : `${text}${more}`, {
    ...facts,
    bytes: page.bytes,
    complete,
    ended: page.status !== 102,
  });
}

function nothing(total: number, first: number): string {
  return total === 0 ? '[nothing has been written]' : `[there is no line ${first}; it has ${total} lines]`;
}

async function search(
  runtime: Runtime,
  place: { run: string; path: string; channel: number; redact: boolean },
  from: number,
  { match, limit }: { match: string; limit: number },
): Promise<CallToolResult> {
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
    return answer(text, {
      run: place.run,
      path: page.path,
      channel: page.channel,
      first_line: shown[0]?.line ?? 0,
      last_line: last,
      total_lines: page.lines.total,
      bytes: page.bytes,
      complete,
      ended: page.status !== 102,
    });
  }
}

/** The log entry and the number of a channel, named by either path. */
async function channelOf(runtime: Runtime, run: string, path: string, channel = 1): Promise<{ path: string; channel: number }> {
  if (path.startsWith('log://')) return { path, channel };
  for (const producer of await runtime.look('stream/list', { run })) {
    const known = producer.channels.find((one) => one.path === path);
    if (known) return { path: producer.path, channel: known.channel };
  }
  throw new Error(`run ${run} has no channel ${path}; list says which commands there are`);
}
