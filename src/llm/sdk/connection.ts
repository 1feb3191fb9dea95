import type { ProviderKind } from '../../model/provider-kind.ts';

/** Where a provider is and how it is spoken to. */
export interface ProviderOptions {
  readonly name: string;
  readonly kind: ProviderKind;
  /** Asked before every request, so that a changed environment counts. */
  baseUrl(): string | undefined;
  /** Environment variable that holds the key. */
  readonly apiKeyEnv?: string | undefined;
  /** True: a missing key is a fault of the configuration. */
  readonly keyRequired: boolean;
  /** Sent with every request. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly env: NodeJS.ProcessEnv;
}

export interface Connection {
  readonly baseURL: string;
  readonly apiKey: string | undefined;
}

/** Address and key as they are now, or what is missing and what to do (SPEC {#providers}). */
export function connectionOf(o: ProviderOptions): Connection | { readonly problem: string } {
  const given = o.baseUrl();
  if (!given) {
    return {
      problem: `The provider "${o.name}" has no address. Set HEADGATE_OPENAI_BASE_URL (and HEADGATE_OPENAI_API_KEY) where the server is started, or add the model with its address: headgate models add NAME MODEL --base-url URL --key-env VAR.`,
    };
  }
  if (!/^https?:\/\/./i.test(given) || !URL.canParse(given))
    return { problem: `The address of the provider "${o.name}" is no http or https URL. Correct it where the server is started.` };
  // A line end at the end of a key is the shell's, not the key's.
  const apiKey = o.apiKeyEnv === undefined ? undefined : o.env[o.apiKeyEnv]?.trim() || undefined;
  if (o.keyRequired && o.apiKeyEnv !== undefined && !apiKey) {
    return {
      problem: `The provider "${o.name}" takes its key from ${o.apiKeyEnv}, which is not set. Set it where the server is started.`,
    };
  }
  return { baseURL: o.kind === 'anthropic' ? withVersion(given) : given, apiKey };
}

/** Anthropic's own tools take the address without its version, the SDK takes it with it. */
function withVersion(url: string): string {
  return new URL(url).pathname === '/' ? `${url.replace(/\/+$/, '')}/v1` : url;
}
