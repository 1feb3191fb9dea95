import type { LanguageModel, ToolSet } from 'ai';
import type { ProviderKind } from '../../model/provider-kind.ts';
import type { Connection } from './connection.ts';

/** What differs from one API to the next. */
export interface Kind {
  /** Loads the SDK with the first request, so that a server that asks no model starts without it. */
  model(o: Connection & { name: string; headers: Record<string, string>; fetch: typeof fetch; model: string }): Promise<LanguageModel>;
  /** True: the prefix to keep in the provider's cache has to be marked. */
  readonly marksCache: boolean;
  /** Options of every request, by the SDK's own name of the API. */
  readonly providerOptions?: Record<string, Record<string, boolean>>;
  /** Of every tool. */
  readonly tool?: Pick<ToolSet[string], 'strict'>;
}

/** SDKs take a key from variables of their own when they are given none; these are given one that is no key. */
const NO_KEY = 'none';

export const KINDS: Readonly<Record<ProviderKind, Kind>> = {
  'openai-compatible': {
    marksCache: false,
    model: async ({ name, baseURL, apiKey, headers, fetch, model }) => {
      const { createOpenAICompatible } = await import('@ai-sdk/openai-compatible');
      return createOpenAICompatible({ name, baseURL, headers, fetch, includeUsage: true, ...(apiKey ? { apiKey } : {}) }).chatModel(model);
    },
  },
  openai: {
    marksCache: false,
    // Nothing is kept over there: the whole context is sent each time.
    providerOptions: { openai: { store: false } },
    // Optional parameters are not possible otherwise.
    tool: { strict: false },
    model: async ({ baseURL, apiKey = NO_KEY, headers, fetch, model }) => {
      const { createOpenAI } = await import('@ai-sdk/openai');
      return createOpenAI({ baseURL, apiKey, headers, fetch }).responses(model);
    },
  },
  anthropic: {
    marksCache: true,
    model: async ({ baseURL, apiKey = NO_KEY, headers, fetch, model }) => {
      const { createAnthropic } = await import('@ai-sdk/anthropic');
      return createAnthropic({ baseURL, apiKey, headers, fetch })(model);
    },
  },
};
