import type { ModelEvent, ModelProvider, ModelRequest } from '../../model/ports/model-provider.ts';
import { healCall } from './call.ts';

/** What is said of one call at most: repairs, and characters of each. */
const MAX_REPAIRS = 20;
const MAX_CHARS = 400;

type Call = Extract<ModelEvent, { type: 'call' | 'bad-call' }>;

/** A provider whose calls are mended where they have one reading only; what was mended is said with the call (SPEC {#healing}). */
export function healed(provider: ModelProvider): ModelProvider {
  return { ...provider, ask: (request, signal) => ask(provider, request, signal) };
}

async function* ask(provider: ModelProvider, request: ModelRequest, signal: AbortSignal): AsyncGenerator<ModelEvent> {
  // Whether a call may have lost its end is known at the end of the answer.
  const calls: Call[] = [];
  for await (const event of provider.ask(request, signal)) {
    if (event.type === 'call' || event.type === 'bad-call') calls.push(event);
    else {
      if (event.type === 'finish') for (const call of calls.splice(0)) yield heal(call, request, event.reason === 'length');
      yield event;
    }
  }
}

function heal(event: Call, { tools }: ModelRequest, cut: boolean): ModelEvent {
  if (event.type === 'bad-call' && event.final) return { ...event, problem: short(event.problem) };
  const { id, tool, args, before } =
    event.type === 'call'
      ? { id: event.call.id, tool: event.call.tool, args: event.call.input, before: event.repaired ?? [] }
      : { id: event.id, tool: event.tool, args: event.raw, before: [] };
  const read = healCall(tool, args, tools, cut);
  if ('problem' in read) {
    const raw = typeof args === 'string' ? args : JSON.stringify(args);
    return { type: 'bad-call', id, tool: read.tool, raw, problem: short(read.problem) };
  }
  const repaired = [...before, ...read.repairs].slice(0, MAX_REPAIRS).map(short);
  return { type: 'call', call: { id, tool: read.tool, input: read.input }, ...(repaired.length === 0 ? {} : { repaired }) };
}

function short(text: string): string {
  return text.length > MAX_CHARS ? `${text.slice(0, MAX_CHARS)} ...` : text;
}
