import { systemClock } from '../core/clock.ts';
import type { ModelProvider } from '../model/ports/model-provider.ts';
import type { Dialect, ProviderKind } from '../model/provider-kind.ts';
import { healed } from './heal/provider.ts';
import { scripted } from './scripted.ts';
import { sdkProvider } from './sdk/provider.ts';
import { type RequestTiming, TIMING } from './sdk/timing.ts';
import { withDialect } from './xml/provider.ts';

/** A provider as the configuration file names it. */
export interface ProviderSettings {
  /** `openai-compatible` when left out. */
  readonly kind?: ProviderKind | undefined;
  readonly baseUrl: string;
  /** Environment variable that holds the key. */
  readonly apiKeyEnv?: string | undefined;
  /** The dialect of its models that name none. */
  readonly dialect?: Dialect | undefined;
  /** Sent with every request. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** Variables with keys of providers that are always there; no command inherits them. */
export const KEY_VARIABLES: readonly string[] = ['OPENAI_API_KEY', 'ANTHROPIC_API_KEY', 'OPENROUTER_API_KEY'];

/**
 * The providers of a server: `scripted`, `openai-compatible`, `openai`, `anthropic`, `openrouter` and `ollama` from their variables, unless the
 * file has one of that name, and those of the configuration file. Keys are read from `env` when a model is asked, and kept
 * nowhere (SPEC {#providers}). Every one understands both dialects, and its calls are mended (SPEC {#dialect_xml}, {#healing}).
 */
export function createProviders(
  configured: Readonly<Record<string, ProviderSettings>>,
  env: NodeJS.ProcessEnv,
  timing: Partial<RequestTiming> = {},
): ModelProvider[] {
  const shared = { env, timing: { ...TIMING, ...timing }, clock: systemClock };
  const builtIn: ModelProvider[] = [
    scripted(),
    sdkProvider({
      name: 'openai-compatible',
      kind: 'openai-compatible',
      baseUrl: () => env['HEADGATE_OPENAI_BASE_URL'],
      apiKeyEnv: 'HEADGATE_OPENAI_API_KEY',
      keyRequired: false,
      ...shared,
    }),
    sdkProvider({
      name: 'openai',
      kind: 'openai',
      baseUrl: () => env['OPENAI_BASE_URL'] || 'https://api.openai.com/v1',
      apiKeyEnv: 'OPENAI_API_KEY',
      keyRequired: true,
      ...shared,
    }),
    sdkProvider({
      name: 'anthropic',
      kind: 'anthropic',
      baseUrl: () => env['ANTHROPIC_BASE_URL'] || 'https://api.anthropic.com/v1',
      apiKeyEnv: 'ANTHROPIC_API_KEY',
      keyRequired: true,
      ...shared,
    }),
    sdkProvider({
      name: 'openrouter',
      kind: 'openai-compatible',
      baseUrl: () => 'https://openrouter.ai/api/v1',
      apiKeyEnv: 'OPENROUTER_API_KEY',
      keyRequired: true,
      ...shared,
    }),
    sdkProvider({
      name: 'ollama',
      kind: 'openai-compatible',
      baseUrl: () => `${env['OLLAMA_HOST'] ? hostUrl(env['OLLAMA_HOST']) : 'http://127.0.0.1:11434'}/v1`,
      keyRequired: false,
      ...shared,
    }),
  ];
  const ofFile = Object.entries(configured)
    .filter(([name]) => name !== 'scripted')
    .map(([name, settings]) => providerOf(name, settings, env, timing));
  const all = [...builtIn.map((provider) => healed(withDialect(provider))), ...ofFile];
  return [...new Map(all.map((provider) => [provider.name, provider])).values()];
}

/** A provider with these settings. */
export function providerOf(
  name: string,
  { kind = 'openai-compatible', baseUrl, dialect, ...settings }: ProviderSettings,
  env: NodeJS.ProcessEnv,
  timing: Partial<RequestTiming> = {},
): ModelProvider {
  const shared = { env, timing: { ...TIMING, ...timing }, clock: systemClock };
  const provider = sdkProvider({ name, kind, baseUrl: () => baseUrl, keyRequired: true, ...settings, ...shared });
  return healed(withDialect(dialect === undefined ? provider : { ...provider, dialect }));
}

/** OLLAMA_HOST as Ollama reads it: a host, a host and a port, or a URL. */
function hostUrl(host: string): string {
  const url = new URL(/^https?:\/\//.test(host) ? host : `http://${host}`);
  if (url.port === '' && !host.includes('://')) url.port = '11434';
  return url.origin;
}

export { scripted } from './scripted.ts';
