import type { Clock } from '../core/clock.ts';
import type { Store } from '../model/ports/store.ts';
import type { Producer } from '../model/records.ts';
import { decidedEnd, maskedChannels, type ReadableChannels, type Redaction } from '../redact/index.ts';
import { type ReadRange, type ReadRequest, readChannel } from './read.ts';

/** Reads channels for those who may see secrets and those who may not (SPEC {#stream_read}, {#redaction}). */
export class MaskedReads {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #redaction: Redaction;
  readonly #masked: ReadableChannels;

  constructor(options: { store: Store; clock: Clock; redaction: Redaction }) {
    this.#store = options.store;
    this.#clock = options.clock;
    this.#redaction = options.redaction;
    this.#masked = maskedChannels(options.store, options.redaction);
  }

  /** @param lastOutputAt - when bytes of a live producer came last; undefined when none have come */
  read(producer: Producer, channelId: number, lastOutputAt: number | undefined, request: ReadRequest & { redact?: boolean }): ReadRange {
    if (!request.redact) return readChannel(this.#store.channels, channelId, request);
    const fresh = lastOutputAt !== undefined && this.#clock.now() - lastOutputAt < this.#redaction.holdMs;
    return readChannel(this.#masked, channelId, fresh ? { ...request, until: this.#decided(producer, channelId) } : request);
  }

  /** What has just come and may be the beginning of a secret is not shown yet (SPEC {#redaction_stream}). */
  #decided(producer: Producer, channelId: number): number {
    const { channels } = this.#store;
    const read = (from: number, maxBytes: number) => channels.read(channelId, from, maxBytes);
    return decidedEnd(this.#redaction.matcher(producer.spec.env), { bytes: channels.head(channelId).bytes, live: true, read });
  }
}
