import { z } from 'zod';
import { defined } from '../../core/defined.ts';
import { visibleLine } from '../../core/visible-text.ts';
import { endWord } from '../../rpc/client/index.ts';
import type { Producer } from '../command.ts';
import { registerTool, type ToolKit } from './tool.ts';

const MAX_RUNS = 50;
const MAX_COMMANDS = 100;

const listShape = z.object({
  own_run: z.string().nullable(),
  runs: z.array(z.object({ run: z.string(), status: z.int(), updated_at: z.string() })),
  commands: z.array(
    z.object({
      run: z.string(),
      path: z.string(),
      command: z.string(),
      state: z.string(),
      exit_code: z.int().nullable(),
      waits_for_input: z.boolean(),
      bytes: z.int(),
      age_ms: z.int(),
    }),
  ),
  proposals: z.array(z.object({ run: z.string(), path: z.string(), summary: z.string() })),
});

/** Registers `list` (SPEC {#mcp_list}). */
export function listTool(kit: ToolKit): void {
  const { link } = kit;
  registerTool(
    kit,
    'list',
    {
      title: 'List commands and runs',
      description:
        'Lists the commands of the project that run, what waits to be accepted, and the latest runs. With "all" also commands that have ended.',
      input: z.strictObject({
        run: z.string().min(1).max(64).optional().describe('Only of this run.'),
        all: z.boolean().optional(),
      }),
      facts: listShape,
      annotations: { readOnlyHint: true, openWorldHint: false },
    },
    async ({ run, all }) => {
      const runtime = await link.runtime();
      const only = { ...defined({ run }), redact: true };
      const [producers, waiting, runs] = await Promise.all([
        runtime.look('stream/list', { ...only, ...(all ? {} : { state: 'live' }) }),
        runtime.look('getProposals', only),
        runtime.look('getRuns', { limit: MAX_RUNS }),
      ]);
      const shown = producers.slice(0, MAX_COMMANDS);
      const commands = shown.map((one) => ({
        run: one.run,
        path: one.path,
        command: one.command,
        state: one.state,
        exit_code: one.exit_code,
        waits_for_input: one.waiting === true,
        bytes: sizeOf(one),
        age_ms: one.ageMs,
      }));
      const proposals = waiting.map((one) => ({ run: one.run, path: one.path, summary: one.summary }));
      const listed = runs
        .filter((one) => run === undefined || one.run === run)
        .map((one) => ({ run: one.run, status: one.status, updated_at: new Date(one.updatedAt).toISOString() }));
      const text = [
        `${commands.length} of ${producers.length} commands${all ? '' : ' that run'}:`,
        ...shown.map((one) => `  ${one.run}  ${one.path}  ${stateOf(one)}  ${sizeOf(one)} bytes  $ ${visibleLine(one.command)}`),
        `${proposals.length} that wait to be accepted:`,
        ...waiting.map((one) => `  ${one.run}  ${one.path}  ${visibleLine(one.command ?? one.summary)}`),
        `runs, newest first: ${listed.map((one) => one.run).join(', ') || 'none'}`,
      ];
      return { text: text.join('\n'), facts: { own_run: (await link.ownRun()) ?? null, runs: listed, commands, proposals } };
    },
  );
}

function stateOf(one: Producer): string {
  if (one.endedAt !== null) return endWord(one);
  return one.waiting === true ? `${one.state}, waits for input` : one.state;
}

function sizeOf({ channels }: Producer): number {
  return channels.reduce((sum, { bytes }) => sum + bytes, 0);
}
