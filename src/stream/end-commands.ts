import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../core/clock.ts';
import { isHeadgateError } from '../core/errors.ts';
import type { Store } from '../model/ports/store.ts';
import type { KillReceipt, Producer } from '../model/records.ts';
import { LIVE_STATES } from '../model/status.ts';
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
  readonly state: string;
  /** Not finished when the command's runner or host is away, or when the kill takes longer than the wait. */
  readonly receipt: KillReceipt | null;
}

/**
 * Cancels the live commands of the server, and the processes that ended commands have left running, and waits for the receipts; `only`
 * selects some of them (SPEC {#stream_cancel_all}).
 */
export async function endCommands(
  { streams, store, clock }: { streams: Streams; store: Pick<Store, 'producers'>; clock: Clock },
  o: { by: string; reason: string | null; graceMs?: number; only?: (producer: Producer) => boolean },
): Promise<EndedCommand[]> {
  const { by, reason, graceMs = GRACE_MS, only } = o;
  const open = store.producers.list({ states: LIVE_STATES, leftover: true }).filter((producer) => only?.(producer) ?? true);
  const ended = open.filter(({ runId, path }) => {
    try {
      streams.cancel(runId, path, { by, reason, graceMs });
      return true;
    } catch (error) {
      // The command has ended by itself meanwhile, or its run has been deleted.
      if (isHeadgateError(error, 'stream_closed') || isHeadgateError(error, 'not_found')) return false;
      throw error;
    }
  });
  const giveUp = clock.monotonic() + graceMs + CONFIRM_MS;
  const receipts = () => ended.map(({ runId, path }) => streams.receipt(runId, path));
  while (clock.monotonic() < giveUp && receipts().some(({ state }) => state === 'cancelling')) await delay(LOOK_MS);
  return ended.map(({ runId, run, path, spec }) => ({ run, path, command: spec.command, ...streams.receipt(runId, path) })).reverse();
}
