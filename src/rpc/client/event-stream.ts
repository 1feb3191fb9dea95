import { defined } from '../../core/defined.ts';
import type { NotificationName, NotificationParamsOf } from '../protocol/table.ts';
import type { RpcClient } from './client.ts';
import { ConnectionClosed } from './errors.ts';
import type { Line, LineUser } from './line.ts';

/** The notifications of an event subscription. */
type EventName = Exclude<
  NotificationName,
  'headgate/hello' | 'stream/chunk' | 'stream/opened' | 'stream/gap' | 'stream/closed' | `runner/${string}`
>;

/** Something that happened, by the name of its notification. */
export type RuntimeEvent = { readonly [N in EventName]: { readonly name: N; readonly params: NotificationParamsOf<N> } }[EventName];

export interface EventsOptions {
  /** Events of one run only; of the whole project by default. */
  readonly run?: string;
  /** Sequence number after which to begin; only what happens from now on by default. */
  readonly since?: number;
  /** Aborting it ends the iteration with its reason. */
  readonly signal?: AbortSignal;
}

/** Characters kept for a slow reader before the subscription is given up, and below which it is taken up again. */
const HIGH_WATER_CHARS = 4 * 1024 * 1024;
const LOW_WATER_CHARS = 256 * 1024;
/** What an event costs beside its texts. */
const EVENT_CHARS = 256;

/**
 * A cursor over the event log: every event once, in order of `seq`, over as many connections as it takes
 * (SPEC {#client_events}). It has one reader.
 */
export class EventStream implements AsyncIterableIterator<RuntimeEvent>, LineUser {
  readonly #line: Line;
  readonly #leave: () => void;
  readonly #undoSignal: () => void;
  readonly #queue: { readonly event: RuntimeEvent; readonly chars: number }[] = [];
  #queued = 0;
  #run: string | undefined;
  #cursor: number | undefined;
  #rpc: RpcClient | undefined;
  #unlisten: () => void = () => {};
  #subscription: number | undefined;
  /** Subscriptions whose number the server has not returned yet, and the events that came for them. */
  #opening = 0;
  #early: RuntimeEvent[] = [];
  #paused = false;
  #synced = false;
  #over = false;
  #failure: Error | undefined;
  readonly #waiting: (() => void)[] = [];

  /** Subscribes at once: everything that happens after the call is in it. */
  constructor(line: Line, { run, since, signal }: EventsOptions) {
    this.#line = line;
    this.#run = run;
    this.#cursor = since;
    const abort = () => this.#fail(signal?.reason as Error);
    signal?.addEventListener('abort', abort, { once: true });
    this.#undoSignal = () => signal?.removeEventListener('abort', abort);
    this.#leave = line.join(this);
    // Between two connections: what happens until the next one is not to be missed.
    if (!this.#rpc) this.#cursor ??= line.seenSeq;
    if (signal?.aborted) abort();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<RuntimeEvent, undefined>> {
    for (;;) {
      const next = this.#queue.shift();
      if (next) {
        this.#queued -= next.chars;
        if (this.#paused && this.#queued < LOW_WATER_CHARS) this.#resume();
        return { done: false, value: next.event };
      }
      const failure = this.#failure;
      this.#failure = undefined;
      if (failure) throw failure;
      if (this.#over) return { done: true, value: undefined };
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** Ends the subscription. */
  return(): Promise<IteratorResult<RuntimeEvent, undefined>> {
    this.#queue.length = 0;
    this.#finish();
    return Promise.resolve({ done: true, value: undefined });
  }

  opened(rpc: RpcClient): void {
    this.#rpc = rpc;
    this.#unlisten = rpc.onNotification((name, params) => this.#receive({ name, params } as RuntimeEvent));
    if (!this.#paused) void this.#subscribe(rpc);
  }

  closed(): void {
    this.#unlisten();
    this.#rpc = undefined;
    this.#subscription = undefined;
    this.#early = [];
    // Whether it had begun is not known: what the connection was told is the last that is certain to be before.
    this.#cursor ??= this.#line.seenSeq;
  }

  lost(error: Error): void {
    // Closed here: nothing is missing that was asked for.
    if (error instanceof ConnectionClosed && error.here) this.#finish();
    else this.#fail(error);
  }

  async #subscribe(rpc: RpcClient): Promise<void> {
    this.#opening++;
    try {
      const { subscription, lastSeq } = await rpc.call('subscribe', defined({ run: this.#run, since: this.#cursor }));
      if (rpc !== this.#rpc || this.#over || this.#paused) return unsubscribe(rpc, subscription);
      this.#subscription = subscription;
      this.#cursor ??= lastSeq;
    } catch (error) {
      // A connection that is gone is followed by another one, or by the news that it has ended.
      if (rpc === this.#rpc && !(error instanceof ConnectionClosed)) this.#fail(error as Error);
    } finally {
      this.#opening--;
    }
    for (const event of this.#early.splice(0)) this.#receive(event);
  }

  #receive(event: RuntimeEvent): void {
    const { subscription } = event.params;
    if (subscription === undefined) return;
    if (subscription !== this.#subscription) {
      if (this.#opening > 0) this.#early.push(event);
      return;
    }
    if (event.name === 'replay/synced') {
      if (!this.#synced) this.#push(event);
      this.#synced = true;
      return;
    }
    // What a model says is in no log: what was said before we caught up comes with the turn's whole text.
    if (event.name === 'run/text') {
      if (this.#synced) this.#push(event);
      return;
    }
    if (event.params.seq <= (this.#cursor ?? 0)) return;
    this.#cursor = event.params.seq;
    this.#push(event);
    if (this.#run === undefined) return;
    // Under this name the run is found again after a loss.
    if ('run' in event.params && event.params.run !== null) this.#run = event.params.run;
    if (event.name === 'run/state' && event.params.deleted) this.#finish();
  }

  #push(event: RuntimeEvent): void {
    const chars = EVENT_CHARS + charsIn(event.params);
    this.#queue.push({ event, chars });
    this.#queued += chars;
    if (this.#queued > HIGH_WATER_CHARS) this.#pause();
    this.#wake();
  }

  #pause(): void {
    this.#paused = true;
    this.#drop();
  }

  #resume(): void {
    this.#paused = false;
    if (this.#rpc && !this.#over) void this.#subscribe(this.#rpc);
  }

  #drop(): void {
    if (this.#subscription !== undefined && this.#rpc) unsubscribe(this.#rpc, this.#subscription);
    this.#subscription = undefined;
  }

  #fail(error: Error): void {
    if (this.#over) return;
    this.#failure = error;
    this.#finish();
  }

  #finish(): void {
    this.#over = true;
    this.#undoSignal();
    this.#leave?.();
    this.#drop();
    this.#unlisten();
    this.#wake();
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}

function unsubscribe(rpc: RpcClient, subscription: number): void {
  if (rpc.open) rpc.call('unsubscribe', { subscription }).catch(() => {});
}

/** Characters of the texts in a value of JSON. */
function charsIn(value: unknown): number {
  if (typeof value === 'string') return value.length;
  if (typeof value !== 'object' || value === null) return 0;
  return Object.values(value).reduce((sum: number, part) => sum + charsIn(part), 0);
}
