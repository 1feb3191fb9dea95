import { setTimeout as delay } from 'node:timers/promises';
import type { ToolSet } from 'ai';
import type { Clock } from '../../core/clock.ts';
import { defined } from '../../core/defined.ts';
import { HeadgateError } from '../../core/errors.ts';
import { ModelFailure } from '../../model/model-failure.ts';
import type { ModelEvent, ModelProvider, ModelRequest } from '../../model/ports/model-provider.ts';
import { callOf, finishOf } from './answer-parts.ts';
import { type Connection, connectionOf, type ProviderOptions } from './connection.ts';
import { failureOf, isPassing } from './failures.ts';
import { KINDS } from './kinds.ts';
import { sdkMessages } from './messages.ts';
import type { RequestTiming } from './timing.ts';
import { watchedFetch } from './watched-fetch.ts';

export type SdkProviderOptions = ProviderOptions & { readonly timing: RequestTiming; readonly clock: Clock };

/**
 * A model behind one of the APIs that the AI SDK speaks (SPEC {#providers}). The SDK is loaded with the first request; retries
 * and time limits are ours (SPEC {#model_retry}).
 */
export function sdkProvider(options: SdkProviderOptions): ModelProvider {
  return {
    name: options.name,
    problem: () => {
      const connection = connectionOf(options);
      return 'problem' in connection ? connection.problem : undefined;
    },
    ask: (request, signal) => ask(options, request, signal),
  };
}

/** Asks again after what may pass, until something has been said: what has been said cannot be taken back. */
async function* ask(options: SdkProviderOptions, request: ModelRequest, signal: AbortSignal): AsyncGenerator<ModelEvent> {
  const connection = connectionOf(options);
  if ('problem' in connection) throw new ModelFailure('model_config', connection.problem);
  for (let attempt = 1; ; attempt++) {
    let said = false;
    try {
      for await (const event of once(options, connection, request, signal)) {
        said = true;
        yield event;
      }
      return;
    } catch (error) {
      throwIfCancelled(signal);
      const now = options.clock.now();
      const failure = failureOf(error, { provider: options.name, baseUrl: connection.baseURL, apiKey: connection.apiKey }, now);
      if (said || !isPassing(failure)) throw failure;
      await delay(waitBefore(attempt, failure, options.timing, now), undefined, { signal }).catch(() => {});
      throwIfCancelled(signal);
    }
  }
}

/** Milliseconds until the next attempt. Throws the failure when there is to be none, with when to try again. */
function waitBefore(attempt: number, failure: ModelFailure, timing: RequestTiming, now: number): number {
  const { retryAfterMs, outcome, message, httpStatus } = failure;
  const wait = retryAfterMs ?? timing.backoffMs * 2 ** (attempt - 1);
  if (attempt < timing.attempts && wait <= timing.maxWaitMs) return wait;
  if (retryAfterMs === undefined) throw failure;
  // Beyond what a date can hold there is nothing to name.
  const at = new Date(Math.min(now + retryAfterMs, 8.64e15)).toISOString();
  throw new ModelFailure(outcome, `${message} It asks to be left alone until ${at}.`, httpStatus, { cause: failure, retryAfterMs });
}

async function* once(
  { name, kind: kindName, headers, timing }: SdkProviderOptions,
  connection: Connection,
  request: ModelRequest,
  signal: AbortSignal,
): AsyncGenerator<ModelEvent> {
  const kind = KINDS[kindName];
  const watched = watchedFetch(timing.stallMs);
  const sdk = await loadSdk();
  const model = await kind.model({ ...connection, name, headers: { ...headers }, fetch: watched.fetch, model: request.model });
  throwIfCancelled(signal);
  const { system, messages } = sdkMessages(request.messages, kind.marksCache);
  const tools: ToolSet = Object.fromEntries(
    request.tools.map(({ name, description, inputSchema }) => [
      name,
      sdk.tool({ description, inputSchema: sdk.jsonSchema(inputSchema), ...kind.tool }),
    ]),
  );
  try {
    const result = sdk.streamText({
      model,
      messages,
      ...defined({ system }),
      ...(request.tools.length === 0 ? {} : { tools }),
      ...defined({ temperature: request.temperature, providerOptions: kind.providerOptions }),
      maxRetries: 0,
      abortSignal: AbortSignal.any([signal, watched.signal]),
      // Failures come as parts of the stream; the SDK would print them as well.
      onError: () => {},
    });
    const written = new Map<string, string>();
    for await (const part of result.fullStream) {
      if (part.type === 'text-delta') {
        if (part.text !== '') yield { type: 'text', text: part.text };
      } else if (part.type === 'tool-input-start') written.set(part.id, '');
      else if (part.type === 'tool-input-delta') written.set(part.id, `${written.get(part.id) ?? ''}${part.delta}`);
      else if (part.type === 'tool-call') yield callOf(part, written.get(part.toolCallId));
      else if (part.type === 'error') throw part.error;
      else if (part.type === 'finish') yield finishOf(part);
    }
    watched.signal.throwIfAborted();
  } catch (error) {
    watched.signal.throwIfAborted();
    throw error;
  } finally {
    watched.close();
  }
  throwIfCancelled(signal);
}

async function loadSdk() {
  // Warnings of the SDK go to the console, where a server's standard output belongs to its callers.
  (globalThis as { AI_SDK_LOG_WARNINGS?: boolean }).AI_SDK_LOG_WARNINGS = false;
  const { streamText, tool, jsonSchema } = await import('ai');
  return { streamText, tool, jsonSchema };
}

function throwIfCancelled(signal: AbortSignal): void {
  if (signal.aborted) throw new HeadgateError('cancelled', 'the request to the model was cancelled');
}
