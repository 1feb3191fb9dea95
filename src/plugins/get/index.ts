import type { ToolCallContext, ToolOutcome } from '../../hooks/plugin.ts';
import type { Plugin } from '../../hooks/plugin.ts';
import type { ChannelReader } from '../../hooks/views.ts';

const DEFAULT_LINES = 200;
const MAX_LINES = 2000;
/** Bytes that one call shows at most. */
const MAX_BYTES = 32 * 1024;

interface Range {
  readonly line?: number | undefined;
  readonly limit?: number | undefined;
}

/** Tool `get`: lines of an entry or of a channel, however large. */
export const get: Plugin = {
  name: 'get',
  setup(context) {
    const { z } = context;
    context.tool({
      name: 'get',
      doc: [
        'Reads an entry: known://notes, a log entry, or a channel of a command such as sh://turn_1/npm-test_1.',
        `line is the first line (1 is the first, -50 begins 50 lines before the end), limit how many (${DEFAULT_LINES} unless you say otherwise).`,
        'Example: {"path": "sh://turn_1/npm-test_1", "line": -50}',
      ].join('\n'),
      params: z.strictObject({
        path: z.string().min(1).max(512),
        line: z.int().optional(),
        limit: z.int().min(1).max(MAX_LINES).optional(),
      }),
      summary: ({ path }) => `read ${path}`,
      handler: (input, call) => read(input.path, input, call),
    });
  },
};

function read(path: string, range: Range, { entries }: ToolCallContext): ToolOutcome {
  const entry = entries.get(path);
  if (!entry) return { kind: 'refused', status: 404, body: `There is no entry ${path}.${near(path, entries)}`, outcome: 'not_found' };
  const channel = entries.channel(path);
  return { kind: 'done', body: channel ? ofChannel(channel, range) : ofText(path, entry.body, range) };
}

function near(path: string, entries: ToolCallContext['entries']): string {
  const scheme = path.split('://', 1)[0] ?? '';
  const some = entries.list(`${scheme}://`).slice(-10).map((entry) => entry.path);
  return some.length === 0 ? '' : ` There is ${some.join(', ')}.`;
}

/** First line from 0, and how many. */
function window(total: number, { line = 1, limit = DEFAULT_LINES }: Range): { first: number; count: number } {
  const first = line < 0 ? Math.max(0, total + line) : Math.max(0, line - 1);
  return { first, count: Math.max(0, Math.min(limit, total - first)) };
}

function ofChannel(channel: ChannelReader, range: Range): string {
  const unfinished = channel.bytes > 0 && channel.read(channel.bytes - 1, 1)[0] !== 10;
  const total = channel.lines + (unfinished ? 1 : 0);
  const { first, count } = window(total, range);
  const from = channel.offsetOfLine(first);
  const to = first + count >= total ? channel.bytes : channel.offsetOfLine(first + count);
  const bytes = count === 0 ? Buffer.alloc(0) : channel.read(from, Math.min(MAX_BYTES, to - from));
  const rest = from + bytes.length < to ? `\n[cut at byte ${from + bytes.length}: ${to - from - bytes.length} bytes of these lines are not shown]` : '';
  return `${heading(channel.path, total, first, count)}\n${bytes.toString('utf8')}${rest}`;
}

function ofText(path: string, body: string, range: Range): string {
  const lines = body.split('\n');
  const { first, count } = window(lines.length, range);
  return `${heading(path, lines.length, first, count)}\n${lines.slice(first, first + count).join('\n').slice(0, MAX_BYTES)}`;
}

function heading(path: string, total: number, first: number, count: number): string {
  if (count === 0) return `[${path}: ${total} lines, none of them in this range]`;
  return `[${path}: lines ${first + 1} to ${first + count} of ${total}]`;
}
