import type { Entry, Leftover } from '../model/records.ts';
import type { JournalTx } from './journal.ts';
import { formatDuration } from './summary.ts';
import type { ChannelState } from './types.ts';

/** Tells how what runs on of a command is. */
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
export function leftoverAttribute({ since, pids, ends, limit, receipt, goneAt }: Leftover): Readonly<Record<string, unknown>> {
  return {
    since,
    processes: pids,
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

const NOTE = 'in the background: ';

/** The line of the log entry's text about what runs on. */
export function leftoverNote(leftover: Leftover, channels: readonly ChannelState[]): string {
  const { pids, limit, receipt, since, goneAt } = leftover;
  const bytes = writtenSince(leftover, channels);
  const wrote = `${bytes} ${bytes === 1 ? 'byte' : 'bytes'}`;
  const beyond = limit === null ? '' : `; what came after its limit of ${limit} is not stored`;
  if (goneAt !== null) {
    const end = receipt ? `it was cancelled by ${receipt.requestedBy}` : 'the last of it has ended';
    const escaped = pids.length === 0 ? '' : `; still running: pid ${pids.join(', ')}`;
    return `${NOTE}more of it ran on for ${formatDuration(goneAt - since)} and wrote ${wrote}, then ${end}${escaped}${beyond}`;
  }
  const processes = pids.length === 1 ? '1 process of it still runs' : `${pids.length} processes of it still run`;
  const written = bytes === 0 ? '; what they write is stored behind its own output' : `, ${wrote} written since`;
  return `${NOTE}${processes} (pid ${pids.join(', ')})${limit === null ? written : `, ${wrote} written since${beyond}`}`;
}

/** The log entry's text with that line in the place of the one before. */
export function withNote(body: string, note: string): string {
  const lines = body.split('\n');
  if (lines.at(-1)?.startsWith(NOTE)) lines.pop();
  return [...lines, note].join('\n');
}
