import { ConnectionClosed } from '../rpc/client/index.ts';
import type { NotificationName, NotificationParamsOf } from '../rpc/protocol/table.ts';
import type { Session } from './session.ts';

/** The notifications that are about a run. */
export const RUN_NOTIFICATIONS = [
  'run/state',
  'run/progress',
  'run/proposal',
  'run/resolved',
  'stream/started',
  'stream/ended',
  'stream/cancelled',
  'entry/changed',
] as const satisfies readonly NotificationName[];

const EVENTS = [...RUN_NOTIFICATIONS, 'ui/render', 'ui/notify', 'replay/synced'] as const satisfies readonly NotificationName[];

/** An event of a run, by the name of its notification. */
export type RunEvent = { [N in (typeof EVENTS)[number]]: { name: N; params: NotificationParamsOf<N> } }[(typeof EVENTS)[number]];

/** Who is given the events. */
export interface RunEventsListener {
  /** What had happened up to now, once, and `replay/synced` at its end. */
  replayed(events: readonly RunEvent[]): void;
  happened(event: RunEvent): void;
  /** There will be no more. */
  failed(error: unknown): void;
}

/** The events of one run, each once and in order of `seq`: those after a cursor, then live, over restarts of the server. */
export class RunEvents {
  readonly #session: Session;
  readonly #run: string;
  readonly #listener: RunEventsListener;
  readonly #undo: (() => void)[] = [];
  #subscription: number | undefined;
  #opening = false;
  /** Events of a subscription whose number has not been answered yet. */
  #early: RunEvent[] = [];
  #replay: RunEvent[] | undefined = [];
  #lastSeq = 0;

  constructor(session: Session, run: string, listener: RunEventsListener) {
    this.#session = session;
    this.#run = run;
    this.#listener = listener;
  }

  /** Subscribes from the event after `since` on. Throws what the server answers. */
  async open(since: number): Promise<void> {
    this.#lastSeq = since;
    for (const name of EVENTS) {
      this.#undo.push(this.#session.on(name, (params) => this.#receive({ name, params } as RunEvent)));
    }
    this.#undo.push(
      this.#session.onReopened(() => {
        this.#subscribe().catch((error: unknown) => {
          // Lost once more: the next reopening subscribes.
          if (!(error instanceof ConnectionClosed)) this.#listener.failed(error);
        });
      }),
      this.#session.onLost((error) => this.#listener.failed(error)),
    );
    await this.#subscribe();
  }

  /** Ends the subscription. */
  close(): void {
    for (const undo of this.#undo) undo();
    if (this.#subscription !== undefined) this.#session.call('unsubscribe', { subscription: this.#subscription }).catch(() => {});
  }

  async #subscribe(): Promise<void> {
    this.#subscription = undefined;
    this.#early = [];
    this.#opening = true;
    try {
      ({ subscription: this.#subscription } = await this.#session.call('subscribe', { run: this.#run, since: this.#lastSeq }));
    } finally {
      this.#opening = false;
    }
    for (const event of this.#early.splice(0)) this.#receive(event);
  }

  #receive(event: RunEvent): void {
    const { subscription } = event.params;
    if (subscription === undefined) return;
    if (subscription !== this.#subscription) {
      if (this.#opening) this.#early.push(event);
      return;
    }
    if (event.name === 'replay/synced') {
      const replayed = this.#replay;
      this.#replay = undefined;
      if (replayed) this.#listener.replayed([...replayed, event]);
      return;
    }
    if (event.params.seq <= this.#lastSeq) return;
    this.#lastSeq = event.params.seq;
    if (this.#replay) this.#replay.push(event);
    else this.#listener.happened(event);
  }
}
