import { isEnd } from '../core/end-status.ts';
import { type Entry, entriesOf } from '../rpc/client/index.ts';
import type { Link } from './link.ts';
import type { Timeline } from './timeline.ts';

/** Shows a run from the store: all of it, or with `live` only what still runs (SPEC {#acp_load}). */
export async function showHistory(link: Link, run: string, timeline: Timeline, only: 'all' | 'live'): Promise<void> {
  const rows = await entriesOf(link.runtime, { run, body: false });
  const channels = channelsOf(rows);
  for (const row of rows) {
    if (only === 'live' && (isEnd(row.status) || !row.path.startsWith('log://'))) continue;
    await timeline.restore(link, row, channels.get(row.path) ?? new Map());
  }
}

/** The sizes of each command's channels, by its log entry. */
function channelsOf(rows: readonly Entry[]): Map<string, Map<number, number>> {
  const found = new Map<string, Map<number, number>>();
  for (const { path, attributes, bytes } of rows) {
    const { producer } = attributes;
    const channel = Number(/_(\d+)$/.exec(path)?.[1]);
    if (typeof producer !== 'string' || !Number.isInteger(channel)) continue;
    const known = found.get(producer) ?? new Map<number, number>();
    found.set(producer, known.set(channel, bytes));
  }
  return found;
}
