import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Clock } from '../core/clock.ts';
import { overlay } from '../core/overlay.ts';
import type { ModelEvent, ModelProvider, ModelRequest } from '../model/ports/model-provider.ts';
import type { LocalRunnerLink } from '../model/ports/runner.ts';
import type { Store } from '../model/ports/store.ts';
import type { EventRecord } from '../model/records.ts';
import type { ServerObserver } from '../model/server-observer.ts';
import { LIVE_STATES } from '../model/status.ts';

/** Ends of commands that are told apart; those of plugins' producers are their own, and may be any number. */
const OUTCOMES: ReadonlySet<string> = new Set([
  'exit',
  'signal',
  'timeout',
  'lifetime',
  'output_limit',
  'cancelled',
  'aborted',
  'lost',
  'start_failed',
]);

/** The label `outcome` of an end of a command: one of a few words, whatever the command did (SPEC {#metrics}). */
function outcomeLabel(status: unknown, outcome: unknown): string {
  if (status === 200) return 'ok';
  const word = typeof outcome === 'string' ? (outcome.split(':', 1)[0] ?? '') : '';
  return OUTCOMES.has(word) ? word : 'other';
}

/** Connections and subscriptions that are open now. */
export interface Load {
  readonly sessions: number;
  readonly terminals: number;
  readonly eventStreams: number;
  readonly streamSubscriptions: number;
  readonly eventSubscriptions: number;
}

/** Gauges of prom-client's own whose names Prometheus reserves for counters. */
const MISNAMED = ['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total'];

/** Upper bounds (seconds) of how long a commit takes, and output waits for it. */
const SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5];

/**
 * What a server has done since its start, and has now, for Prometheus (SPEC {#metrics}). It looks on from outside: at events, and at calls of
 * the store, the runners' link and the model providers, each behind an overlay that is only there when metrics are switched on.
 */
