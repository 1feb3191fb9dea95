import type { AddedProvider } from '../model/records.ts';
import type { Redaction } from '../redact/index.ts';
import type { ServerConfig } from '../runtime/index.ts';

/** What stands for a value that may be a secret. */
const HIDDEN = '(hidden)';

/**
 * The configuration that a server works with (SPEC {#config}): what was added at run time included, the values of variables that MCP
 * servers are given and of headers hidden, and what looks like a secret masked.
 */
export function shownConfig(config: ServerConfig, added: Readonly<Record<string, AddedProvider>>, redaction: Redaction): object {
  const { mcp, providers, ...rest } = config;
  const shown = {
    ...rest,
    providers: mapped({ ...added, ...providers }, (provider) => ('headers' in provider ? hidden(provider, 'headers') : provider)),
    mcp: mapped(mcp, (server) => hidden(server, 'env')),
  };
  return maskedTexts(shown, (text) => redaction.text(text)) as object;
}

function hidden<T extends object>(of: T, member: keyof T): T {
  const values = of[member];
  if (typeof values !== 'object' || values === null) return of;
  return { ...of, [member]: mapped(values as Readonly<Record<string, unknown>>, () => HIDDEN) };
}

function mapped<T, U>(of: Readonly<Record<string, T>>, change: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(of).map(([name, value]) => [name, change(value)]));
}

/** A copy of plain data in which every text is masked. */
function maskedTexts(value: unknown, mask: (text: string) => string): unknown {
  if (typeof value === 'string') return mask(value);
  if (Array.isArray(value)) return value.map((one) => maskedTexts(one, mask));
  if (typeof value !== 'object' || value === null) return value;
  return mapped(value as Readonly<Record<string, unknown>>, (one) => maskedTexts(one, mask));
}
