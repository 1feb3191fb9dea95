import type { ToolSet } from 'ai';
import { HeadgateError } from '../core/errors.ts';
import { ModelFailure } from '../model/model-failure.ts';
import type { ModelEvent, ModelProvider, ModelRequest } from '../model/ports/model-provider.ts';
import { failureOf } from './failures.ts';
import { sdkMessages } from './messages.ts';

/** Attempts after the first one; the SDK waits for `retry-after`, or 2 s and then twice as long each time. */
const MAX_RETRIES = 2;

export interface OpenAiCompatibleOptions {
  readonly name: string;
  /** Asked before every request, so that a changed environment counts. */
  baseUrl(): string | undefined;
  readonly apiKeyEnv?: string | undefined;
  /** True: a missing key is a fault of the configuration. */
  readonly keyRequired: boolean;
  readonly env: NodeJS.ProcessEnv;
}

/**
 * A model behind the OpenAI chat completions API: OpenAI's own, Ollama, vLLM, llama.cpp, OpenRouter and others. The AI
 * SDK is loaded with the first request, so that a server that asks no model starts without it.
 */
export function openAiCompatible(options: OpenAiCompatibleOptions): ModelProvider {
  return {
    name: options.name,
    ask: (request, signal) => ask(options, request, signal),
  };
}

async function* ask(options: OpenAiCompatibleOptions, request: ModelRequest, signal: AbortSignal): AsyncGenerator<ModelEvent> {
  const { baseURL, apiKey } = connection(options);
  const sdk = await loadSdk();
  throwIfCancelled(signal);
  const provider = sdk.createOpenAICompatible({ name: options.name, baseURL, includeUsage: true, ...(apiKey ? { apiKey } : {}) });
  const { system, messages } = sdkMessages(request.messages);
  const tools: ToolSet = Object.fromEntries(
    request.tools.map(({ name, description, inputSchema }) => [name, sdk.tool({ description, inputSchema: sdk.jsonSchema(inputSchema) })]),
  );
  const result = sdk.streamText({
    model: provider.chatModel(request.model),
    messages,
    ...(system === '' ? {} : { system }),
    ...(request.tools.length === 0 ? {} : { tools }),
    ...(request.temperature === undefined ? {} : { temperature: request.temperature }),
    maxRetries: MAX_RETRIES,
    abortSignal: signal,
    // Failures come as parts of the stream; the SDK would print them as well.
    onError: () => {},
  });
  try {
    for await (const part of result.fullStream) {
      if (part.type === 'text-delta') yield { type: 'text', text: part.text };
      else if (part.type === 'tool-call') yield callOf(part, sdk.NoSuchToolError.isInstance);
      else if (part.type === 'error') throw part.error;
      else if (part.type === 'abort') throwIfCancelled(signal);
      else if (part.type === 'finish') yield finish(part);
    }
  } catch (error) {
    throwIfCancelled(signal);
    throw failureOf(error, options.name, baseURL);
  }
  throwIfCancelled(signal);
}

function connection(options: OpenAiCompatibleOptions): { baseURL: string; apiKey: string | undefined } {
  const baseURL = options.baseUrl();
  if (!baseURL) {
    throw new ModelFailure(
      'model_config',
      `The provider "${options.name}" has no address. Set HEADGATE_OPENAI_BASE_URL (and HEADGATE_OPENAI_API_KEY), or name a provider in the server's configuration file.`,
    );
  }
  const apiKey = options.apiKeyEnv === undefined ? undefined : options.env[options.apiKeyEnv];
  if (options.keyRequired && options.apiKeyEnv !== undefined && !apiKey) {
    throw new ModelFailure(
      'model_config',
      `The provider "${options.name}" takes its key from ${options.apiKeyEnv}, which is not set. Set it where the server is started.`,
    );
  }
  return { baseURL, apiKey };
}

async function loadSdk() {
  // Warnings of the SDK go to the console, where a server's standard output belongs to its callers.
  (globalThis as { AI_SDK_LOG_WARNINGS?: boolean }).AI_SDK_LOG_WARNINGS = false;
  const [{ streamText, tool, jsonSchema, NoSuchToolError }, { createOpenAICompatible }] = await Promise.all([
    import('ai'),
    import('@ai-sdk/openai-compatible'),
  ]);
  return { streamText, tool, jsonSchema, NoSuchToolError, createOpenAICompatible };
}

interface SdkCall {
  readonly toolCallId: string;
  readonly toolName: string;
  readonly input: unknown;
  readonly invalid?: boolean | undefined;
  readonly error?: unknown;
}

/** A call of a tool that does not exist is readable: the runtime answers it. Only what is no JSON object is a bad call. */
function callOf(call: SdkCall, isNoSuchTool: (error: unknown) => boolean): ModelEvent {
  const { toolCallId: id, toolName: tool, input } = call;
  const readable = typeof input === 'object' && input !== null && !Array.isArray(input);
  if (readable && (!call.invalid || isNoSuchTool(call.error)))
    return { type: 'call', call: { id, tool, input: input as Record<string, unknown> } };
  const raw = typeof input === 'string' ? input : (JSON.stringify(input) ?? '');
  return { type: 'bad-call', id, tool, raw, problem: problemOf(raw) };
}

function problemOf(raw: string): string {
  try {
    JSON.parse(raw);
    return 'its arguments are JSON, but no object';
  } catch (error) {
    return `its arguments are no JSON: ${error instanceof Error ? error.message : String(error)}`;
  }
}

function finish(part: {
  finishReason: string;
  rawFinishReason: string | undefined;
  totalUsage: {
    inputTokens?: number | undefined;
    outputTokens?: number | undefined;
    inputTokenDetails?: { cacheReadTokens?: number | undefined };
  };
}): ModelEvent {
  if (part.rawFinishReason === undefined)
    throw new ModelFailure('model_cut', 'The answer of the model broke off before its end. Ask again.');
  const { inputTokens, outputTokens, inputTokenDetails } = part.totalUsage;
  const reason =
    part.finishReason === 'tool-calls'
      ? 'calls'
      : part.finishReason === 'stop' || part.finishReason === 'length'
        ? part.finishReason
        : 'other';
  const usage = { inputTokens: inputTokens ?? 0, outputTokens: outputTokens ?? 0, cachedTokens: inputTokenDetails?.cacheReadTokens ?? 0 };
  return { type: 'finish', reason, usage };
}

function throwIfCancelled(signal: AbortSignal): void {
  if (signal.aborted) throw new HeadgateError('cancelled', 'the request to the model was cancelled');
}