export class Metrics implements ServerObserver {
  readonly #registry = new Registry();
  readonly #clock: Clock;
  readonly #started = this.#counter('commands_started', 'Commands that were accepted.', ['backend']);
  readonly #ended = this.#counter('commands_ended', 'Commands that ended, by how.', ['outcome']);
  readonly #bytes = this.#counter('output_stored_bytes', 'Bytes of output that were stored.');
  readonly #calls = this.#counter('rpc_calls', 'JSON-RPC calls that were answered, by method.', ['method']);
  readonly #rejected = this.#counter('rpc_rejected', 'JSON-RPC calls that were answered with an error, by its name.', ['error']);
  readonly #refused = this.#counter('http_refused', 'HTTP requests that were refused, by the name of the error.', ['error']);
  readonly #modelCalls = this.#counter('model_calls', 'Requests to model providers, by how they ended.', ['provider', 'outcome']);
  readonly #tokens = this.#counter('model_tokens', 'Tokens that providers counted; cached ones are part of the input.', [
    'provider',
    'kind',
  ]);
  readonly #cost = this.#counter('model_cost', 'What turns have cost, in the currency of the configured prices.');
  readonly #commits = this.#histogram('commit', 'Transactions of the store, and how long each took.', ['kind']);
  readonly #stored = this.#histogram('output_store', 'How long output waited from being read until it was stored.');
  /** When each piece of output was read that is not stored yet, and its length. */
  readonly #waiting = new Set<{ readonly since: number; readonly bytes: number }>();
  #depth = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    collectDefaultMetrics({ register: this.#registry });
    for (const name of MISNAMED) this.#registry.removeSingleMetric(name);
    this.#gauge('output_waiting_bytes', 'Output that was read and is not stored yet.', () => {
      let sum = 0;
      for (const { bytes } of this.#waiting) sum += bytes;
      return sum;
    });
    this.#gauge('output_lag_seconds', 'Age of the oldest output that was read and is not stored yet; 0 without any.', () => {
      const [oldest] = this.#waiting;
      return oldest ? (this.#clock.monotonic() - oldest.since) / 1000 : 0;
    });
  }

  /** Content type of `text`. */
  get contentType(): string {
    return this.#registry.contentType;
  }

  /** Everything in the text format of Prometheus. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  /** The store, with its commits and the output that it takes counted. */
  store(store: Store): Store {
    const { channels } = store;
    return overlay(store, {
      transaction: (durability, work) => this.#commit(durability, () => store.transaction(durability, work)),
      channels: overlay(channels, {
        append: (writes) => {
          this.#commit('output', () => channels.append(writes));
          for (const { bytes } of writes) this.#bytes.inc(bytes.length);
        },
      }),
    });
  }

  /** What runners bring their output to, with what waits there counted. */
  streams<T extends { readonly link: LocalRunnerLink }>(streams: T): T {
    const link = this.#link(streams.link);
    return overlay<{ readonly link: LocalRunnerLink }>(streams, { link }) as T;
  }

  #link(link: LocalRunnerLink): LocalRunnerLink {
    return overlay(link, {
      append: async (entryId, epoch, channel, offset, bytes, file) => {
        const piece = { since: this.#clock.monotonic(), bytes: bytes.length };
        this.#waiting.add(piece);
        try {
          await link.append(entryId, epoch, channel, offset, bytes, file);
          this.#stored.observe((this.#clock.monotonic() - piece.since) / 1000);
        } finally {
          this.#waiting.delete(piece);
        }
      },
    });
  }

  /** A provider, with its requests and tokens counted. */
  provider(provider: ModelProvider): ModelProvider {
    return overlay(provider, { ask: (request, signal) => this.#ask(provider, request, signal) });
  }

  /** Counts what an event tells. */
  event({ type, payload }: EventRecord): void {
    if (type === 'stream/started') this.#started.inc({ backend: String(payload['backend']) });
    else if (type === 'stream/ended') this.#ended.inc({ outcome: outcomeLabel(payload['status'], payload['outcome']) });
    else if (type === 'run/progress' && typeof payload['cost'] === 'number') this.#cost.inc(payload['cost']);
  }

  called(method: string, error: string | undefined): void {
    this.#calls.inc({ method });
    if (error !== undefined) this.#rejected.inc({ error });
  }

  refused(error: string): void {
    this.#refused.inc({ error });
  }

  /** Gauges of what there is at the moment at which they are asked for. */
  watch(store: Pick<Store, 'entries' | 'producers'>, load: () => Load): void {
    this.#gauge(
      'commands_running',
      'Commands that are queued, run or are being ended.',
      () => store.producers.list({ states: LIVE_STATES }).length,
    );
    this.#gauge('proposals_waiting', 'Proposals that wait for an answer.', () =>
      store.entries.count({ statuses: [202], categories: ['logging'] }),
    );
    this.#gauges('connections', 'Connections of clients.', 'kind', () => {
      const { sessions, terminals, eventStreams } = load();
      return { session: sessions, terminal: terminals, event_stream: eventStreams };
    });
    this.#gauges('subscriptions', 'Subscriptions of clients.', 'kind', () => {
      const { streamSubscriptions, eventSubscriptions } = load();
      return { stream: streamSubscriptions, events: eventSubscriptions };
    });
  }

  /** Times a commit; what is done within another one is part of that. */
  #commit<T>(kind: string, work: () => T): T {
    if (this.#depth > 0) return work();
    const began = this.#clock.monotonic();
    this.#depth++;
    try {
      const result = work();
      this.#commits.observe({ kind }, (this.#clock.monotonic() - began) / 1000);
      return result;
    } finally {
      this.#depth--;
    }
  }

  async *#ask(provider: ModelProvider, request: ModelRequest, signal: AbortSignal): AsyncGenerator<ModelEvent> {
    const { name } = provider;
    let outcome = 'failed';
    try {
      for await (const event of provider.ask(request, signal)) {
        if (event.type === 'finish') {
          outcome = 'ok';
          this.#tokens.inc({ provider: name, kind: 'input' }, event.usage.inputTokens);
          this.#tokens.inc({ provider: name, kind: 'output' }, event.usage.outputTokens);
          this.#tokens.inc({ provider: name, kind: 'cached' }, event.usage.cachedTokens);
        }
        yield event;
      }
    } finally {
      this.#modelCalls.inc({ provider: name, outcome: signal.aborted && outcome !== 'ok' ? 'aborted' : outcome });
    }
  }

  #counter(name: string, help: string, labelNames: readonly string[] = []): Counter {
    return new Counter({ name: `headgate_${name}_total`, help, labelNames, registers: [this.#registry] });
  }

  #histogram(name: string, help: string, labelNames: readonly string[] = []): Histogram {
    return new Histogram({ name: `headgate_${name}_seconds`, help, labelNames, buckets: SECONDS, registers: [this.#registry] });
  }

  #gauge(name: string, help: string, read: () => number): void {
    const registers = [this.#registry];
    const gauge: Gauge = new Gauge({ name: `headgate_${name}`, help, registers, collect: () => gauge.set(read()) });
  }

  #gauges(name: string, help: string, label: string, read: () => Readonly<Record<string, number>>): void {
    const collect = () => {
      for (const [value, count] of Object.entries(read())) gauge.set({ [label]: value }, count);
    };
    const gauge: Gauge = new Gauge({ name: `headgate_${name}`, help, labelNames: [label], registers: [this.#registry], collect });
  }
}
