import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../core/clock.ts';
import { isHeadgateError } from '../core/errors.ts';
import type { Store } from '../model/ports/store.ts';
import { type KillReceipt, openLeftover, type Producer, pendingKill } from '../model/records.ts';
import { LIVE_STATES, type ProducerState } from '../model/status.ts';
import type { Streams } from './streams.ts';

/** How often receipts are looked for, and how long a kill may take beyond its grace (milliseconds). */
const LOOK_MS = 20;
const CONFIRM_MS = 8000;
const GRACE_MS = 2000;

/** A command that was cancelled with others. */
export interface EndedCommand {
  readonly run: string;
  readonly path: string;
  readonly command: string;
  readonly state: ProducerState;
  /** Not finished where its runner or host is away, or the kill takes longer than it is waited for. */
  readonly receipt: KillReceipt | null;
}

/** Cancels every live command of the server and what ended ones have left running, or those that `only` takes, and waits for their receipts (SPEC {#stream_cancel_all}). */
export async function endCommands(
  { streams, store, clock }: { streams: Streams; store: Pick<Store, 'producers'>; clock: Clock },
  o: { by: string; reason: string | null; graceMs?: number; only?: (producer: Producer) => boolean },
): Promise<EndedCommand[]> {
  const { by, reason, graceMs = GRACE_MS, only } = o;
  const live = store.producers.list({ states: LIVE_STATES, leftover: true }).filter((producer) => only?.(producer) ?? true);
  for (const { runId, path } of live) {
    try {
      streams.cancel(runId, path, { by, reason, graceMs });
    } catch (error) {
      // It has ended by itself meanwhile, or its run has been deleted.
      if (!isHeadgateError(error, 'stream_closed') && !isHeadgateError(error, 'not_found')) throw error;
    }
  }
  const giveUp = clock.monotonic() + graceMs + CONFIRM_MS;
  const now = () => live.flatMap(({ entryId }) => store.producers.get(entryId) ?? []);
  while (clock.monotonic() < giveUp && now().some((producer) => pendingKill(producer) !== undefined)) await delay(LOOK_MS);
  return now()
    .reverse()
    .map((producer) => {
      const { run, path, spec, leftover } = producer;
      const state = openLeftover(producer)?.receipt ? 'cancelling' : producer.state;
      return { run, path, command: spec.command, state, receipt: leftover?.receipt ?? producer.receipt };
    });
}
