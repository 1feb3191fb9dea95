import { HeadgateError } from '../core/errors.ts';
import { channelPath, requireLogPath } from '../model/paths.ts';
import { watchesPane } from '../model/place.ts';
import type { RunnerPort } from '../model/ports/runner.ts';
import type { Store } from '../model/ports/store.ts';
import { openLeftover, type Producer } from '../model/records.ts';
import { isLive } from '../model/status.ts';
import { channelNumber } from './channels.ts';
import type { Lifecycle, Owned } from './lifecycle.ts';
import { stale } from './refusals.ts';
import type { Subscription } from './subscription.ts';
import type { StreamSelector } from './types.ts';

/** A live producer that a client runs, with its lease checked. Throws not_found, stream_not_open, stream_closed, stale_epoch, conflict. */
export function clientRun(lifecycle: Lifecycle, runId: number, path: string, epoch: number | undefined): Owned {
  const owned = lifecycle.owned(runId, path);
  const { producer } = owned;
  if (epoch !== undefined && epoch < producer.epoch) throw stale(producer.entryId, epoch, producer.epoch);
  if (epoch !== undefined && epoch > producer.epoch) {
    throw new HeadgateError('conflict', `the lease of ${path} is ${producer.epoch}, not ${epoch}`, { epoch: producer.epoch });
  }
  if (producer.state === 'cancelling' || !isLive(producer.state)) throw lifecycle.closed(producer);
  if (producer.runner !== 'client') {
    throw new HeadgateError(
      'conflict',
      `${path} is run by "${producer.runner}", which alone streams it; to run a command yourself propose or accept it with runner: "client"`,
      {
        runner: producer.runner,
      },
    );
  }
  return owned;
}

/** A live producer that a runner serves. Throws not_found, stream_not_open, stream_closed, unsupported. */
export function served(lifecycle: Lifecycle, runId: number, path: string): Owned {
  const owned = lifecycle.owned(runId, path);
  const { producer } = owned;
  if (producer.state === 'cancelling' || !isLive(producer.state)) throw lifecycle.closed(producer);
  if (producer.runner === 'client') {
    throw new HeadgateError('unsupported', `a client runs ${path} itself; the server cannot reach it`, { runner: 'client' });
  }
  return owned;
}

/** The same, or a producer of which something runs on. Throws `conflict` as well, where that has ended too. */
export function reachable(lifecycle: Lifecycle, runId: number, path: string): Owned {
  const owned = lifecycle.owned(runId, path);
  const { leftover } = owned.producer;
  if (!leftover) return served(lifecycle, runId, path);
  if (openLeftover(owned.producer)) return owned;
  throw new HeadgateError('conflict', `${path} has ended, and so has what it had left running; there is nothing to signal`, { path });
}

/** The id of one of its channels. Throws not_found. */
export function requireChannel({ entry, channels }: Owned, channel: number): number {
  const wanted = channelPath(requireLogPath(entry.path), channel);
  const found = channels.find(({ path }) => path === wanted);
  if (found) return found.id;
  const numbers = channels.map(channelNumber).join(', ');
  throw new HeadgateError('not_found', `${entry.path} has no channel ${channel}; it has ${numbers}`, { channel });
}

/** Throws `unsupported` for a watched pane: typed there, an end of input would end the user's shell (SPEC {#backend_tmux}). */
export function refuseEnd({ path, spec }: Producer): void {
  if (!watchesPane(spec)) return;
  const how = 'send byte 4, as Ctrl-D does, if that is meant';
  throw new HeadgateError('unsupported', `${path} watches a pane, into which no end of input is typed; ${how}`, { path });
}

/** Throws `conflict` where a secret that is typed would appear in the stored output. */
export async function refuseEcho(port: RunnerPort, { entryId, path }: Producer): Promise<void> {
  if ((await port.echoes?.(entryId)) !== true) return;
  throw new HeadgateError(
    'conflict',
    `the terminal of ${path} echoes, so the secret would be stored with its output; type it when the command asks for it, or leave secret out`,
    { path },
  );
}

/** The producers that a new subscription begins with. Throws not_found for a path that has no entry. */
export function selected(o: { store: Store; lifecycle: Lifecycle }, { runId, path }: StreamSelector, subscription: Subscription): Owned[] {
  const { store, lifecycle } = o;
  if (path !== undefined) {
    requireLogPath(path);
    const entry = store.entries.get(runId, path);
    if (!entry) throw new HeadgateError('not_found', `no entry ${path} in this run; getEntries lists what there is`, { path });
    const owned = lifecycle.byId(entry.id);
    return owned ? [owned] : [];
  }
  return store.producers
    .list({ runId })
    .reverse()
    .filter((producer) => subscription.wants(producer.runId, producer.path))
    .flatMap((producer) => lifecycle.byId(producer.entryId) ?? []);
}
