import { messageOf } from '../../../src/core/errors.ts';
import { type Item, type RunInfo, RunName, RunReader, type Runtime, type RuntimeEvent } from '../../../src/rpc/client/index.ts';
import { Observable } from './observable.ts';

/** Items that are drawn at first, and how many more at a time; a run can have thousands. */
export const DRAWN = 150;
/** Lines that are read of the text of an action. */
const BODY_LINES = 400;

/** One run as it is shown: read once, then kept up by the events of the project. */
export class RunState extends Observable {
  readonly #reader: RunReader;
  #loaded = false;
  #failure: string | undefined;
  #items: readonly Item[] = [];

  constructor(runtime: Runtime, run: string) {
    super();
    const failed = (error: unknown) => {
      this.#failure = messageOf(error);
      this.changed();
    };
    this.#reader = new RunReader(runtime, new RunName(run), { changed: () => this.#show(), failed }, { bodyLines: BODY_LINES });
    void this.#reader
      .open(DRAWN)
      .catch(failed)
      .finally(() => {
        this.#loaded = true;
        this.#show();
      });
  }

  /** Its present alias. */
  get run(): string {
    return this.#reader.name.now;
  }

  get info(): RunInfo | undefined {
    return this.#reader.info;
  }

  /** Why there is nothing to show. */
  get failure(): string | undefined {
    return this.#reader.model.run.deleted ? `The run ${this.run} was deleted.` : this.#failure;
  }

  get loaded(): boolean {
    return this.#loaded;
  }

  get items(): readonly Item[] {
    return this.#items;
  }

  /** True while the model is waited for and has said nothing yet. */
  get isThinking(): boolean {
    const last = this.#items.at(-1);
    return this.#reader.model.run.phase === 'asking' && !(last?.kind === 'words' && last.live);
  }

  /** True while entries before those that are there have not been read. */
  get hasEarlier(): boolean {
    return this.#reader.hasEarlier;
  }

  /** Reads a page of what was before. */
  readEarlier(): Promise<void> {
    return this.#reader.readEarlier();
  }

  /** Reads the text of an action, unless it is here: a person has opened it. */
  readText(item: Item): void {
    this.#reader.readText(item);
  }

  /** Takes an event of this run. */
  take(event: RuntimeEvent): void {
    this.#reader.take(event);
  }

  /** Reads nothing more. */
  close(): void {
    this.#reader.close();
  }

  #show(): void {
    // How the run ended stands below its items.
    this.#items = this.#reader.model.items.filter((item) => item.kind !== 'notice' || item.from !== 'run');
    this.changed();
  }
}
