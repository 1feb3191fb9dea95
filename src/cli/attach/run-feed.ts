import { leftoverWords } from '../../core/leftover-line.ts';
import type { Runtime, RuntimeEvent } from '../../rpc/client/index.ts';
import { entriesOf } from '../history.ts';
import type { RunName } from '../run-name.ts';
import { Timeline } from './timeline.ts';

export interface RunFeedListener {
  /** The timeline is another one. */
  changed(): void;
  /** There will be no more. */
  failed(error: unknown): void;
}

/** Keeps the timeline of a run: what there was before as its entries have it, then what happens (SPEC {#attach_timeline}). */
export class RunFeed {
  readonly timeline = new Timeline();
  readonly #session: Runtime;
  readonly #run: RunName;
  readonly #listener: RunFeedListener;
  readonly #stop = new AbortController();
  /** Entries to ask for, and whether the run itself is. */
  readonly #stale = new Set<string>();
  #isRunStale = false;
  #asking = false;
  #closed = false;

  constructor(session: Runtime, run: RunName, listener: RunFeedListener) {
    this.#session = session;
    this.#run = run;
    this.#listener = listener;
  }

  /** Reads what there is and goes on live. Throws what the server answers. */
  async open(): Promise<void> {
    // Subscribed to before anything is read: it tells what the answers may not have any more.
    const events = this.#session.events({ run: this.#run.now, since: this.#session.lastSeq, signal: this.#stop.signal });
    this.timeline.setRun(await this.#run.ask((run) => this.#session.look('getRun', { run })));
    this.timeline.setHistory([
      ...(await entriesOf(this.#session, this.#run.now, 'log://**')),
      ...(await entriesOf(this.#session, this.#run.now, 'prompt://**')),
    ]);
    await this.#learnProducers();
    void this.#follow(events);
  }

  /** What became of a command that was cancelled, asked for now. */
  async learnReceipt(path: string): Promise<boolean> {
    const { receipt } = await this.#run.ask((run) => this.#session.look('stream/receipt', { run, path }));
    if (receipt) this.timeline.setReceipt(path, receipt);
    this.#listener.changed();
    return receipt !== null;
  }

  close(): void {
    this.#closed = true;
    this.#stop.abort();
  }

  async #follow(events: AsyncIterable<RuntimeEvent>): Promise<void> {
    try {
      for await (const event of events) this.#take(event);
    } catch (error) {
      if (!this.#closed) this.#listener.failed(error);
    }
  }

  #take(event: RuntimeEvent): void {
    this.#run.take(event);
    const path = this.timeline.apply(event);
    if (path !== undefined) this.#stale.add(path);
    if (event.name === 'run/state') this.#isRunStale = true;
    this.#listener.changed();
    if (!this.#asking) void this.#ask();
  }

  /** Asks for whatever is not known any more, one thing after the other. */
  async #ask(): Promise<void> {
    this.#asking = true;
    try {
      while (!this.#closed && (this.#stale.size > 0 || this.#isRunStale)) {
        if (this.#isRunStale) {
          this.#isRunStale = false;
          this.timeline.setRun(await this.#run.ask((run) => this.#session.look('getRun', { run })));
        }
        for (const path of [...this.#stale]) {
          this.#stale.delete(path);
          await this.#learn(path);
        }
        if (this.timeline.running.some(({ startedAt }) => startedAt === undefined)) await this.#learnProducers();
        this.#listener.changed();
      }
    } catch (error) {
      if (!this.#closed && !this.timeline.run.deleted) this.#listener.failed(error);
    } finally {
      this.#asking = false;
    }
  }

  async #learn(path: string): Promise<void> {
    // Removed meanwhile: its event says so.
    const entry = await this.#run.ask((run) => this.#session.look('get', { run, path })).catch(() => undefined);
    if (entry) this.timeline.setEntry(entry);
    const step = this.timeline.step(path);
    const isEnded = step?.state === 'cancelled' || (step && leftoverWords(step.attributes)?.isCancelled);
    if (isEnded && step.channels.length > 0 && step.receipt?.finishedAt == null) await this.learnReceipt(path);
  }

  async #learnProducers(): Promise<void> {
    if (this.timeline.running.length === 0) return;
    const producers = await this.#run.ask((run) => this.#session.look('stream/list', { run, state: 'live' }));
    for (const producer of producers) this.timeline.setProducer(producer);
  }
}
