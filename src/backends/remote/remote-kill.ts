import { setTimeout as delay } from 'node:timers/promises';
import { Backoff } from '../../core/backoff.ts';
import type { Clock } from '../../core/clock.ts';
import { HeadgateError, messageOf } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import type { KillRequest } from '../../model/ports/backend.ts';
import type { KillReceipt } from '../../model/records.ts';
import { signalName } from '../../model/signals.ts';
import { TRAPPED_SIGNALS } from '../shim/shim-text.ts';
import { ask } from './ask.ts';
import { HASTEN_SH } from './hasten-sh.ts';
import { receiptOf } from './kill-receipt.ts';
import { KILL_SH } from './kill-sh.ts';
import { placeArgs, type RemotePlace } from './place-of-producer.ts';
import { isGone, type ShellHost } from './shell-host.ts';

/** Pauses before a kill that could not be carried out is tried again, milliseconds: the first, and the longest. */
const RETRY = { firstMs: 200, longestMs: 10_000 };

/** True when a shim lives through this signal, so that it may go to the whole group. */
export function isTrappedSignal(signal: string): boolean {
  return (TRAPPED_SIGNALS as readonly string[]).includes(signal);
}

/** One kill of one command's tree over there (SPEC {#kill_tree}); while the link is lost it is tried again. */
export class RemoteKill {
  readonly #host: ShellHost;
  readonly #place: RemotePlace;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #stopping: AbortSignal;
  #deadline = Number.POSITIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  constructor(host: ShellHost, place: RemotePlace, clock: Clock, logger: Logger, stopping: AbortSignal) {
    this.#host = host;
    this.#place = place;
    this.#clock = clock;
    this.#logger = logger;
    this.#stopping = stopping;
  }

  /** Brings SIGKILL forward, never back: a second request that is less patient than the first. */
  hasten(graceMs: number): void {
    const deadline = this.#clock.monotonic() + graceMs;
    if (deadline >= this.#deadline) return;
    this.#deadline = deadline;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      ask(this.#host, HASTEN_SH, placeArgs(this.#place)).catch((error: unknown) => {
        this.#logger.debug({ error: messageOf(error) }, 'a kill cannot be hurried now');
      });
    }, graceMs);
  }

  /** Kills. Rejects with `conflict` when this producer is let go of before the host could be reached. */
  async run(request: KillRequest): Promise<KillReceipt> {
    const signal = signalName(request.signal);
    const requestedAt = this.#clock.now();
    this.#deadline = this.#clock.monotonic() + request.graceMs;
    try {
      for (const pauses = new Backoff(RETRY); ; ) {
        try {
          const records = await this.#attempt(signal, pauses.count > 0);
          return receiptOf(request, requestedAt, this.#clock.now(), records);
        } catch (error) {
          if (isGone(error)) return receiptOf(request, requestedAt, this.#clock.now(), []);
          const pauseMs = pauses.next();
          const facts = { host: this.#host.name, producer: this.#place.producerId, pauseMs, error: messageOf(error) };
          this.#logger.warn(facts, 'a kill cannot be carried out now; it will be tried again');
          await delay(pauseMs, undefined, { signal: this.#stopping }).catch(() => {
            throw new HeadgateError('conflict', `the kill could not be carried out: ${messageOf(error)}`, { host: this.#host.name });
          });
        }
      }
    } finally {
      clearTimeout(this.#timer);
    }
  }

  async #attempt(signal: string, again: boolean): Promise<(readonly string[])[]> {
    const leftMs = Math.max(0, this.#deadline - this.#clock.monotonic());
    const grace = `${Math.min(Math.ceil(leftMs / 10), 1_000_000_000)}`;
    const args = [...placeArgs(this.#place), signal.slice(3), grace, isTrappedSignal(signal) ? '1' : '0', again ? '1' : ''];
    const records = await ask(this.#host, KILL_SH, args);
    const [last = []] = records.slice(-1);
    if (last[0] !== 'done' && last[0] !== 'barred') throw new Error(`the host replied ${last.join(' ')}`);
    return records;
  }
}
