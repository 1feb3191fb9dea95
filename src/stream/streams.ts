import type { Clock } from '../core/clock.ts';
import { HeadgateError, messageOf } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import type { Digests } from '../digest/index.ts';
import type { PixelSize } from '../model/place.ts';
import type { InputTaken } from '../model/ports/backend.ts';
import type { LocalRunnerLink, RunnerPort } from '../model/ports/runner.ts';
import type { Store } from '../model/ports/store.ts';
import { type Entry, openLeftover, type Producer } from '../model/records.ts';
import { signalName } from '../model/signals.ts';
import { isLive, LIVE_STATES } from '../model/status.ts';
import { Redaction } from '../redact/index.ts';
import { ChannelLog } from './channel-log.ts';
import { channelEntries, channelState, logEntry, waitingOf } from './channels.ts';
import { type ClientWriter, clientWriter } from './client-writer.ts';
import { digestsOf } from './digests-of.ts';
import { refuseDropped } from './drop-output.ts';
import { type EndedCommand, endCommands } from './end-commands.ts';
import { Feeds } from './feeds.ts';
import { Fleet } from './fleet.ts';
import type { InputWatch } from './input-watch.ts';
import type { JournalTx } from './journal.ts';
import { Leftovers } from './leftovers.ts';
import { Lifecycle, type Owned } from './lifecycle.ts';
import { listFilter } from './list-filter.ts';
import { localLink } from './local-link.ts';
import { MaskedReads } from './masked-reads.ts';
import { reachable, refuseEcho, refuseEnd, requireChannel, selected, served } from './reachable.ts';
import type { ReadRequest, ReadResult } from './read.ts';
import { beyondEnd } from './refusals.ts';
import { StoredMasks } from './stored-masks.ts';
import { Subscribers } from './subscribers.ts';
import { Subscription } from './subscription.ts';
import { TakenOutput } from './taken.ts';
import { TerminalSizes } from './terminal-sizes.ts';
import type {
  CancelRequest,
  ChannelState,
  EndedFact,
  InputOptions,
  ProducerList,
  ProducerPlan,
  ProducerView,
  ReceiptView,
  StreamSelector,
  StreamSink,
  StreamSubscription,
  StreamsOptions,
  SubscribedChannel,
} from './types.ts';
import { type ProducerNews, Waiters } from './waiters.ts';
import { watchInputs } from './watched-inputs.ts';

/** How long a runner may be away before what it has is lost, unless the server says otherwise (milliseconds). */
const LEASE_MS = 30_000;

/**
 * Producers and their channels: accepted, filled, read, ended. One instance a server; every stream RPC and every
 * runner ends here (SPEC {#streaming}).
 */
export class Streams {
  readonly link: LocalRunnerLink;
  /** The runners, and what waits for one. */
  readonly fleet: Fleet;
  /** What models are shown of channels. */
  readonly digests: Digests;
  /** What clients that run a command themselves bring. */
  readonly append: ClientWriter['append'];
  readonly completed: ClientWriter['completed'];
  readonly aborted: ClientWriter['aborted'];
  readonly #store: Store;
  readonly #inputs: InputWatch;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #log: ChannelLog;
  readonly #feeds: Feeds;
  readonly #lifecycle: Lifecycle;
  readonly #leftovers: Leftovers;
  readonly #subscribers: Subscribers;
  readonly #waiting = new Waiters();
  readonly #lastOutput = new Map<number, number>();
  readonly #reads: MaskedReads;
  readonly sizes = new TerminalSizes();
  readonly #taken = new TakenOutput();

