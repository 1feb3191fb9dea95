import { ModelFailure } from '../../model/model-failure.ts';
import {
  MAX_CALLS,
  type ModelEvent,
  type ModelMessage,
  type ModelProvider,
  type ModelRequest,
  type ToolCall,
} from '../../model/ports/model-provider.ts';
import type { TurnVoice } from '../live-text.ts';

/** A tool call as it came: readable, perhaps mended, or with what is wrong with it. */
export type AnsweredCall = ToolCall & {
  readonly bad?: { readonly raw: string; readonly problem: string };
  /** What was mended, in words (SPEC {#healing}). */
  readonly repaired?: readonly string[];
};

/** A model's whole answer. */
export interface ModelAnswer {
  readonly text: string;
  readonly calls: readonly AnsweredCall[];
  readonly reason: Extract<ModelEvent, { type: 'finish' }>['reason'];
}

/** Characters of one answer's text, beyond which it is no answer; an entry holds no more. */
const MAX_TEXT = 1024 * 1024;
/** Characters of what cannot be read that are kept. */
const MAX_RAW = 16 * 1024;
const MAX_NAME = 200;
const NUDGE = 'Your last answer was empty. Answer with text, or call a tool.';

/** Why an answer without an action may not be whole; people and the model read it behind its text. */
const NOTICES: Readonly<Partial<Record<ModelAnswer['reason'], string>>> = {
  length: '[cut off: the answer reached the limit of its tokens]',
  filtered: '[cut off: the provider filtered the rest]',
};

/**
 * Asks until there is an answer: an empty one is asked for once more with a nudge, a second one is `model_empty`, one that was
 * filtered `model_filtered`. `voice` gets the text as it comes (SPEC {#model_stream}). Throws `ModelFailure`, and whatever the
 * signal was aborted with.
 */
export async function askModel(
  provider: ModelProvider,
  request: ModelRequest,
  signal: AbortSignal,
  voice: TurnVoice,
): Promise<ModelAnswer> {
  const first = await once(provider, request, signal, voice);
  if (!isEmpty(first)) return first;
  refuseUnsaid(first, request);
  const nudge: ModelMessage = { role: 'user', text: NUDGE };
  const answer = await once(provider, { ...request, messages: [...request.messages, nudge] }, signal, voice);
  if (!isEmpty(answer)) return answer;
  refuseUnsaid(answer, request);
  throw new ModelFailure(
    'model_empty',
    `The model ${request.model} returned an empty answer twice. Ask again, perhaps with other words or another model.`,
  );
}

/** Asking the same once more does not help against these. */
function refuseUnsaid({ reason }: ModelAnswer, { model }: ModelRequest): void {
  if (reason === 'filtered')
    throw new ModelFailure('model_filtered', `The provider of ${model} filtered the whole answer. Ask with other words, or another model.`);
  if (reason === 'length')
    throw new ModelFailure(
      'model_empty',
      `The model ${model} reached the limit of its tokens before it said anything. Ask for less at once, or raise its limit.`,
    );
}

function isEmpty(answer: ModelAnswer): boolean {
  return answer.calls.length === 0 && answer.text.trim() === '';
}

async function once(provider: ModelProvider, request: ModelRequest, signal: AbortSignal, voice: TurnVoice): Promise<ModelAnswer> {
  let text = '';
  let finish: Extract<ModelEvent, { type: 'finish' }> | undefined;
  const calls: AnsweredCall[] = [];
  const say = (piece: string) => {
    text += piece;
    if (text.length > MAX_TEXT)
      throw new ModelFailure('model_cut', `The answer of the model is longer than ${MAX_TEXT} characters. Ask for less at once.`);
    voice.say(piece);
  };
  voice.begin();
  try {
    for await (const event of provider.ask(request, signal)) {
      signal.throwIfAborted();
      if (event.type === 'text') say(event.text);
      else if (event.type === 'call') {
        const { call, repaired } = event;
        calls.push({ ...call, tool: call.tool.slice(0, MAX_NAME), ...(repaired ? { repaired } : {}) });
      } else if (event.type === 'bad-call') {
        const { id, tool, raw, problem } = event;
        calls.push({ id, tool: tool.slice(0, MAX_NAME), input: {}, bad: { raw: raw.slice(0, MAX_RAW), problem } });
      } else finish = event;
      if (calls.length > MAX_CALLS)
        throw new ModelFailure('model_cut', `The answer of the model has more than ${MAX_CALLS} calls. Ask for less at once.`);
    }
    signal.throwIfAborted();
    if (!finish) throw new ModelFailure('model_cut', 'The answer of the model broke off. Ask again.');
    const notice = calls.length === 0 && text.trim() !== '' ? NOTICES[finish.reason] : undefined;
    if (notice !== undefined) say(`\n\n${notice}`);
  } finally {
    voice.end();
  }
  return { text, calls: withOwnIds(calls), reason: finish.reason };
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
