import { ModelFailure } from '../../model/model-failure.ts';
import type { ModelEvent } from '../../model/ports/model-provider.ts';

interface SdkCall {
  readonly toolCallId: string;
  readonly toolName: string;
  readonly input: unknown;
}

/**
 * A call as the model wrote it; what is no JSON object is left for those who mend it (SPEC {#healing}).
 *
 * @param written - the text of its arguments as it came, when it came in pieces; the SDK may have read a string in it already
 */
export function callOf({ toolCallId: id, toolName: tool, input }: SdkCall, written: string | undefined): ModelEvent {
  if (typeof input === 'object' && input !== null && !Array.isArray(input))
    return { type: 'call', call: { id, tool, input: input as Record<string, unknown> } };
  const raw = written || (typeof input === 'string' ? input : (JSON.stringify(input) ?? ''));
  return { type: 'bad-call', id, tool, raw, problem: 'its arguments are no JSON object' };
}

interface SdkFinish {
  readonly finishReason: string;
  readonly rawFinishReason: string | undefined;
  readonly totalUsage: {
    readonly inputTokens?: number | undefined;
    readonly outputTokens?: number | undefined;
    readonly inputTokenDetails?: { readonly cacheReadTokens?: number | undefined; readonly cacheWriteTokens?: number | undefined };
  };
}

/** The end of an answer. Throws `model_cut` when the provider gave no reason for it, for then it is no end. */
export function finishOf({ finishReason, rawFinishReason, totalUsage }: SdkFinish): Extract<ModelEvent, { type: 'finish' }> {
  if (rawFinishReason === undefined && finishReason !== 'tool-calls' && finishReason !== 'stop')
    throw new ModelFailure('model_cut', 'The answer of the model broke off before its end. Ask again.');
  const { inputTokens, outputTokens, inputTokenDetails: details } = totalUsage;
  const usage = {
    inputTokens: inputTokens ?? 0,
    outputTokens: outputTokens ?? 0,
    cachedTokens: details?.cacheReadTokens ?? 0,
    ...(details?.cacheWriteTokens ? { cacheWriteTokens: details.cacheWriteTokens } : {}),
  };
  return { type: 'finish', reason: reasonOf(finishReason), usage };
}

function reasonOf(reason: string): Extract<ModelEvent, { type: 'finish' }>['reason'] {
  if (reason === 'tool-calls') return 'calls';
  if (reason === 'content-filter') return 'filtered';
  return reason === 'stop' || reason === 'length' ? reason : 'other';
}
