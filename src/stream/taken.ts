import { isLive } from '../model/status.ts';
import { channelState } from './channels.ts';
import type { Owned } from './lifecycle.ts';

/** What a write needs to know of a producer, without asking the database each time. */
interface Taken {
  epoch: number;
  /** Channel number -> channel entry id. */
  readonly channels: ReadonlyMap<number, number>;
  /** It has ended, and only processes that outlived it write on (SPEC {#detached}). */
  readonly ended: boolean;
}

/** The producers whose output is taken, by the ids of their log entries and of their channels. */
export class TakenOutput {
  readonly #taken = new Map<number, Taken>();
  readonly #owner = new Map<number, number>();

  /** Takes its output from now on, under its lease. */
  add(owned: Owned): void {
    const channels = new Map<number, number>();
    for (const entry of owned.channels) {
      channels.set(channelState(entry).channel, entry.id);
      this.#owner.set(entry.id, owned.entry.id);
    }
    const { epoch, state } = owned.producer;
    this.#taken.set(owned.entry.id, { epoch, channels, ended: !isLive(state) });
  }

  /** Its output is not taken any more. */
  delete({ entry, channels }: Owned): void {
    this.#taken.delete(entry.id);
    for (const channel of channels) this.#owner.delete(channel.id);
  }

  get(entryId: number): Readonly<Taken> | undefined {
    return this.#taken.get(entryId);
  }

  /** It has a new lease. */
  setEpoch(entryId: number, epoch: number): void {
    const taken = this.#taken.get(entryId);
    if (taken) taken.epoch = epoch;
  }

  /** The log entry of a channel whose output is taken. */
  ownerOf(channelId: number): number | undefined {
    return this.#owner.get(channelId);
  }
}
