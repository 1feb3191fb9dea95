import { isEnd } from '../core/end-status.ts';
import type { ResultOf } from '../rpc/protocol/table.ts';
import { isRefusal } from './errors.ts';
import type { Link } from './link.ts';
import type { Timeline } from './timeline.ts';

type Row = ResultOf<'getEntries'>[number];

/** Rows of a page; fewer when their attributes, such as texts to write, are too much for one message. */
const PAGE_ROWS = 200;

/** Shows a run from the store: all of it, or with `live` only what still runs (SPEC {#acp_load}). */
export async function showHistory(link: Link, run: string, timeline: Timeline, only: 'all' | 'live'): Promise<void> {
  const rows = await entriesOf(link, run);
  const channels = channelsOf(rows);
  for (const row of rows) {
    if (only === 'live' && (isEnd(row.status) || !row.path.startsWith('log://'))) continue;
    await timeline.restore(link, row, channels.get(row.path) ?? new Map());
  }
}

/** Every entry in order of creation, without bodies. */
async function entriesOf(link: Link, run: string): Promise<Row[]> {
  const rows: Row[] = [];
  for (let limit = PAGE_ROWS; ; ) {
    try {
      const page = await link.runtime.look('getEntries', { run, body: false, limit, offset: rows.length });
      rows.push(...page);
      if (page.length < limit) return rows;
    } catch (error) {
      if (!isRefusal(error, 'too_large') || limit === 1) throw error;
      limit = Math.ceil(limit / 4);
    }
  }
}

/** The sizes of each command's channels, by its log entry. */
function channelsOf(rows: readonly Row[]): Map<string, Map<number, number>> {
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
