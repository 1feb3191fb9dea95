/** The APIs that a provider may speak (SPEC {#providers}). */
export const PROVIDER_KINDS = ['openai-compatible', 'openai', 'anthropic'] as const;
export type ProviderKind = (typeof PROVIDER_KINDS)[number];

/** How a model is told of tools and calls them: the API's own way, or tags in its text (SPEC {#dialect_xml}). */
export const DIALECTS = ['native', 'xml'] as const;
export type Dialect = (typeof DIALECTS)[number];
