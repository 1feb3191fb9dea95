import type { ModelMessage as SdkMessage, ToolSet } from 'ai';
import { messageOf } from '../core/errors.ts';
import { ModelFailure } from '../model/model-failure.ts';
import type { ModelEvent, ModelMessage, ModelProvider, ModelRequest, ToolSpec } from '../model/ports/model-provider.ts';

export interface OpenAiCompatibleOptions {
  readonly name: string;
  /** For example http://127.0.0.1:11434/v1. */
  readonly baseUrl: string;
  readonly apiKey: string | undefined;
  /** Times that a refused or failed request is sent again, with back-off and Retry-After. Default 2. */
  readonly retries?: number;
}

/** How such servers say that the context is too long; there is no common error code. */
const TOO_LONG = /context.{0,20}(length|window|size|long|limit)|maximum context|too many tokens|prompt is too long/i;

/**
 * Models behind an OpenAI-compatible HTTP API, through the AI SDK (SPEC {#provider_openai}). The SDK is loaded with the
 * first question, so that a server starts without it.
 */
export function openAiCompatible(options: OpenAiCompatibleOptions): ModelProvider {
  return { name: options.name, ask: (request, signal) => ask(options, request, signal) };
}

async function* ask(options: OpenAiCompatibleOptions, request: ModelRequest, signal: AbortSignal): AsyncGenerator<ModelEvent> {
  const [{ createOpenAICompatible }, sdk] = await Promise.all([import('@ai-sdk/openai-compatible'), import('ai')]);
  signal.throwIfAborted();
  const provider = createOpenAICompatible({
    name: options.name,
    baseURL: options.baseUrl,
    includeUsage: true,
    ...(options.apiKey === undefined ? {} : { apiKey: options.apiKey }),
  });
  const { fullStream } = sdk.streamText({
    model: provider(request.model),
    messages: request.messages.map(toSdk),
    allowSystemInMessages: true,
    tools: toolSet(sdk, request.tools),
    maxRetries: options.retries ?? 2,
    abortSignal: signal,
    onError: () => {},
    ...(request.temperature === undefined ? {} : { temperature: request.temperature }),
  });
  let complete = false;
  try {
    for await (const part of fullStream) {
      if (part.type === 'text-delta' && part.text !== '') yield { type: 'text', text: part.text };
      else if (part.type === 'tool-call') yield callEvent(part);
      else if (part.type === 'error') throw part.error;
      else if (part.type === 'finish-step') complete = part.rawFinishReason !== undefined;
      else if (part.type === 'finish' && complete) {
        const { inputTokens, outputTokens, inputTokenDetails } = part.totalUsage;
        const reason = part.finishReason === 'tool-calls' ? 'calls' : part.finishReason;
        yield {
          type: 'finish',
          usage: { inputTokens: inputTokens ?? 0, outputTokens: outputTokens ?? 0, cachedTokens: inputTokenDetails.cacheReadTokens ?? 0 },
          reason: reason === 'stop' || reason === 'calls' || reason === 'length' ? reason : 'other',
        };
      }
    }
  } catch (error) {
    signal.throwIfAborted();
    throw failureOf(sdk, error, options);
  }
  signal.throwIfAborted();
  if (!complete) {
    throw new ModelFailure('model_cut', `The answer of ${request.model} broke off before its end. Ask again; if it happens each time, look at the log of ${options.baseUrl}.`);
  }
}

function callEvent(part: { toolCallId: string; toolName: string; input: unknown; invalid?: boolean | undefined; error?: unknown }): ModelEvent {
  const { toolCallId: id, toolName: tool, input } = part;
  if (typeof input === 'object' && input !== null && !Array.isArray(input)) {
    return { type: 'call', call: { id, tool, input: input as Record<string, unknown> } };
  }
  const raw = typeof input === 'string' ? input : JSON.stringify(input ?? null);
  return { type: 'bad-call', id, tool, raw, problem: `the arguments are no JSON object (${part.error ? messageOf(part.error).split('\n', 1)[0] : typeof input})` };
}

function toSdk(message: ModelMessage): SdkMessage {
  switch (message.role) {
    case 'system':
    case 'user':
      return { role: message.role, content: message.text };
    case 'assistant':
      return {
        role: 'assistant',
        content: [
          ...(message.text === '' ? [] : [{ type: 'text' as const, text: message.text }]),
          ...message.calls.map(({ id, tool, input }) => ({ type: 'tool-call' as const, toolCallId: id, toolName: tool, input })),
        ],
      };
    case 'tool':
      return {
        role: 'tool',
        content: [{ type: 'tool-result', toolCallId: message.callId, toolName: message.tool, output: { type: 'text', value: message.text } }],
      };
  }
}

function toolSet(sdk: typeof import('ai'), tools: readonly ToolSpec[]): ToolSet {
  return Object.fromEntries(tools.map(({ name, description, inputSchema }) => [name, sdk.tool({ description, inputSchema: sdk.jsonSchema(inputSchema) })]));
}

function failureOf(sdk: typeof import('ai'), error: unknown, options: OpenAiCompatibleOptions): ModelFailure {
  if (error instanceof ModelFailure) return error;
  const cause = sdk.RetryError.isInstance(error) ? error.lastError : error;
  if (sdk.APICallError.isInstance(cause)) {
    const said = `${cause.message} ${cause.responseBody ?? ''}`.slice(0, 500).trim();
    const { statusCode } = cause;
    if (statusCode === undefined) {
      return new ModelFailure('model_unreachable', `${options.baseUrl} cannot be reached (${messageOf(cause.cause ?? cause)}). Is the model server running, and is the address right?`, undefined, { cause });
    }
    if (TOO_LONG.test(said)) {
      return new ModelFailure('model_context', `The model refused the context as too long: ${said}. Go on in a new run, or name a model with a longer context.`, 413, { cause });
    }
    const advice =
      statusCode === 401 || statusCode === 403 ? 'Check the API key of this provider.' : statusCode === 404 ? 'Check the model\'s name and the address.' : 'Ask again later.';
    return new ModelFailure('model_http', `The model server answered HTTP ${statusCode}: ${said}. ${advice}`, statusCode, { cause });
  }
  return new ModelFailure('model_cut', `The answer could not be read: ${messageOf(cause).slice(0, 500)}. Ask again; if it happens each time, look at the log of ${options.baseUrl}.`, undefined, {
    cause,
  });
}
