import type { ModelProvider } from '../model/ports/model-provider.ts';
import { openAiCompatible } from './openai-compatible.ts';
import { scriptedProvider } from './scripted.ts';

export { openAiCompatible, type OpenAiCompatibleOptions } from './openai-compatible.ts';
export { scriptedProvider } from './scripted.ts';

/** A provider as the configuration file has it. */
export interface ProviderConfig {
  readonly baseUrl: string;
  readonly apiKeyEnv?: string | undefined;
}

type Environment = Readonly<Record<string, string | undefined>>;

const DEFAULT_BASE_URL = 'http://127.0.0.1:11434/v1';

/**
 * The providers of a server: `scripted`, `openai-compatible` from HEADGATE_OPENAI_BASE_URL and HEADGATE_OPENAI_API_KEY,
 * and those of the configuration file. Keys come from the environment only (SPEC {#providers}).
 */
export function createProviders(configured: Readonly<Record<string, ProviderConfig>>, environment: Environment): ModelProvider[] {
  const fromEnvironment = openAiCompatible({
    name: 'openai-compatible',
    baseUrl: environment['HEADGATE_OPENAI_BASE_URL'] ?? DEFAULT_BASE_URL,
    apiKey: environment['HEADGATE_OPENAI_API_KEY'],
  });
  const fromFile = Object.entries(configured).map(([name, { baseUrl, apiKeyEnv }]) =>
    openAiCompatible({ name, baseUrl, apiKey: apiKeyEnv === undefined ? undefined : environment[apiKeyEnv] }),
  );
  return [scriptedProvider(), fromEnvironment, ...fromFile];
}
