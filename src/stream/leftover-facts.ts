import type { Entry, Leftover } from '../model/records.ts';
import type { JournalTx } from './journal.ts';
import type { ChannelState } from './types.ts';

/** Describes the processes that outlived their command. */
export function tellLeftover(
  tx: JournalTx,
  o: { projectId: number; run: string; entry: Entry; leftover: Leftover; channels: readonly ChannelState[] },
): void {
  const { projectId, run, entry, leftover, channels } = o;
  const { pids: processes, limit, receipt, goneAt } = leftover;
  const state = goneAt !== null ? 'gone' : receipt ? 'cancelling' : 'running';
  const bytes = writtenSince(leftover, channels);
  tx.event(projectId, run, 'stream/leftover', { run, path: entry.path, state, processes, bytes, limit });
}

/** Bytes that were stored after the end of the command. */
export function writtenSince({ ends }: Leftover, channels: readonly ChannelState[]): number {
  return channels.reduce((sum, { channel, bytes }) => sum + Math.max(0, bytes - (ends[String(channel)] ?? 0)), 0);
}

/** What the log entry's attribute `leftover` says. */
export function leftoverAttribute(leftover: Leftover, channels: readonly ChannelState[]): Readonly<Record<string, unknown>> {
  const { since, pids, ends, limit, receipt, goneAt } = leftover;
  return {
    since,
    processes: pids,
    bytes: writtenSince(leftover, channels),
    ends,
    ...(limit === null ? {} : { limit }),
    ...(receipt ? { cancelled_by: receipt.requestedBy } : {}),
    ...(goneAt === null ? {} : { gone_at: goneAt }),
  };
}

/** Where a command ended in one of its channels, if something of it ran on, as its log entry says; undefined where nothing did. */
export function endOffset({ attributes }: Entry, channel: number): number | undefined {
  const { ends } = (attributes['leftover'] ?? {}) as { ends?: Readonly<Record<string, number>> };
  return ends?.[String(channel)];
}

/** The line of the log entry's text about the processes that run on when the command has ended. */
export function leftoverNote({ pids }: Leftover): string {
  const some = pids.length === 1 ? '1 process of it still runs' : `${pids.length} processes of it still run`;
  return `in the background: ${some} (pid ${pids.join(', ')}); what is written from here on is stored behind its own output`;
}
