import { HeadgateError } from '../core/errors.ts';
import type { LocalRunnerLink } from '../model/ports/runner.ts';
import type { Store } from '../model/ports/store.ts';
import type { ChannelLog } from './channel-log.ts';
import type { Lifecycle, Owned } from './lifecycle.ts';
import { stale } from './refusals.ts';
import type { EndedFact } from './types.ts';

export interface LocalLinkOptions {
  readonly store: Pick<Store, 'persist'>;
  readonly log: ChannelLog;
  readonly lifecycle: Lifecycle;
  /** What a write needs to know of a live producer, by its log entry. */
  readonly live: ReadonlyMap<number, { readonly epoch: number; readonly channels: ReadonlyMap<number, number> }>;
  /** A producer under this lease. Throws `not_found` and `stale_epoch`. */
  readonly leased: (entryId: number, epoch: number) => Owned;
  /** Stores what waits, then the end, and tells everyone. */
  readonly finish: (owned: Owned, end: () => EndedFact) => unknown;
}

/** What the runners of this process report to. */
export function localLink({ store, log, lifecycle, live, leased, finish }: LocalLinkOptions): LocalRunnerLink {
  return {
    started: (entryId, epoch, ref) => lifecycle.started(leased(entryId, epoch), ref),
    append: async (entryId, epoch, channel, offset, bytes) => {
      const known = live.get(entryId);
      if (!known) throw lifecycle.closed(leased(entryId, epoch).producer);
      if (known.epoch !== epoch) throw stale(entryId, epoch, known.epoch);
      const channelId = known.channels.get(channel);
      if (channelId === undefined) throw new HeadgateError('not_found', `the producer has no channel ${channel}`, { channel });
      await log.append(channelId, offset, bytes);
    },
    persist: () => store.persist(),
    completed: async (entryId, epoch, end) => {
      const owned = leased(entryId, epoch);
      finish(owned, () => lifecycle.completed(owned, end, owned.producer.runner));
    },
    failed: async (entryId, epoch, failure) => {
      const owned = leased(entryId, epoch);
      if (owned.producer.state === 'cancelling') return;
      finish(owned, () => lifecycle.failed(owned, failure, owned.producer.runner));
    },
    killed: (entryId, epoch, receipt) => lifecycle.killed(leased(entryId, epoch), receipt),
  };
}