  constructor(options: StreamsOptions) {
    this.#store = options.store;
    this.#clock = options.clock;
    this.#logger = options.logger;
    const redaction = options.redaction ?? new Redaction();
    this.#reads = new MaskedReads({ ...options, redaction });
    this.#feeds = new Feeds(options.store, redaction);
    this.digests = digestsOf(options);
    this.#subscribers = new Subscribers(options);
    this.#lifecycle = new Lifecycle({ ...options, lastOutput: this.#lastOutput });
    this.#leftovers = new Leftovers({ ...options, lifecycle: this.#lifecycle, lastOutput: this.#lastOutput });
    this.#log = new ChannelLog({
      ...options,
      masks: redaction.stored ? new StoredMasks({ ...options, redaction }) : undefined,
      goesOn: (channelId) => this.#taken.ownerOf(channelId) !== undefined,
      stored: (channelId, bytes, at, offset) => {
        const owner = this.#taken.ownerOf(channelId);
        this.#feeds.stored(channelId, bytes, at);
        // What a model is shown of a command ends where the command did.
        const isAfterEnd = owner !== undefined && this.#taken.get(owner)?.ended === true;
        if (!isAfterEnd) this.digests.stored(channelId, bytes.length, offset);
        if (owner === undefined) return;
        this.#lastOutput.set(owner, at);
        this.#inputs.heard(owner, channelId);
        this.#waiting.wake(owner, 'output');
      },
    });
    this.#inputs = watchInputs({ ...options, redaction, lifecycle: this.#lifecycle, waiters: this.#waiting, fleet: () => this.fleet });
    const finish = (owned: Owned, end: () => EndedFact) => this.#finish(owned, end);
    this.link = localLink({
      store: this.#store,
      lifecycle: this.#lifecycle,
      leftovers: this.#leftovers,
      log: this.#log,
      taken: this.#taken,
      finish,
      finishLeftover: (owned, end) => this.#finishLeftover(owned, end),
    });
    ({
      append: this.append,
      completed: this.completed,
      aborted: this.aborted,
    } = clientWriter({ store: this.#store, lifecycle: this.#lifecycle, log: this.#log, finish }));
    const hands = {
      retake: (id: number) => this.#retake(id),
      lose: (id: number, message: string) => this.#lose(id, message),
      leave: (id: number) => this.#leave(id),
    };
    this.fleet = new Fleet({ ...options, leaseMs: options.leaseMs ?? LEASE_MS, hands });
  }

  /** `handler` is called within the transaction that ends a producer, with its log entry; what it throws undoes the end. */
  onEnd(handler: (tx: JournalTx, entry: Entry) => void): void {
    this.#lifecycle.onEnd = handler;
  }

  /** Makes a runner known under its name. */
  attachRunner(runner: RunnerPort): void {
    this.fleet.attach(runner);
  }

  /**
   * Accepts a proposal within the caller's transaction; its runner starts after the commit. Throws
   * `illegal_transition` for an entry that is not waiting.
   */
  open(tx: JournalTx, entry: Entry, plan: ProducerPlan): ChannelState[] {
    const owned = this.#lifecycle.open(tx, entry, plan, this.fleet.bootIdOf(plan.runner));
    // Apart: a reader that cannot be served must not keep the command from starting.
    tx.after(() => this.#follow(owned));
    if (plan.runner !== 'client') tx.after(() => this.fleet.place(owned.producer));
    return owned.channels.map(channelState);
  }

  /**
   * `stream/cancel`: channels 499 and everyone told before this returns; the kill follows and ends with the receipt.
   * A second cancel returns what the first did. Of one that has ended it ends what runs on. Throws stream_closed when nothing does.
   */
  cancel(runId: number, path: string, request: CancelRequest): ChannelState[] {
    const signal = signalName(request.signal ?? 'SIGTERM');
    const owned = this.#lifecycle.owned(runId, path);
    const { producer } = owned;
    if (producer.state === 'cancelled') return owned.channels.map(channelState);
    if (!isLive(producer.state)) return this.#cancelLeftover(owned, { ...request, signal });
    const again = producer.state === 'cancelling';
    const { by, reason, graceMs = 2000 } = request;
    const unserved = this.fleet.unserved(producer);
    const channels = again
      ? owned.channels.map(channelState)
      : this.#finish(owned, () => this.#lifecycle.cancelled(owned, { by, reason, signal, graceMs, unserved }));
    if (!unserved) {
      const live = this.#store.producers.get(producer.entryId) ?? producer;
      // Asked again, the runner joins the kill that is under way, and begins one if there is none.
      this.fleet.kill(live, { requestedBy: by, reason, signal, graceMs });
    }
    return channels;
  }

  /** Cancels every live command, or those that `only` takes, and returns their receipts (SPEC {#stream_cancel_all}). */
  endCommands(o: Parameters<typeof endCommands>[1]): Promise<EndedCommand[]> {
    return endCommands({ streams: this, store: this.#store, clock: this.#clock }, o);
  }

  #cancelLeftover(owned: Owned, request: CancelRequest & { signal: string }): ChannelState[] {
    const { producer } = owned;
    const { by, reason, signal, graceMs = 2000 } = request;
    if (openLeftover(producer)) {
      this.#leftovers.cancelled(owned, { by, reason, signal, graceMs });
      this.fleet.kill(this.#store.producers.get(producer.entryId) ?? producer, { requestedBy: by, reason, signal, graceMs });
    } else if (!producer.leftover?.receipt) {
      throw this.#lifecycle.closed(producer);
    }
    return owned.channels.map(channelState);
  }

  /**
   * Writes to stdin; returns the bytes that the command's pipe took, and where the chunk began. A secret is refused where it would be
   * echoed (SPEC {#secret_input}). Throws `offset_conflict` (SPEC {#input_offset}).
   */
  async input(runId: number, path: string, bytes: Buffer, { eof = false, secret = false, offset }: InputOptions = {}): Promise<InputTaken> {
    const { producer } = served(this.#lifecycle, runId, path);
    if (!producer.spec.stdin) {
      throw new HeadgateError('unsupported', `${path} was started without stdin; start it with stdin: true to write to it`, { path });
    }
    if (eof) refuseEnd(producer);
    const port = this.fleet.serving(producer);
    if (secret) await refuseEcho(port, producer);
    const taken = await port.input(producer.entryId, bytes, eof, offset);
    if (taken.bytes > 0 || eof) this.#inputs.heard(producer.entryId);
    return taken;
  }

  /** Resizes a terminal. */
  async resize(runId: number, path: string, cols: number, rows: number, pixels?: PixelSize): Promise<void> {
    const { producer } = served(this.#lifecycle, runId, path);
    await this.fleet.serving(producer).resize(producer.entryId, cols, rows, pixels);
    this.sizes.set(producer.entryId, { cols, rows });
  }

  /** Sends one signal to a command. */
  async signal(runId: number, path: string, signal: string): Promise<void> {
    const name = signalName(signal);
    const { producer } = reachable(this.#lifecycle, runId, path);
    await this.fleet.serving(producer).signal(producer.entryId, name);
  }

  /** Producers, newest first; `state` is a producer state, `live`, `leftover` for those of which something runs on, or `open` for both. */
  list(o: ProducerList): ProducerView[] {
    return [...this.listed(o)];
  }

  /** The same one by one: each is looked up when it is taken, so a long list can be made in slices (SPEC {#no_pause}). */
  *listed({ state, limit, offset = 0, ...of }: ProducerList): Generator<ProducerView> {
    const path = 'runId' in of ? of.path : undefined;
    const entry = 'runId' in of && path !== undefined ? logEntry(this.#store, of.runId, path) : undefined;
    if (path !== undefined && !entry) return;
    const found = this.#store.producers.list({
      ...('runId' in of ? { runId: of.runId } : { sight: of.sight }),
      ...(entry ? { entryId: entry.id } : {}),
      ...listFilter(state),
      ...(limit === undefined ? {} : { limit, offset }),
    });
    for (const producer of found) {
      const owned = this.#lifecycle.of(producer);
      if (owned) yield this.#view(owned);
    }
  }

  /** One producer; throws not_found or stream_not_open. */
  view(runId: number, path: string): ProducerView {
    return this.#view(this.#lifecycle.owned(runId, path));
  }

  /** The kill receipt of a producer, null when its end was not asked for. */
  receipt(runId: number, path: string): ReceiptView {
    const { producer } = this.#lifecycle.owned(runId, path);
    const { state, leftover } = producer;
    if (!leftover?.receipt) return { state, receipt: producer.receipt };
    return { state: leftover.goneAt === null ? 'cancelling' : state, receipt: leftover.receipt };
  }

  /** The channels of a log entry; none before acceptance. */
  channelsOf(entry: Entry): ChannelState[] {
    return channelEntries(this.#store, entry).map(channelState);
  }

  /**
   * Resolves when the producer has ended, with other news when those are asked for (`input` also when it waits for input
   * already), when `timeoutMs` is over, or the signal is aborted (which throws its reason).
   */
  waitFor<N extends ProducerNews = never>(
    entryId: number,
    o: { timeoutMs: number; signal: AbortSignal; or?: readonly N[] },
  ): Promise<N | 'ended' | 'timeout'> {
    o.signal.throwIfAborted();
    const owned = this.#lifecycle.byId(entryId);
    if (!owned || this.#lifecycle.endOf(owned)) return Promise.resolve('ended');
    const input = o.or?.find((news) => news === 'input');
    if (input && this.#inputs.of(entryId) === true) return Promise.resolve(input);
    return this.#waiting.wait(entryId, { ...o, for: ['ended', ...(o.or ?? [])] });
  }

  /**
   * Opens a subscription. Snapshot and registration happen on the same tick; the first chunks come on a later one, so
   * that the answer to the request goes out before them. Throws not_found for a path without a log entry.
   */
  subscribe(selector: StreamSelector, from: number | 'start' | 'live', id: number, sink: StreamSink): StreamSubscription {
    const subscription: Subscription = new Subscription({
      id,
      selector,
      from,
      sink,
      closed: (closed) => this.#detach(closed),
      through: (entryId) => this.#feeds.leave(subscription, entryId),
      failed: (error) => {
        this.#logger.error({ error: messageOf(error) }, 'a reader could not be served; it is served on with the next chunk');
        sink.failed?.(error);
      },
    });
    const present = selected({ store: this.#store, lifecycle: this.#lifecycle }, selector, subscription);
    const channels: SubscribedChannel[] = [];
    for (const owned of present) {
      if (selector.path !== undefined) this.#refuseDropped(subscription, owned);
      const offsets = this.#attach(subscription, owned);
      for (const entry of owned.channels) {
        const state = channelState(entry);
        const offset = offsets.get(state.channel);
        if (offset !== undefined) channels.push({ ...state, offset, log: owned.entry.path });
      }
    }
    if (typeof from === 'number' && channels.some((channel) => from > channel.bytes)) {
      subscription.close();
      const bytes = Math.min(...channels.map((channel) => channel.bytes));
      throw beyondEnd(from, bytes);
    }
    subscription.channels = channels;
    this.#subscribers.add(subscription);
    return subscription;
  }

  #refuseDropped(subscription: Subscription, { channels }: Owned): void {
    try {
      for (const channel of channels) refuseDropped(channel);
    } catch (error) {
      subscription.close();
      throw error;
    }
  }

  /** Reads a channel; throws not_found, stream_not_open, invalid_params. */
  read(o: { runId: number; path: string; channel: number; redact?: boolean } & Omit<ReadRequest, 'until'>): ReadResult {
    const owned = this.#lifecycle.owned(o.runId, o.path);
    const channelId = requireChannel(owned, o.channel);
    const entry = this.#store.entries.byId(channelId) ?? owned.entry;
    refuseDropped(entry);
    const end = owned.producer.leftover?.ends[String(o.channel)];
    return {
      ...this.#reads.read(owned.producer, channelId, this.#lastOutput.get(owned.entry.id), o),
      path: entry.path,
      channel: o.channel,
      status: entry.status,
      outcome: entry.outcome,
      ...(end === undefined ? {} : { end }),
    };
  }

  /**
   * After a start: every live producer is handed to its runner under a new epoch, which takes it up, finishes it, or
   * calls it lost. What a client runs stays as it is: the client goes on streaming (SPEC {#restart}).
   */
  reconcile(): void {
    for (const producer of this.#store.producers.list({ states: LIVE_STATES, leftover: true })) {
      const owned = this.#lifecycle.byId(producer.entryId);
      if (!owned) continue;
      // Cancelled before: its channels are at 499 and take nothing more; only the kill goes on.
      if (openLeftover(producer)) this.#taken.add(owned);
      else if (producer.state !== 'cancelling') this.#follow(owned);
      if (producer.runner !== 'client') this.fleet.resume(producer);
    }
  }

  /** Within the caller's transaction: every live producer ends as lost, and no runner hears of it. Returns how many there were. */
  disown(message: string): number {
    const live = this.#store.producers.list({ states: LIVE_STATES });
    for (const { entryId } of live) this.#lose(entryId, message);
    return live.length;
  }

  /** Stores what waits; subscriptions end. Commands go on. */
  close(): void {
    this.#inputs.close();
    this.#subscribers.close();
    this.fleet.close();
    this.#log.close();
    this.digests.close();
  }

  /** Hands a live producer to another writer: whatever comes under the lease before is refused. */
  #retake(entryId: number): { producer: Producer; offsets: Map<number, number> } | undefined {
    const owned = this.#lifecycle.byId(entryId);
    if (!owned || !(isLive(owned.producer.state) || openLeftover(owned.producer))) return undefined;
    // What has come under the lease before is stored or refused first, so that the offsets stand.
    this.#log.flush();
    const producer = this.#lifecycle.raiseEpoch(owned.producer);
    this.#taken.setEpoch(entryId, producer.epoch);
    const offsets = owned.channels.map((entry) => [channelState(entry).channel, this.#store.channels.head(entry.id).bytes] as const);
    return { producer, offsets: new Map(offsets) };
  }

  #lose(entryId: number, message: string): void {
    const owned = this.#lifecycle.byId(entryId);
    if (!owned) return;
    if (owned.producer.state === 'cancelling') this.#lifecycle.unreachable(owned);
    else this.#finish(owned, () => this.#lifecycle.failed(owned, { lost: true, outcome: 'lost', message }, 'server'));
  }

  /** What runs on of it is not followed any more. */
  #leave(entryId: number): void {
    const owned = this.#lifecycle.byId(entryId);
    if (!owned || !openLeftover(owned.producer)) return;
    this.#finishLeftover(owned, () => this.#leftovers.changed(owned, { pids: [], limit: null, gone: true }));
  }

  /** Stores what waits, and takes no more of it. */
  #finishLeftover(owned: Owned, end: () => void): void {
    this.#log.flush(new Set(owned.channels.map(({ id }) => id)));
    end();
    this.#disown(owned);
    this.#lastOutput.delete(owned.entry.id);
  }

  #disown(owned: Owned): void {
    this.#taken.delete(owned);
    for (const channel of owned.channels) this.#log.forget(channel.id);
  }

  #follow(owned: Owned): void {
    this.#taken.add(owned);
    this.#feeds.of(owned.producer.run, owned.entry, owned.channels);
    if (owned.producer.runner !== 'client') this.#inputs.follow(owned.entry.id, waitingOf(owned.entry) !== undefined);
    for (const subscription of this.#subscribers.wanting(owned.entry.runId, owned.entry.path)) {
      this.#attach(subscription, owned);
      subscription.pump();
    }
  }

  #attach(subscription: Subscription, owned: Owned): Map<number, number> {
    const feeds = this.#feeds.attach(subscription, owned.producer, owned.entry, owned.channels);
    return subscription.follow({
      entryId: owned.entry.id,
      runId: owned.entry.runId,
      path: owned.entry.path,
      feeds,
      end: this.#lifecycle.endOf(owned),
    });
  }

  #detach(subscription: Subscription): void {
    this.#subscribers.delete(subscription);
    this.#feeds.detach(subscription);
  }

  /** Stores what waits, ends the producer, lets readers finish and wakes waiters. Does not throw once the end is stored. */
  #finish(owned: Owned, end: () => EndedFact): ChannelState[] {
    this.#log.flush(new Set(owned.channels.map(({ id }) => id)));
    const fact = end();
    const entryId = owned.entry.id;
    this.#lastOutput.delete(entryId);
    this.#inputs.forget(entryId);
    this.#disown(owned);
    const after = this.#store.producers.get(entryId);
    if (after && openLeftover(after)) this.#taken.add({ ...owned, producer: after });
    this.fleet.ended(entryId);
    this.#guarded('ending the readers of a producer failed', () => {
      this.#feeds.end(entryId, this.#clock.now());
      for (const subscription of [...this.#feeds.subscriptions(entryId)]) subscription.ended(owned.entry.path, fact);
      this.#feeds.release(entryId);
    });
    this.#guarded('a waiter failed', () => this.#waiting.wake(entryId, 'ended'));
    return [...fact.channels];
  }

  #guarded(what: string, work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#logger.error({ error: messageOf(error) }, what);
    }
  }

  #view(owned: Owned): ProducerView {
    const { producer } = owned;
    const lastOutputAt = this.#lastOutput.get(producer.entryId) ?? producer.lastOutputAt;
    const waitsFor = this.fleet.waitsFor(producer);
    const waiting = producer.state === 'queued' || producer.state === 'running' ? this.#inputs.of(producer.entryId) : false;
    return { producer: { ...producer, lastOutputAt }, entry: owned.entry, channels: owned.channels.map(channelState), waitsFor, waiting };
  }
}
