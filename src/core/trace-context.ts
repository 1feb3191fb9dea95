/** Where a span belongs, as the header `traceparent` of W3C Trace Context says it. */
export interface TraceContext {
  /** 32 lower case hexadecimal digits. */
  readonly traceId: string;
  /** 16 of them: the span that is the parent of what is done here. */
  readonly spanId: string;
  /** Whether the caller records its own spans. */
  readonly sampled: boolean;
}

const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?$/;

/** The context in a `traceparent`; undefined for a value that is not one, which is ignored as the standard has it. */
export function parseTraceparent(value: unknown): TraceContext | undefined {
  const match = typeof value === 'string' && value.length <= 512 ? TRACEPARENT.exec(value) : null;
  const [, traceId, spanId, flags = '00'] = match ?? [];
  if (traceId === undefined || spanId === undefined) return undefined;
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

/** The member `traceparent` of `_meta`, or of headers, if it is one. */
export function traceparentIn(meta: Readonly<Record<string, unknown>> | null | undefined): string | undefined {
  const value = meta?.['traceparent'];
  return parseTraceparent(value) ? (value as string) : undefined;
}

/** The `traceparent` of a context. */
export function traceparentOf({ traceId, spanId, sampled }: TraceContext): string {
  return `00-${traceId}-${spanId}-${sampled ? '01' : '00'}`;
}

/** True where the environment names a collector for traces; the names are those of OpenTelemetry (SPEC {#traces}). */
export function wantsTraces(env: NodeJS.ProcessEnv): boolean {
  if (env['OTEL_SDK_DISABLED']?.toLowerCase() === 'true' || env['OTEL_TRACES_EXPORTER'] === 'none') return false;
  return Boolean(env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'] || env['OTEL_EXPORTER_OTLP_ENDPOINT']);
}

/** Variables with what authenticates to a collector; no command inherits them. */
export const COLLECTOR_KEYS: readonly string[] = ['OTEL_EXPORTER_OTLP_HEADERS', 'OTEL_EXPORTER_OTLP_TRACES_HEADERS'];
