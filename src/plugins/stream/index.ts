import { isEnd } from '../../core/end-status.ts';
import type { Plugin, PluginContext } from '../../hooks/plugin.ts';
import type { ContextPart } from '../../hooks/table.ts';
import type { ChannelReader, RunView, ShownMark } from '../../hooks/views.ts';
import { actionOf } from '../../model/action.ts';
import { leftoverLine } from '../../model/leftover-line.ts';
import type { Entry } from '../../model/records.ts';

/** Bytes of output that one channel's digest shows at most. */
const DIGEST_BYTES = 8 * 1024;
/** Bytes shown of each channel of a command that ended in the background. */
const BACKGROUND_BYTES = 2 * 1024;
/** How long output is played for all digests of a turn together: a handler that is late (SPEC {#hooks}) shows none at all. */
const PATIENCE_MS = 3000;

/** Where a turn's digests are made, and until when output may be played for them. */
interface Assembly {
  readonly context: PluginContext;
  readonly view: RunView;
  readonly until: number;
}

/** Output as models see it: a digest of every channel in the results, and news of commands that ended in the background. */
export const stream: Plugin = {
  name: 'stream',
  setup(context) {
    context.filter(
      'context.assemble',
      async (parts, { view }) => {
        const assembly = { context, view, until: performance.now() + PATIENCE_MS };
        const filled: ContextPart[] = [];
        for (const part of parts) filled.push(part.entry ? await withOutput(assembly, part, part.entry) : part);
        return [...filled, ...(await endedInBackground(assembly))];
      },
      { priority: 300 },
    );
  },
};

async function withOutput(assembly: Assembly, part: ContextPart, entry: Entry): Promise<ContextPart> {
  const shown = entry.attributes['shown'] as ShownMark | undefined;
  const readers = assembly.view.channels(entry, shown?.channels);
  if (readers.length === 0) return part;
  const output = await outputOf(assembly, entry, readers, DIGEST_BYTES);
  return {
    ...part,
    message: { ...part.message, text: `${part.message.text}\n\n${output.text}` },
    pieces: [...part.pieces, ...output.pieces],
  };
}

async function outputOf(
  { context, view, until }: Assembly,
  entry: Entry,
  readers: readonly ChannelReader[],
  maxBytes: number,
): Promise<{ text: string; pieces: ContextPart['pieces'] }> {
  const texts: string[] = [];
  const pieces: { path: string; from: number; to: number }[] = [];
  for (const reader of readers) {
    const scope = { projectId: view.run.projectId, run: view.run.alias, path: entry.path, reader, maxBytes };
    const digest = await reader.digest(maxBytes, Math.max(0, until - performance.now()));
    const { text, ranges } = await context.apply('channel.digest', digest, scope);
    texts.push(text);
    for (const { from, to } of ranges) pieces.push({ path: reader.path, from, to });
  }
  // The output is shown as it was at the end of the command.
  const { leftover: left } = actionOf(entry.attributes);
  const isNews = left && (!left.isOpen || left.isCancelled || left.isOverLimit);
  if (isNews) texts.push(`[since its end: ${leftoverLine(left)}; ${left.bytes} bytes were written behind this]`);
  return { text: texts.join('\n\n'), pieces };
}

/**
 * Commands whose end the model has not been told of: its own that ran on in the background, and clients'. Each is told
 * once, in the turn that is marked in the log entry, and stays in that place of the context.
 */
async function endedInBackground(assembly: Assembly): Promise<ContextPart[]> {
  const { view } = assembly;
  const loopOf = new Map([...view.turns(), view.turn].map((turn) => [turn.sequence, turn.loopId]));
  const sequenceOf = new Map(view.loops().map((loop) => [loop.id, loop.sequence]));
  const parts: ContextPart[] = [];
  for (const found of view.entries('log://')) {
    if (!isNews(found)) continue;
    const entry = found.attributes['told_turn'] === undefined ? view.mark(found, { told_turn: view.turn.sequence }) : found;
    const turn = Number(entry.attributes['told_turn']);
    const loop = sequenceOf.get(loopOf.get(turn) ?? 0) ?? view.loop.sequence;
    const who = typeof entry.attributes['call_id'] === 'string' ? 'A command of yours' : 'A command of a user';
    const output = await outputOf(assembly, entry, view.channels(entry), BACKGROUND_BYTES);
    parts.push({
      position: [loop, turn, -1],
      message: { role: 'user', text: `${who} has ended, ${entry.path}: ${entry.body}\n\n${output.text}` },
      pieces: [{ path: entry.path, from: 0, to: entry.bytes }, ...output.pieces],
    });
  }
  return parts;
}

function isNews(entry: Entry): boolean {
  if (!Array.isArray(entry.attributes['channels'])) return false;
  const ended = isEnd(entry.status);
  const known = typeof entry.attributes['call_id'] === 'string' && entry.attributes['shown'] === undefined;
  return ended && !known;
}
