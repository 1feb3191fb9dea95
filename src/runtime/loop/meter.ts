import type { Clock } from '../../core/clock.ts';
import type { ModelEvent, ModelProvider, ModelRequest } from '../../model/ports/model-provider.ts';
import type { Price, TurnMeter, Usage } from '../../model/records.ts';

/** Counts what a turn's requests cost and how long they take, however often its model is asked (SPEC {#usage}). */
export class Meter {
  readonly #clock: Clock;
  #usage: Usage | null = null;
  #requests = 0;
  #firstMs: number | null = null;
  #totalMs: number | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A provider that is measured; `before` is called with every request before it is sent. */
  measured(provider: ModelProvider, before: (request: ModelRequest) => Promise<void>): ModelProvider {
    return { name: provider.name, ask: (request, signal) => this.#ask(provider, before, request, signal) };
  }

  /** What has come together up to now. */
  reading(price: Price | undefined): TurnMeter {
    const usage = this.#usage;
    const cost = usage && price ? costOf(usage, price) : null;
    return { usage, cost, requests: this.#requests, firstMs: this.#firstMs, totalMs: this.#totalMs };
  }

  async *#ask(
    provider: ModelProvider,
    before: (request: ModelRequest) => Promise<void>,
    request: ModelRequest,
    signal: AbortSignal,
  ): AsyncGenerator<ModelEvent> {
    await before(request);
    signal.throwIfAborted();
    const began = this.#clock.monotonic();
    const spent = () => Math.round(this.#clock.monotonic() - began);
    this.#requests++;
    this.#firstMs = null;
    try {
      for await (const event of provider.ask(request, signal)) {
        this.#firstMs ??= spent();
        if (event.type === 'finish') this.#usage = sum(this.#usage, event.usage);
        yield event;
      }
    } finally {
      this.#totalMs = (this.#totalMs ?? 0) + spent();
    }
  }
}

/** What tokens cost at a price; input that the provider had kept is part of the input. */
export function costOf({ inputTokens, outputTokens, cachedTokens }: Usage, { input, output, cached = input }: Price): number {
  return (Math.max(0, inputTokens - cachedTokens) * input + cachedTokens * cached + outputTokens * output) / 1_000_000;
}

/** Both together. */
export function sum(a: Usage | null, b: Usage): Usage {
  if (!a) return b;
  return {
    inputTokens: a.inputTokens + b.inputTokens,
    outputTokens: a.outputTokens + b.outputTokens,
    cachedTokens: a.cachedTokens + b.cachedTokens,
  };
}
