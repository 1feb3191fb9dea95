import type { Plugin } from '../../hooks/plugin.ts';
import type { ContextPart } from '../../hooks/table.ts';
import type { RunView } from '../../hooks/views.ts';
import type { ToolCall } from '../../model/ports/model-provider.ts';
import type { Entry, Turn } from '../../model/records.ts';

/** What the model did and what came of it, turn by turn, and the commands that people ran in the same run. */
export const log: Plugin = {
  name: 'log',
  setup: (context) =>
    context.filter('context.assemble', (parts, { view }) => [...parts, ...view.turns().flatMap((turn) => ofTurn(view, turn)), ...ofPeople(view)], {
      priority: 200,
    }),
};

function ofTurn(view: RunView, turn: Turn): ContextPart[] {
  const loop = view.loops().find((one) => one.id === turn.loopId)?.sequence ?? 0;
  const actions = view.entries(`log://turn_${turn.sequence}/`).filter((entry) => typeof entry.attributes['call_id'] === 'string');
  if (turn.text === '' && actions.length === 0) return [];
  const said = view.entries(`log://turn_${turn.sequence}/model/text`)[0];
  const answer: ContextPart = {
    position: [loop, turn.sequence, 1],
    message: { role: 'assistant', text: turn.text, calls: actions.map(callOf) },
    pieces: said ? [{ path: said.path, from: 0, to: said.bytes }] : [],
  };
  return [answer, ...actions.map((entry, index): ContextPart => resultOf(entry, [loop, turn.sequence, 2 + index]))];
}

function callOf(entry: Entry): ToolCall {
  const { call_id: id, tool, input } = entry.attributes;
  return { id: String(id), tool: String(tool), input: typeof input === 'object' && input !== null ? (input as Record<string, unknown>) : {} };
}

function resultOf(entry: Entry, position: ContextPart['position']): ContextPart {
  const { callId, tool } = { callId: String(entry.attributes['call_id']), tool: String(entry.attributes['tool']) };
  const failed = entry.status >= 400 ? `[${entry.status}${entry.outcome ? ` ${entry.outcome}` : ''}]\n` : '';
  return { position, message: { role: 'tool', callId, tool, text: `${failed}${entry.body}` }, pieces: [{ path: entry.path, from: 0, to: entry.bytes }], entry };
}

/** Commands that clients ran themselves, once they have ended. */
function ofPeople(view: RunView): ContextPart[] {
  const loopOf = new Map(view.turns().map((turn) => [turn.sequence, view.loops().find((loop) => loop.id === turn.loopId)?.sequence ?? 0]));
  return view
    .entries('log://')
    .filter((entry) => Array.isArray(entry.attributes['channels']) && typeof entry.attributes['call_id'] !== 'string' && entry.status !== 102)
    .map((entry): ContextPart => ({
      position: [loopOf.get(entry.turn) ?? 0, entry.turn, 800],
      message: { role: 'user', text: `I ran this command myself.\n${entry.body}` },
      pieces: [{ path: entry.path, from: 0, to: entry.bytes }],
      entry,
    }));
}
