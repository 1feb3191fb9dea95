import { incompleteTail } from '../../core/utf8.ts';
import type { Plugin } from '../../hooks/plugin.ts';
import type { ContextPart } from '../../hooks/table.ts';
import type { RunView } from '../../hooks/views.ts';
import type { ToolCall } from '../../model/ports/model-provider.ts';
import type { Entry, Turn } from '../../model/records.ts';

/** Bytes of one result's text that a turn is shown; `get` reads the rest. */
const MAX_BYTES = 32 * 1024;

/** What the model said and did in earlier turns, and what came of it: log entries as tool results. */
export const log: Plugin = {
  name: 'log',
  setup(context) {
    context.filter('context.assemble', (parts, { view }) => [...parts, ...history(view)], { priority: 200 });
  },
};

function history(view: RunView): ContextPart[] {
  const byTurn = new Map<number, Entry[]>();
  for (const entry of view.entries('log://')) {
    const known = byTurn.get(entry.turn);
    if (known) known.push(entry);
    else byTurn.set(entry.turn, [entry]);
  }
  const sequences = new Map(view.loops().map((loop) => [loop.id, loop.sequence]));
  return view.turns().flatMap((turn) => partsOf(turn, sequences.get(turn.loopId) ?? 0, byTurn.get(turn.sequence) ?? []));
}

function partsOf(turn: Turn, loop: number, entries: readonly Entry[]): ContextPart[] {
  const actions = entries.filter((entry) => typeof entry.attributes['call_id'] === 'string');
  if (turn.text.trim() === '' && actions.length === 0) return [];
  const said = entries.find((entry) => entry.path === `log://turn_${turn.sequence}/model/text`);
  const asked: ContextPart = {
    position: [loop, turn.sequence, 0],
    message: { role: 'assistant', text: turn.text, calls: actions.map(callOf) },
    pieces: said ? [{ path: said.path, from: 0, to: said.bytes }] : [],
  };
  return [asked, ...actions.map((entry) => resultOf(entry, loop))];
}

function callOf(entry: Entry): ToolCall {
  const { call_id, tool, input } = entry.attributes;
  return { id: String(call_id), tool: String(tool), input: (input ?? {}) as ToolCall['input'] };
}

function resultOf(entry: Entry, loop: number): ContextPart {
  const { text, bytes } = resultText(entry);
  return {
    position: [loop, entry.turn, 1],
    message: { role: 'tool', callId: String(entry.attributes['call_id']), tool: String(entry.attributes['tool']), text },
    pieces: [{ path: entry.path, from: 0, to: bytes }],
    entry,
  };
}

function resultText(entry: Entry): { text: string; bytes: number } {
  // What the model has been shown of a running command stays as it was; its end is told separately.
  if (entry.status === 102 || entry.attributes['shown'] !== undefined) {
    const { command } = entry.attributes;
    const what = typeof command === 'string' ? `$ ${command}\n` : '';
    return { text: `${what}${entry.path} is still running in the background. You are told when it has ended.`, bytes: 0 };
  }
  const label = entry.status === 200 ? '' : `[${[entry.status, entry.outcome].filter(Boolean).join(' ')}] `;
  const body = Buffer.from(entry.body);
  if (body.length <= MAX_BYTES) return { text: `${label}${entry.body}`, bytes: body.length };
  const head = body.subarray(0, MAX_BYTES);
  const shown = head.subarray(0, head.length - incompleteTail(head));
  const notice = `[the first ${shown.length} of ${body.length} bytes; read on with get {"path": "${entry.path}", "line": ${shown.toString('utf8').split('\n').length}}]`;
  return { text: `${label}${shown.toString('utf8')}\n${notice}`, bytes: shown.length };
}
