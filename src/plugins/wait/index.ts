import type { CommandAccess, CommandView } from '../../hooks/commands.ts';
import type { Plugin, ToolCallContext, ToolOutcome } from '../../hooks/plugin.ts';
import { endedText, listText, stateText } from './answer.ts';
import { LineSearch } from './line-search.ts';
import { News, type Seen } from './news.ts';

const DEFAULT_MS = 60_000;

const DOC = `Waits for a command that runs in the background: for its end, for a line of its output, or for the time to be over.

- \`path\`: the command's log entry. Without it any command that runs now; whichever has news first ends the waiting.
- \`ms\`: how long at most, 60000 when nothing is said. With 0 it returns at once: what runs, and what is new.
- \`until\`: also ends at a line, written since you were last shown its output, that contains this text; \`*\` stands for any characters.

It also ends when the command seems to wait for input. The answer says what happened and has what was written since you last looked.

\`\`\`json
{"path": "log://turn_1/sh/npm-run-dev", "until": "listening on *:", "ms": 30000}
\`\`\`

What runs now:

\`\`\`json
{"ms": 0}
\`\`\`
`;

/** The tool `wait` (SPEC {#tool_wait}). */
export const wait: Plugin = {
  name: 'wait',
  setup({ tool, z }) {
    tool({
      name: 'wait',
      doc: DOC,
      traits: ['waits'],
      params: z.strictObject({
        path: z.string().min(1).max(512).optional().describe("The command's log entry. Default: any that runs."),
        ms: z.int().min(0).max(3600_000).optional().describe('Milliseconds at most. Default 60000.'),
        until: z.string().min(1).max(256).optional().describe('Also ends at a line with this text; * stands for any characters.'),
      }),
      summary: ({ path, until }) => `wait for ${path ?? 'what runs'}${until === undefined ? '' : ` or ${JSON.stringify(until)}`}`,
      handler: ({ path, ms = DEFAULT_MS, until }, call) => waitFor({ path, ms, until }, call),
    });
  },
};

async function waitFor(
  input: { path?: string | undefined; ms: number; until?: string | undefined },
  call: ToolCallContext,
): Promise<ToolOutcome> {
  const { commands } = call;
  const paths = input.path === undefined ? commands.running().map(({ path }) => path) : [commands.view(input.path).path];
  if (paths.length === 0) return { kind: 'done', body: 'No command of this run is running.' };
  const news = new News(call);
  const search = input.until === undefined ? undefined : new LineSearch(input.until);
  const what = await happening(paths, () => input.ms - call.elapsedMs(), call, news, search);
  return answer(paths, what, input, commands, news);
}

type Happening =
  | { readonly kind: 'time' }
  | { readonly kind: 'state' }
  | { readonly kind: 'line'; readonly path: string; readonly line: string };

/** Waits for the first thing worth telling. */
async function happening(
  paths: readonly string[],
  leftMs: () => number,
  call: ToolCallContext,
  news: News,
  search: LineSearch | undefined,
): Promise<Happening> {
  for (;;) {
    const views = paths.map((path) => call.commands.view(path));
    if (search) {
      for (const view of views) {
        const line = await search.look(view, news, call.signal);
        if (line !== undefined) return { kind: 'line', path: view.path, line };
      }
    }
    if (views.some(({ live, waiting }) => !live || waiting === true)) return { kind: 'state' };
    const timeoutMs = leftMs();
    if (timeoutMs <= 0) return { kind: 'time' };
    if (search && views.some((view) => search.isBehind(view, news))) continue;
    const or = search ? (['input', 'output'] as const) : (['input'] as const);
    if ((await call.commands.next(paths, { timeoutMs, or })) === undefined) return { kind: 'time' };
  }
}

function answer(
  paths: readonly string[],
  what: Happening,
  { ms, path, until }: { ms: number; path?: string | undefined; until?: string | undefined },
  commands: CommandAccess,
  news: News,
): ToolOutcome {
  const views = paths.map((one) => commands.view(one));
  const found = what.kind === 'line' ? [`${what.path} has written: ${what.line}`] : [];
  const over =
    what.kind === 'time' && ms > 0
      ? [`${ms} ms are over${until === undefined ? '' : `, and no new line has ${JSON.stringify(until)}`}.`]
      : [];
  const texts = views.map((view) => textOf(view, news));
  const body = [...found, ...over, ...texts, ...(path === undefined ? [listText(commands.running())] : [])].join('\n\n');
  const seen: Seen = news.seen(views);
  return { kind: 'done', body, attributes: { live: views.some(({ live }) => live), seen, quotes: news.quotes } };
}

function textOf(view: CommandView, news: News): string {
  // What a command that has ended wrote is told with its end.
  return view.live ? [stateText(view), ...news.textOf(view)].join('\n') : endedText(view);
}
