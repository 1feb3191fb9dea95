import { deferred } from '../../../core/deferred.ts';
import type { Logger } from '../../../core/logger.ts';
import type { OutputSink } from '../../../model/ports/backend.ts';
import { Delivery } from '../../shim/delivery.ts';
import type { OutputPiece } from './multiplex.ts';

/** While more bytes of one producer than this wait for the sink, its stream is not read. */
const WINDOW_BYTES = 1024 * 1024;

/** Why a stream is no longer read: the sink takes nothing more, or it wants the output from another offset on. */
export type FlowEnd = 'refused' | 'rewind';

interface Lane {
  readonly delivery: Delivery;
  /** Channel offset of the next byte to deliver. */
  next: number;
  /** Channel offset of the next byte that the stream brings. */
  at: number;
}

/**
 * Delivers streams to a sink by channel offset. Bytes that an earlier stream has delivered are skipped, so a stream that is read again from
 * its beginning continues where the one before it broke off (SPEC {#delivery}).
 */
export class OutputFlow {
  readonly #lanes: ReadonlyMap<number, Lane>;
  #wake = deferred();
  #end: FlowEnd | undefined;
  #refused = false;

  constructor(options: { channels: readonly number[]; offsets: ReadonlyMap<number, number>; sink: OutputSink; logger: Logger }) {
    const { channels, offsets, sink, logger } = options;
    this.#lanes = new Map(
      channels.map((channel) => {
        const next = offsets.get(channel) ?? 0;
        const events = {
          progress: () => this.#progress(),
          seek: (offset: number) => {
            lane.next = offset;
            this.#stopWith('rewind');
          },
          refused: () => {
            this.#refused = true;
            this.#stopWith('refused');
          },
        };
        const lane: Lane = { delivery: new Delivery(channel, sink, events, logger), next, at: next };
        return [channel, lane];
      }),
    );
  }

  /** True once the sink takes nothing more of this producer, ever. */
  get refused(): boolean {
    return this.#refused;
  }

  /** Called when a stream begins: with the channel offset of its first byte, or `now` for the byte after the last delivered one. */
  begin(from: number | 'now'): void {
    if (!this.#refused) this.#end = undefined;
    for (const lane of this.#lanes.values()) lane.at = from === 'now' ? lane.next : from;
  }

  /** Takes a piece of the stream; waits while the sink is behind. Returns why to read no further, or undefined. */
  async take({ channel, bytes }: OutputPiece): Promise<FlowEnd | undefined> {
    const lane = this.#lanes.get(channel);
    if (!lane) return this.#end;
    while (!this.#end && this.#mustWait(lane)) await this.#wake.promise;
    if (this.#end) return this.#end;
    // The stream begins after the last stored byte: the bytes between are lost.
    lane.at = Math.min(lane.at, lane.next);
    const skipped = Math.min(bytes.length, Math.max(0, lane.next - lane.at));
    lane.at += bytes.length;
    if (skipped < bytes.length) {
      const fresh = bytes.subarray(skipped);
      const offset = lane.next;
      lane.next += fresh.length;
      lane.delivery.send(offset, fresh);
    }
    return this.#end;
  }

  /** Resolves once everything taken is stored, or with the reason why it will not be. */
  async settled(): Promise<FlowEnd | undefined> {
    while (!this.#end && [...this.#lanes.values()].some(({ delivery }) => delivery.bytes > 0 || delivery.failing)) await this.#wake.promise;
    return this.#end;
  }

  /** Ends the flow, and drops the bytes that the sink has not stored yet. */
  stop(): void {
    this.#stopWith('refused');
    for (const { delivery } of this.#lanes.values()) delivery.stop();
  }

  #mustWait({ delivery }: Lane): boolean {
    return delivery.failing || [...this.#lanes.values()].reduce((sum, lane) => sum + lane.delivery.bytes, 0) >= WINDOW_BYTES;
  }

  #stopWith(end: FlowEnd): void {
    if (this.#end !== 'refused') this.#end = end;
    this.#progress();
  }

  #progress(): void {
    const wake = this.#wake;
    this.#wake = deferred();
    wake.resolve();
  }
}
