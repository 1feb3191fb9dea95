import { createHash } from 'node:crypto';
import type { TraceContext } from '../core/trace-context.ts';

/** A span that has ended. */
export interface EndedSpan {
  readonly name: string;
  readonly kind: 'internal' | 'client';
  /** Its own ids. */
  readonly context: TraceContext;
  /** Id of its parent's span in the same trace; left out for the first span of a trace. */
  readonly parentId?: string | undefined;
  /** Milliseconds since the epoch. */
  readonly start: number;
  readonly end: number;
  /** Never a secret, a prompt, a command's text or its output. */
  readonly attributes: Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;
  /** One word for how it failed. */
  readonly error?: string | undefined;
}

/** Where ended spans go. */
export interface SpanSink {
  end(span: EndedSpan): void;
  /** Sends what is left, and resolves in a few seconds at most. */
  close(): Promise<void>;
}

/** Ids that are the same whenever they are asked for: so a span that began before a restart has its ids after it, and nothing is stored for it. */
export function derivedId(hexDigits: 16 | 32, ...of: readonly (string | number)[]): string {
  return createHash('sha256').update(of.join('\0')).digest('hex').slice(0, hexDigits);
}

/** A span within that of `parent`, or the first one of a trace. */
export function contextWithin(parent: TraceContext | undefined, ...of: readonly (string | number)[]): TraceContext {
  return {
    traceId: parent?.traceId ?? derivedId(32, 'trace', ...of),
    spanId: derivedId(16, ...of),
    sampled: parent?.sampled ?? true,
  };
}
