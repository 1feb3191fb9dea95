import { isOver, type RunModel, type RunName, RunReader, type Runtime } from '../../rpc/client/index.ts';

/** Items that are read before the view is drawn. */
const FIRST_ITEMS = 100;
/** Between two looks at a kill that is under way, milliseconds. */
const KILL_LOOK_MS = 250;

export interface RunFeedListener {
  /** The timeline is another one. */
  changed(): void;
  /** There will be no more. */
  failed(error: unknown): void;
}

/** Keeps the timeline of a run, with what `stream/list` and receipts say of its commands (SPEC {#attach_timeline}). */
export class RunFeed {
  readonly #reader: RunReader;
  readonly #session: Runtime;
  readonly #run: RunName;
  readonly #listener: RunFeedListener;
  readonly #stop = new AbortController();
  /** Kills that are under way, and when each is looked at next. */
  readonly #killing = new Map<string, NodeJS.Timeout>();
  #isOpen = false;
  #asksForProducers = false;

  constructor(session: Runtime, run: RunName, listener: RunFeedListener) {
    this.#session = session;
    this.#run = run;
    this.#listener = listener;
    this.#reader = new RunReader(session, run, {
      changed: () => this.#changed(),
      failed: (error) => this.#failed(error),
      read: (path) => void this.#learn(path).catch((error: unknown) => this.#failed(error)),
    });
  }

  get timeline(): RunModel {
    return this.#reader.model;
  }

  /** Reads the end of the run and goes on live, and reads what was before meanwhile. Throws what the server refuses. */
  async open(): Promise<void> {
    // Subscribed to before anything is read: it tells what has changed since what is read.
    void this.#follow(this.#session.events({ run: this.#run.now, since: this.#session.lastSeq, signal: this.#stop.signal }));
    await this.#reader.open(FIRST_ITEMS);
    await this.#learnProducers();
    this.#isOpen = true;
    void this.#readAll();
  }

  /** Reads the text of an item that a person looks at. */
  look(id: string | undefined): void {
    const item = this.timeline.item(id);
    if (item) this.#reader.readText(item);
  }

  /** What became of a command that was cancelled, asked for now. */
  async learnReceipt(path: string): Promise<boolean> {
    const { receipt } = await this.#run.ask((run) => this.#session.look('stream/receipt', { run, path }));
    if (receipt) this.timeline.setReceipt(path, receipt);
    this.#changed();
    if (receipt?.finishedAt === null && !this.#stop.signal.aborted) this.#learnAgain(path);
    return receipt !== null;
  }

  close(): void {
    for (const timer of this.#killing.values()) clearTimeout(timer);
    this.#isOpen = false;
    this.#reader.close();
    this.#stop.abort();
  }

  async #readAll(): Promise<void> {
    while (this.#isOpen && this.#reader.hasEarlier && !this.timeline.run.deleted) await this.#reader.readEarlier();
  }

  /** Only the receipt shows the end of a kill. */
  #learnAgain(path: string): void {
    clearTimeout(this.#killing.get(path));
    const look = () => void this.learnReceipt(path).catch((error: unknown) => this.#failed(error));
    this.#killing.set(path, setTimeout(look, KILL_LOOK_MS));
  }

  async #follow(events: ReturnType<Runtime['events']>): Promise<void> {
    try {
      for await (const event of events) this.#reader.take(event);
    } catch (error) {
      this.#failed(error);
    }
  }

  async #learn(path: string): Promise<void> {
    const step = this.timeline.step(path);
    const isCancelled = step?.state === 'cancelled' || step?.action.leftover?.isCancelled === true;
    if (step && isCancelled && isOver(step) && step.channels.length > 0 && step.receipt?.finishedAt == null) await this.learnReceipt(path);
    if (this.timeline.running.some(({ startedAt }) => startedAt === undefined)) await this.#learnProducers();
  }

  async #learnProducers(): Promise<void> {
    if (this.#asksForProducers || this.timeline.running.length === 0) return;
    this.#asksForProducers = true;
    try {
      const producers = await this.#run.ask((run) => this.#session.look('stream/list', { run, state: 'live' }));
      for (const producer of producers) this.timeline.setProducer(producer);
    } finally {
      this.#asksForProducers = false;
    }
    this.#changed();
  }

  #changed(): void {
    if (this.#isOpen) this.#listener.changed();
  }

  #failed(error: unknown): void {
    if (!this.#stop.signal.aborted && !this.timeline.run.deleted) this.#listener.failed(error);
  }
}
