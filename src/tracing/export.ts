import { setTimeout as delay } from 'node:timers/promises';
import { ROOT_CONTEXT, SpanKind, SpanStatusCode, TraceFlags, trace } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources';
import { AlwaysOnSampler, BatchSpanProcessor, ParentBasedSampler, type SpanExporter, TracerProvider } from '@opentelemetry/sdk-trace';
import { messageOf } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import type { EndedSpan, SpanSink } from './span.ts';

/** Ended spans that wait for the collector at the most, and how long they are gathered (milliseconds). */
const QUEUE = { maxQueueSize: 16_384, scheduledDelayMillis: 1000 };
/** How long the last spans may take at the end of the process (milliseconds). */
const CLOSE_MS = 3000;

const KINDS = { internal: SpanKind.INTERNAL, client: SpanKind.CLIENT };

/**
 * Sends ended spans to the collector that the environment names, as OTLP over HTTP in JSON (SPEC {#traces}). A collector that is away costs its
 * spans and a line in the log.
 */
export function exportSpans(options: { readonly service: string; readonly version: string; readonly logger: Logger }): SpanSink {
  let next = { traceId: '', spanId: '' };
  const named = detectResources({ detectors: [envDetector] });
  const provider = new TracerProvider({
    // What OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES say comes last.
    resource: defaultResource()
      .merge(resourceFromAttributes({ 'service.name': options.service, 'service.version': options.version }))
      .merge(named),
    sampler: new ParentBasedSampler({ root: new AlwaysOnSampler() }),
    idGenerator: { generateTraceId: () => next.traceId, generateSpanId: () => next.spanId },
    spanProcessors: [new BatchSpanProcessor({ exporter: watched(new OTLPTraceExporter(), options.logger), ...QUEUE })],
  });
  const tracer = provider.getTracer('headgate', options.version);
  return {
    end({ name, kind, context, parentId, start, end, attributes, error }: EndedSpan) {
      next = context;
      const flags = context.sampled ? TraceFlags.SAMPLED : TraceFlags.NONE;
      const parent =
        parentId === undefined
          ? ROOT_CONTEXT
          : trace.setSpanContext(ROOT_CONTEXT, { traceId: context.traceId, spanId: parentId, traceFlags: flags, isRemote: true });
      const given = Object.fromEntries(Object.entries(attributes).map(([key, value]) => [key, Array.isArray(value) ? [...value] : value]));
      const span = tracer.startSpan(name, { kind: KINDS[kind], startTime: start, attributes: given as Record<string, string> }, parent);
      if (error !== undefined) span.setAttribute('error.type', error).setStatus({ code: SpanStatusCode.ERROR });
      // A clock that was set back ends nothing before it began.
      span.end(Math.max(start, end));
    },
    close: () => Promise.race([provider.shutdown().catch(() => {}), delay(CLOSE_MS, undefined, { ref: false })]),
  };
}

/** The exporter, with a line in the log when the collector goes away and when it is back. */
function watched(exporter: SpanExporter, logger: Logger): SpanExporter {
  let lost = 0;
  return {
    export: (spans, done) =>
      exporter.export(spans, (result) => {
        if (result.error !== undefined || result.code !== 0) {
          if (lost === 0) logger.warn({ error: messageOf(result.error) }, 'the collector of traces does not take spans');
          lost += spans.length;
        } else if (lost > 0) {
          logger.warn({ lost }, 'the collector of traces takes spans again');
          lost = 0;
        }
        done(result);
      }),
    shutdown: () => exporter.shutdown(),
    ...(exporter.forceFlush ? { forceFlush: () => exporter.forceFlush?.() ?? Promise.resolve() } : {}),
  };
}
