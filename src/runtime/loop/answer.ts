import { ModelFailure } from '../../model/model-failure.ts';
import type { ModelEvent, ModelMessage, ModelProvider, ModelRequest, ToolCall } from '../../model/ports/model-provider.ts';
import type { Usage } from '../../model/records.ts';

/** A tool call as it came: readable, or with what is wrong with it. */
export type AnsweredCall = ToolCall & { readonly bad?: { readonly raw: string; readonly problem: string } };

/** A model's whole answer. */
export interface ModelAnswer {
  readonly text: string;
  readonly calls: readonly AnsweredCall[];
  readonly usage: Usage | null;
  readonly reason: Extract<ModelEvent, { type: 'finish' }>['reason'];
}

const NUDGE = 'Your last answer was empty. Answer with text, or call a tool.';

/**
 * Asks until there is an answer: an empty one is asked for once more with a nudge, a second one is `model_empty`.
 * Throws `ModelFailure`, and whatever the signal was aborted with.
 */
export async function askModel(provider: ModelProvider, request: ModelRequest, signal: AbortSignal): Promise<ModelAnswer> {
  const first = await once(provider, request, signal);
  if (!isEmpty(first)) return first;
  const nudge: ModelMessage = { role: 'user', text: NUDGE };
  const second = await once(provider, { ...request, messages: [...request.messages, nudge] }, signal);
  if (!isEmpty(second)) return second;
  throw new ModelFailure(
    'model_empty',
    `The model ${request.model} answered nothing, twice. Ask again, perhaps with other words or another model.`,
  );
}

function isEmpty(answer: ModelAnswer): boolean {
  return answer.calls.length === 0 && answer.text.trim() === '';
}

async function once(provider: ModelProvider, request: ModelRequest, signal: AbortSignal): Promise<ModelAnswer> {
  let text = '';
  let finish: Extract<ModelEvent, { type: 'finish' }> | undefined;
  const calls: AnsweredCall[] = [];
  for await (const event of provider.ask(request, signal)) {
    signal.throwIfAborted();
    if (event.type === 'text') text += event.text;
    else if (event.type === 'call') calls.push(event.call);
    else if (event.type === 'bad-call')
      calls.push({ id: event.id, tool: event.tool, input: {}, bad: { raw: event.raw, problem: event.problem } });
    else finish = event;
  }
  signal.throwIfAborted();
  if (!finish) throw new ModelFailure('model_cut', 'The answer of the model broke off. Ask again.');
  return { text, calls: withOwnIds(calls), usage: finish.usage, reason: finish.reason };
}

/** Results are matched to calls by id; some servers send none, or the same one twice. */
function withOwnIds(calls: readonly AnsweredCall[]): AnsweredCall[] {
  const taken = new Set<string>();
  return calls.map((call, index) => {
    const id = call.id === '' || taken.has(call.id) ? `${call.id || 'call'}-${index + 1}` : call.id;
    taken.add(id);
    return { ...call, id };
  });
}
