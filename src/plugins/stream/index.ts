import type { Plugin, PluginContext } from '../../hooks/plugin.ts';
import type { ContextPart } from '../../hooks/table.ts';
import type { ChannelReader, RunView, ShownMark } from '../../hooks/views.ts';
import type { Entry } from '../../model/records.ts';
import { digest } from './digest.ts';

/** Bytes of one channel that the model is shown without asking. */
const MAX_BYTES = 8 * 1024;

/** Adds what commands wrote to their results, as bounded digests, and tells of commands that ended in the background. */
export const stream: Plugin = {
  name: 'stream',
  setup(context) {
    context.filter('channel.digest', (value, { reader, maxBytes }) => (value.text === '' ? digest(reader, maxBytes) : value), { priority: 100 });
    context.filter('context.assemble', (parts, { view, projectId, run }) => withOutput(context, parts, view, { projectId, run }), { priority: 300 });
  },
};

interface Scope {
  readonly projectId: number;
  readonly run: string;
}

async function withOutput(context: PluginContext, parts: readonly ContextPart[], view: RunView, scope: Scope): Promise<ContextPart[]> {
  const filled: ContextPart[] = [];
  for (const part of parts) {
    const { entry } = part;
    if (!entry || !Array.isArray(entry.attributes['channels'])) {
      filled.push(part);
      continue;
    }
    const shown = shownOf(entry);
    filled.push(await withChannels(context, part, entry, view.channels(entry, shown?.channels), scope));
    if (shown && entry.status !== 102) filled.push(await endedLater(context, entry, view, shown, scope));
  }
  return filled;
}

async function withChannels(context: PluginContext, part: ContextPart, entry: Entry, readers: readonly ChannelReader[], scope: Scope): Promise<ContextPart> {
  const texts = [shownOf(entry) ? `$ ${String(entry.attributes['command'])}\nstill running when this was shown` : part.message.text];
  const pieces = [...part.pieces];
  for (const reader of readers) {
    const { text, ranges } = await context.apply('channel.digest', { text: '', ranges: [] }, { ...scope, path: entry.path, reader, maxBytes: MAX_BYTES });
    texts.push(text);
    for (const { from, to } of ranges) pieces.push({ path: reader.path, from, to });
  }
  return { ...part, message: { ...part.message, text: texts.join('\n') }, pieces };
}

/** The result that was shown while it ran stays as it was; its end is told once more, at the turn that learns of it. */
async function endedLater(context: PluginContext, entry: Entry, view: RunView, shown: ShownMark, scope: Scope): Promise<ContextPart> {
  const told = entry.attributes['told_turn'];
  const turn = typeof told === 'number' ? told : view.turn.sequence;
  if (typeof told !== 'number') view.mark(entry, { told_turn: turn });
  const loop = view.loops().find((one) => one.id === (view.turns().find((each) => each.sequence === turn)?.loopId ?? view.loop.id));
  const part: ContextPart = {
    position: [loop?.sequence ?? view.loop.sequence, turn, 0],
    message: { role: 'user', text: `The command ${entry.path} that ran in the background has ended.\n${entry.body}` },
    pieces: [{ path: entry.path, from: 0, to: entry.bytes }],
  };
  const fresh = view.channels(entry).filter((reader) => reader.bytes > (shown.channels[String(reader.channel)] ?? 0));
  const texts = [part.message.text];
  const pieces = [...part.pieces];
  for (const reader of fresh) {
    const { text, ranges } = await context.apply('channel.digest', { text: '', ranges: [] }, { ...scope, path: entry.path, reader, maxBytes: MAX_BYTES });
    texts.push(text);
    for (const { from, to } of ranges) pieces.push({ path: reader.path, from, to });
  }
  return { ...part, message: { role: 'user', text: texts.join('\n') }, pieces };
}

function shownOf(entry: Entry): ShownMark | undefined {
  const shown = entry.attributes['shown'];
  return typeof shown === 'object' && shown !== null ? (shown as ShownMark) : undefined;
}
