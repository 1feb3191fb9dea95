import { incompleteTail } from '../../core/utf8.ts';
import type { Plugin } from '../../hooks/plugin.ts';
import type { ContextPart } from '../../hooks/table.ts';
import type { RunView, ShownMark } from '../../hooks/views.ts';
import { channelPath, parseLogPath } from '../../model/paths.ts';
import type { ToolCall } from '../../model/ports/model-provider.ts';
import type { Entry, Loop, LoopMode, Turn } from '../../model/records.ts';

/** Bytes of one result's text that a turn is shown; `get` reads the rest. */
const MAX_BYTES = 32 * 1024;

type LoopPlace = Pick<Loop, 'sequence' | 'mode'>;
const NO_LOOP: LoopPlace = { sequence: 0, mode: 'act' };

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
  const loops = new Map(view.loops().map((loop) => [loop.id, loop]));
  const said = view.turns().flatMap((turn) => partsOf(turn, loops.get(turn.loopId) ?? NO_LOOP, byTurn.get(turn.sequence) ?? []));
  return [
    ...said,
    ...[...byTurn.values()]
      .flat()
      .filter(isReclaimed)
      .map((entry) => noteOf(entry, loops.get(entry.loopId ?? 0)?.sequence ?? 0)),
  ];
}

/** What the server took out of the context is told where it happened (SPEC {#reclaim}). */
function isReclaimed(entry: Entry): boolean {
  return entry.status === 413 && entry.outcome === 'reclaimed';
}

function noteOf(entry: Entry, loop: number): ContextPart {
  return {
    position: [loop, entry.turn, -1],
    message: { role: 'user', text: `[${entry.path}] ${entry.body}` },
    pieces: [{ path: entry.path, from: 0, to: entry.bytes }],
  };
}

function partsOf(turn: Turn, loop: LoopPlace, entries: readonly Entry[]): ContextPart[] {
  const actions = entries.filter((entry) => typeof entry.attributes['call_id'] === 'string');
  if (turn.text.trim() === '' && actions.length === 0) return [];
  const said = entries.find((entry) => entry.path === `log://turn_${turn.sequence}/model/text`);
  const asked: ContextPart = {
    position: [loop.sequence, turn.sequence, 0],
    message: { role: 'assistant', text: turn.text, calls: actions.map(callOf) },
    pieces: said ? [{ path: said.path, from: 0, to: said.bytes }] : [],
  };
  return [asked, ...actions.map((entry) => resultOf(entry, loop))];
}

function callOf(entry: Entry): ToolCall {
  const { call_id, tool, input } = entry.attributes;
  return { id: String(call_id), tool: String(tool), input: (input ?? {}) as ToolCall['input'] };
}

function resultOf(entry: Entry, loop: LoopPlace): ContextPart {
  const { text: result, bytes } = resultText(entry, loop.mode);
  const text = `${repairNote(entry)}${result}`;
  return {
    position: [loop.sequence, entry.turn, 1],
    message: { role: 'tool', callId: String(entry.attributes['call_id']), tool: String(entry.attributes['tool']), text },
    pieces: [{ path: entry.path, from: 0, to: bytes }],
    entry,
  };
}

/** What was mended in the call, so that the model writes the next one right. */
function repairNote(entry: Entry): string {
  const { repaired } = entry.attributes;
  return Array.isArray(repaired) && repaired.length > 0 ? `[your call was repaired: ${repaired.slice(0, 10).join('; ')}]\n` : '';
}

function resultText(entry: Entry, mode: LoopMode): { text: string; bytes: number } {
  // What the model has been shown of a running command stays as it was; its end is told separately.
  if (entry.status === 102 || entry.attributes['shown'] !== undefined) return { text: runningText(entry, mode), bytes: 0 };
  const label = entry.status === 200 ? '' : `[${[entry.status, entry.outcome].filter(Boolean).join(' ')}] `;
  const body = Buffer.from(entry.body);
  if (body.length <= MAX_BYTES) return { text: `${label}${entry.body}`, bytes: body.length };
  const head = body.subarray(0, MAX_BYTES);
  const shown = head.subarray(0, head.length - incompleteTail(head));
  const notice = `[the first ${shown.length} of ${body.length} bytes; read on with get {"path": "${entry.path}", "line": ${shown.toString('utf8').split('\n').length}}]`;
  return { text: `${label}${shown.toString('utf8')}\n${notice}`, bytes: shown.length };
}

/** What a model is told of a command that goes on in the background, with the calls that reach it (SPEC {#yield}). */
function runningText(entry: Entry, mode: LoopMode): string {
  const { command, channels } = entry.attributes;
  const path = JSON.stringify(entry.path);
  const waiting = (entry.attributes['shown'] as ShownMark | undefined)?.waiting;
  const parts = parseLogPath(entry.path);
  const first = parts && Array.isArray(channels) && typeof channels[0] === 'number' ? channelPath(parts, channels[0]) : entry.path;
  const calls = [`wait {"path": ${path}} waits for its end`, `get {"path": ${JSON.stringify(first)}, "line": -50} reads its last lines`];
  if (mode === 'act') calls.push(`cancel {"path": ${path}} ends it`);
  return [
    ...(typeof command === 'string' ? [`$ ${command}`] : []),
    `${entry.path} is still running in the background. You are told when it has ended.`,
    ...(waiting ? [waitingText(entry.path, waiting.prompt, mode)] : []),
    `${calls.join('; ')}.`,
  ].join('\n');
}

function waitingText(path: string, prompt: string | undefined, mode: LoopMode): string {
  const after = prompt === undefined ? '' : `, after ${JSON.stringify(prompt)}`;
  const how = mode === 'act' ? ` Type with input {"path": ${JSON.stringify(path)}, "text": "...\\n"}, or cancel it.` : '';
  return `It seems to wait for input${after}.${how}`;
}
