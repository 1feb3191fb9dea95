import type { Clock } from '../core/clock.ts';
import { overlay } from '../core/overlay.ts';
import { parseTraceparent } from '../core/trace-context.ts';
import type { RunnerLink, RunnerObserver } from '../model/ports/runner.ts';
import type { Producer } from '../model/records.ts';
import { contextWithin, type SpanSink } from './span.ts';
import { ofProducer } from './traces.ts';

/** Who ends what has reached a limit; its end is told after the receipt. */
const LIMITS: ReadonlySet<string> = new Set(['timeout', 'lifetime', 'limit']);

/** How a process ended here. */
interface Ended {
  readonly exitCode?: number | null;
  readonly signal?: string | null;
  readonly outcome?: string;
  readonly durationMs?: number | null;
}

/**
 * The spans of a runner in a process of its own: each command as it ran here, within the server's span of it (SPEC {#traces}).
 */
export class RunnerTraces implements RunnerObserver {
  readonly #sink: SpanSink;
  readonly #clock: Clock;
  readonly #running = new Map<number, { readonly producer: Producer; readonly since: number }>();

  constructor(options: { readonly clock: Clock; readonly sink: SpanSink }) {
    this.#sink = options.sink;
    this.#clock = options.clock;
  }

  /** What the server hands over: to be begun, or to be taken up again. */
  taken(producer: Producer): void {
    this.#running.set(producer.entryId, { producer, since: producer.startedAt ?? this.#clock.now() });
  }

  /** The way back to the server, with a span for each end that the server has taken. */
  link<T extends RunnerLink>(link: T): T {
    const own: Pick<RunnerLink, 'completed' | 'failed' | 'killed'> = {
      completed: async (entryId, epoch, end) => {
        await link.completed(entryId, epoch, end);
        this.#end(entryId, end);
      },
      failed: async (entryId, epoch, failure) => {
        await link.failed(entryId, epoch, failure);
        this.#end(entryId, failure);
      },
      killed: async (entryId, epoch, receipt) => {
        await link.killed(entryId, epoch, receipt);
        // How what exceeded a limit ended is told apart.
        if (receipt.finishedAt !== null && !LIMITS.has(receipt.requestedBy)) this.#end(entryId, { outcome: 'cancelled' });
      },
    };
    return overlay<RunnerLink>(link, own) as T;
  }

  #end(entryId: number, { exitCode, signal, outcome, durationMs }: Ended): void {
    const running = this.#running.get(entryId);
    this.#running.delete(entryId);
    const parent = parseTraceparent(running?.producer.spec.env['TRACEPARENT']);
    // The server records no spans, or its client asked for none of this one.
    if (!running || !parent) return;
    const { producer, since } = running;
    const end = this.#clock.now();
    const failed = outcome ?? (signal ? `signal:${signal}` : exitCode ? `exit:${exitCode}` : undefined);
    this.#sink.end({
      name: 'run',
      kind: 'internal',
      context: contextWithin(parent, 'run', parent.spanId),
      parentId: parent.spanId,
      start: durationMs === undefined || durationMs === null ? since : end - durationMs,
      end,
      attributes: {
        'gen_ai.conversation.id': producer.run,
        'headgate.path': producer.path,
        ...ofProducer(producer),
        'process.exit.code': exitCode ?? undefined,
        'headgate.signal': signal ?? undefined,
      },
      error: failed,
    });
  }
}
