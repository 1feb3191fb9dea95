import type { Store } from '../model/ports/store.ts';
import { signalName } from '../model/signals.ts';
import type { ChannelLog } from './channel-log.ts';
import { channelState } from './channels.ts';
import type { Lifecycle, Owned } from './lifecycle.ts';
import { clientRun, requireChannel } from './reachable.ts';
import type { ChannelState, ClientEnd, EndedFact } from './types.ts';

/** What a client brings that runs a command itself (SPEC {#streaming}). */
export interface ClientWriter {
  /**
   * `stream` from a client that runs the command itself. Returns the offset of the chunk and the channel's length after
   * it, once stored. Throws not_found, stream_not_open, stream_closed, offset_conflict, stale_epoch, conflict.
   */
  append(o: {
    runId: number;
    path: string;
    channel: number;
    bytes: Buffer;
    offset?: number | undefined;
    epoch?: number | undefined;
  }): Promise<{ offset: number; bytes: number }>;
  /** `stream/completed` from a client; repeated with the same facts it returns the same. */
  completed(runId: number, path: string, end: ClientEnd): ChannelState[];
  /** `stream/aborted` from the client that ran and killed it. */
  aborted(runId: number, path: string, o: { reason: string | null; durationMs?: number; epoch?: number; by: string }): ChannelState[];
}

/** Brings what clients write to where it is stored; `finish` ends a producer. */
export function clientWriter({
  store,
  lifecycle,
  log,
  finish,
}: {
  store: Pick<Store, 'channels'>;
  lifecycle: Lifecycle;
  log: ChannelLog;
  finish: (owned: Owned, end: () => EndedFact) => ChannelState[];
}): ClientWriter {
  return {
    append: async (o) => {
      const owned = clientRun(lifecycle, o.runId, o.path, o.epoch);
      const channelId = requireChannel(owned, o.channel);
      const offset = await log.append(channelId, o.offset, o.bytes);
      return { offset, bytes: Math.max(offset + o.bytes.length, store.channels.head(channelId).bytes) };
    },
    completed: (runId, path, end) => {
      const known = lifecycle.owned(runId, path);
      const exitCode = end.exitCode ?? null;
      const signal = end.signal === undefined ? null : signalName(end.signal);
      const { producer } = known;
      if (
        producer.state === 'ended' &&
        producer.runner === 'client' &&
        producer.exitCode === exitCode &&
        (signal === null || producer.signal === signal)
      ) {
        return known.channels.map(channelState);
      }
      const owned = clientRun(lifecycle, runId, path, end.epoch);
      return finish(owned, () =>
        lifecycle.completed(owned, { exitCode, signal, durationMs: end.durationMs ?? null, detached: [] }, 'client'),
      );
    },
    aborted: (runId, path, { reason, durationMs, epoch, by }) => {
      const known = lifecycle.owned(runId, path);
      if (known.producer.state === 'aborted') return known.channels.map(channelState);
      const owned = clientRun(lifecycle, runId, path, epoch);
      return finish(owned, () => lifecycle.aborted(owned, { reason, durationMs: durationMs ?? null, by }));
    },
  };
}
