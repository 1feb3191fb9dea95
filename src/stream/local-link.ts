import { HeadgateError } from '../core/errors.ts';
import type { LocalRunnerLink } from '../model/ports/runner.ts';
import type { Store } from '../model/ports/store.ts';
import type { ChannelLog } from './channel-log.ts';
import type { Leftovers } from './leftovers.ts';
import type { Lifecycle, Owned } from './lifecycle.ts';
import { stale } from './refusals.ts';
import type { TakenOutput } from './taken.ts';
import type { EndedFact } from './types.ts';

/** What runners tell, brought to where it is stored; every runner ends here, whatever its process. */
export function localLink(o: {
  store: Pick<Store, 'persist' | 'channels'>;
  lifecycle: Lifecycle;
  leftovers: Leftovers;
  log: ChannelLog;
  taken: TakenOutput;
  /** Ends a producer. */
  finish: (owned: Owned, end: () => EndedFact) => void;
  /** Nothing of an ended producer runs on. */
  finishLeftover: (owned: Owned, end: () => void) => void;
}): LocalRunnerLink {
  const { store, lifecycle, leftovers, log, taken } = o;
  const leased = (entryId: number, epoch: number): Owned => {
    const owned = lifecycle.byId(entryId);
    if (!owned) throw new HeadgateError('not_found', 'the run of this producer has been deleted', { producer: entryId });
    if (owned.producer.epoch !== epoch) throw stale(entryId, epoch, owned.producer.epoch);
    return owned;
  };
  /** Its output that is in files comes to the disk beside this thread; the end, which is durable, has little to wait for then. */
  const synced = async (entryId: number, epoch: number): Promise<Owned> => {
    const owned = leased(entryId, epoch);
    const syncing = store.channels.sync(owned.channels.map(({ id }) => id));
    if (!syncing) return owned;
    await syncing;
    return leased(entryId, epoch);
  };
  return {
    started: (entryId, epoch, ref) => lifecycle.started(leased(entryId, epoch), ref),
    append: async (entryId, epoch, channel, offset, bytes, file) => {
      const known = taken.get(entryId);
      if (!known) throw lifecycle.closed(leased(entryId, epoch).producer);
      if (known.epoch !== epoch) throw stale(entryId, epoch, known.epoch);
      const channelId = known.channels.get(channel);
      if (channelId === undefined) throw new HeadgateError('not_found', `the producer has no channel ${channel}`, { channel });
      await log.append(channelId, offset, bytes, file);
    },
    persist: () => store.persist(),
    completed: async (entryId, epoch, end) => {
      const owned = await synced(entryId, epoch);
      o.finish(owned, () => lifecycle.completed(owned, end, owned.producer.runner));
    },
    failed: async (entryId, epoch, failure) => {
      const owned = await synced(entryId, epoch);
      if (owned.producer.state === 'cancelling') return;
      o.finish(owned, () => lifecycle.failed(owned, failure, owned.producer.runner));
    },
    killed: (entryId, epoch, receipt) => {
      const owned = leased(entryId, epoch);
      if (owned.producer.leftover) o.finishLeftover(owned, () => leftovers.killed(owned, receipt));
      else lifecycle.killed(owned, receipt);
    },
    left: (entryId, epoch, fact) => {
      const owned = leased(entryId, epoch);
      const change = () => leftovers.changed(owned, fact);
      if (fact.gone) o.finishLeftover(owned, change);
      else change();
    },
  };
}
