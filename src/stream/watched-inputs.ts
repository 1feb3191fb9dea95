import type { Clock } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import type { Store } from '../model/ports/store.ts';
import { maskedChannels, type ReadableChannels, type Redaction } from '../redact/index.ts';
import type { Fleet } from './fleet.ts';
import { InputWatch, PROMPT_BYTES, promptIn } from './input-watch.ts';
import type { Lifecycle, Owned } from './lifecycle.ts';
import type { Waiters } from './waiters.ts';

/** How long a command is silent before it is looked at, unless the server says otherwise (milliseconds). */
const QUIET_MS = 3000;

/** Watches whether live producers wait for input: asks the place where each runs, and stores what it learns. `fleet` is a function because the fleet is made later. */
export function watchInputs(o: {
  store: Store;
  lifecycle: Lifecycle;
  waiters: Waiters;
  fleet: () => Fleet;
  quietMs?: number;
  clock: Clock;
  logger: Logger;
  redaction: Redaction;
}): InputWatch {
  // A prompt is cut out of a line: other clients' masks would not recognise a secret of which it holds only the end.
  const channels = maskedChannels(o.store, o.redaction);
  const look = async (entryId: number): Promise<boolean | null> => {
    const producer = o.store.producers.get(entryId);
    return producer?.state === 'running' ? await o.fleet().waitsForInput(producer) : false;
  };
  const changed = (entryId: number, since: number | null, channelId: number | undefined): void => {
    const owned = o.lifecycle.byId(entryId);
    if (!owned) return;
    o.lifecycle.waiting(owned, since === null ? null : { since, ...promptOf(channels, owned, channelId) });
    if (since !== null) o.waiters.wake(entryId, 'input');
  };
  return new InputWatch({ ...o, quietMs: o.quietMs ?? QUIET_MS, hands: { look, changed } });
}

/** The unfinished line of the channel written to last. When that channel is not known any more, standard error comes first, since most programs prompt there. */
function promptOf(channels: ReadableChannels, owned: Owned, channelId: number | undefined): { prompt?: string } {
  for (const { id, bytes } of [...owned.channels].reverse()) {
    if (channelId !== undefined && channelId !== id) continue;
    const prompt = promptIn(channels.read(id, Math.max(0, bytes - PROMPT_BYTES), PROMPT_BYTES));
    if (prompt !== undefined) return { prompt };
  }
  return {};
}
