import type { ModelProvider } from '../model/ports/model-provider.ts';
import { openAiCompatible } from './openai-compatible.ts';
import { scripted } from './scripted.ts';

/** A provider as the configuration file names it. */
export interface ProviderSettings {
  readonly baseUrl: string;
  /** Environment variable that holds the key. */
  readonly apiKeyEnv?: string | undefined;
}

/**
 * The providers of a server: `scripted`, `openai-compatible` (from HEADGATE_OPENAI_BASE_URL and
 * HEADGATE_OPENAI_API_KEY unless the file has one of that name), and those of the configuration file.
 * Keys are read from `env` when a model is asked, and kept nowhere (SPEC {#providers}).
 */
export function createProviders(configured: Readonly<Record<string, ProviderSettings>>, env: NodeJS.ProcessEnv): ModelProvider[] {
  const named = Object.entries(configured).filter(([name]) => name !== 'scripted');
  const fromEnvironment = openAiCompatible({
    name: 'openai-compatible',
    baseUrl: () => env['HEADGATE_OPENAI_BASE_URL'],
    apiKeyEnv: 'HEADGATE_OPENAI_API_KEY',
    keyRequired: false,
    env,
  });
  const ofFile = named.map(([name, { baseUrl, apiKeyEnv }]) =>
    openAiCompatible({ name, baseUrl: () => baseUrl, apiKeyEnv, keyRequired: true, env }),
  );
  const all = [scripted(), fromEnvironment, ...ofFile];
  return [...new Map(all.map((provider) => [provider.name, provider])).values()];
}

export { scripted } from './scripted.ts';
