import type { Clock } from '../../core/clock.ts';
import type { ModelEvent, ModelProvider, ModelRequest, RequestUsage } from '../../model/ports/model-provider.ts';
import type { Price, TurnMeter, Usage } from '../../model/records.ts';

/** Counts what a turn's requests cost and how long they take, however often its model is asked (SPEC {#usage}). */
export class Meter {
  readonly #clock: Clock;
  #usage: Required<RequestUsage> | null = null;
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
    const cost = this.#usage && price ? costOf(this.#usage, price) : null;
    return { usage: this.#usage && toldOf(this.#usage), cost, requests: this.#requests, firstMs: this.#firstMs, totalMs: this.#totalMs };
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

/** What tokens cost at a price; input that the provider had kept, or keeps now, is part of the input. */
function costOf(usage: Required<RequestUsage>, { input, output, cached = input, written = input }: Price): number {
  const { inputTokens, outputTokens, cachedTokens, cacheWriteTokens } = usage;
  const other = Math.max(0, inputTokens - cachedTokens - cacheWriteTokens);
  return (other * input + cachedTokens * cached + cacheWriteTokens * written + outputTokens * output) / 1_000_000;
}

/** What is kept and told of it. */
function toldOf({ cacheWriteTokens: _, ...usage }: Required<RequestUsage>): Usage {
  return usage;
}

/** Both together. */
function sum(a: Required<RequestUsage> | null, { inputTokens, outputTokens, cachedTokens, cacheWriteTokens = 0 }: RequestUsage) {
  return {
    inputTokens: (a?.inputTokens ?? 0) + inputTokens,
    outputTokens: (a?.outputTokens ?? 0) + outputTokens,
    cachedTokens: (a?.cachedTokens ?? 0) + cachedTokens,
    cacheWriteTokens: (a?.cacheWriteTokens ?? 0) + cacheWriteTokens,
  };
}
