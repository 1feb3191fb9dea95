import type { Clock } from '../core/clock.ts';
import { HeadgateError } from '../core/errors.ts';
import type { Store } from '../model/ports/store.ts';
import type { Entry } from '../model/records.ts';
import { channelEntries } from './channels.ts';
import type { Journal } from './journal.ts';

/** What is kept in place of a channel whose bytes were dropped, as its attribute `dropped` (SPEC {#output_retention}). */
interface Dropped {
  readonly bytes: number;
  readonly lines: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** Drops the output of a command that has ended and says so in its log entry, in one durable transaction (SPEC {#output_retention}). */
export function dropOutput({ store, journal, clock }: { store: Store; journal: Journal; clock: Clock }, entryId: number): void {
  journal.commit('durable', (tx) => {
    const entry = store.entries.byId(entryId);
    const run = entry && store.runs.byId(entry.runId);
    if (!entry || !run) return;
    const full = channelEntries(store, entry).filter(({ bytes }) => bytes > 0);
    const at = clock.now();
    const empty = full.map((channel) => {
      const dropped: Dropped = { bytes: channel.bytes, lines: channel.lines, at };
      return store.entries.emptied(channel.id, { ...channel.attributes, dropped });
    });
    const bytes = full.reduce((sum, channel) => sum + channel.bytes, 0);
    const note = `its output, ${bytes} bytes, was dropped at ${new Date(at).toISOString()}: it is kept no longer`;
    const log = store.entries.update(entryId, {
      body: `${entry.body.trimEnd()}\n${note}\n`,
      attributes: { ...entry.attributes, dropped: { bytes, at } },
    });
    for (const { path, status, outcome, version } of [log, ...empty])
      tx.event(run.projectId, run.alias, 'entry/changed', { run: run.alias, path, status, outcome, version });
  });
}

/** Throws `not_found` with what there was where the bytes of a channel were dropped. */
export function refuseDropped({ path, attributes }: Entry): void {
  const dropped = attributes['dropped'] as Dropped | undefined;
  if (dropped === undefined) return;
  const when = new Date(dropped.at).toISOString();
  throw new HeadgateError('not_found', `the ${dropped.bytes} bytes of ${path} were dropped at ${when}: output is kept no longer`, {
    path,
    dropped: dropped.bytes,
    at: dropped.at,
  });
}
