import { setTimeout as delay } from 'node:timers/promises';
import { Backoff } from '../../core/backoff.ts';
import { HeadgateError, isHeadgateError } from '../../core/errors.ts';
import type { OutputSink } from '../../model/ports/backend.ts';

/** Bytes of one piece, and bytes that may wait because a plugin does not await its writes. */
const PIECE_BYTES = 256 * 1024;
const MAX_WAITING_BYTES = 16 * 1024 * 1024;
const RETRY = { firstMs: 100, longestMs: 2000 };

interface Waiting {
  readonly bytes: Buffer;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

interface Channel {
  /** Delivered bytes. */
  offset: number;
  waiting: Waiting[];
  pump: Promise<void> | undefined;
}

/** The output of one producer of a plugin: in order within a channel, at the stored offsets, tried again while the disk is full. */
export class Output {
  readonly #sink: OutputSink;
  readonly #channels: ReadonlyMap<number, Channel>;
  readonly #over = new AbortController();
  #waitingBytes = 0;

  /** `offsets`: channel -> stored bytes; there are no other channels. */
  constructor(sink: OutputSink, offsets: ReadonlyMap<number, number>) {
    this.#sink = sink;
    this.#channels = new Map([...offsets].map(([number, offset]) => [number, { offset, waiting: [], pump: undefined }]));
  }

  /** Resolves once stored. Throws not_found, stream_closed, overloaded. */
  async write(number: number, data: Uint8Array | string): Promise<void> {
    this.#requireOpen();
    const channel = this.#channels.get(number);
    if (!channel) {
      const known = [...this.#channels.keys()].join(', ');
      throw new HeadgateError('not_found', `this producer has no channel ${number}; it has ${known}`, { channel: number });
    }
    // A copy: the plugin may use its buffer again.
    const bytes = typeof data === 'string' ? Buffer.from(data) : Buffer.copyBytesFrom(data);
    if (bytes.length === 0) return;
    if (this.#waitingBytes > 0 && this.#waitingBytes + bytes.length > MAX_WAITING_BYTES)
      throw new HeadgateError('overloaded', `${this.#waitingBytes} bytes wait to be stored; await each write before the next one`);
    this.#waitingBytes += bytes.length;
    await new Promise<void>((resolve, reject) => {
      channel.waiting.push({ bytes, resolve, reject });
      channel.pump ??= this.#pump(number, channel);
    });
  }

  /** Resolves once everything that was written is stored, or refused. */
  async drained(): Promise<void> {
    await Promise.all([...this.#channels.values()].map(({ pump = Promise.resolve() }) => pump));
  }

  /** Nothing more is taken. */
  close(): void {
    this.#over.abort();
  }

  /** Stores what waits, many small writes at once. */
  async #pump(number: number, channel: Channel): Promise<void> {
    while (channel.waiting.length > 0) {
      const batch: Waiting[] = [];
      let bytes = 0;
      for (let next = channel.waiting[0]; next && (bytes === 0 || bytes + next.bytes.length <= PIECE_BYTES); next = channel.waiting[0]) {
        batch.push(next);
        bytes += next.bytes.length;
        channel.waiting.shift();
      }
      try {
        await this.#deliver(
          number,
          channel,
          batch.length === 1 && batch[0] ? batch[0].bytes : Buffer.concat(batch.map((one) => one.bytes)),
        );
        for (const { resolve } of batch) resolve();
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
      this.#waitingBytes -= bytes;
    }
    channel.pump = undefined;
  }

  async #deliver(number: number, channel: Channel, bytes: Buffer): Promise<void> {
    for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
      const piece = bytes.subarray(at, at + PIECE_BYTES);
      await this.#store(number, channel.offset, piece);
      channel.offset += piece.length;
    }
  }

  async #store(number: number, offset: number, piece: Buffer): Promise<void> {
    for (const pauses = new Backoff(RETRY); ; ) {
      this.#requireOpen();
      try {
        return await this.#sink.write(number, offset, piece);
      } catch (error) {
        // Nothing of it was stored; a full disk is waited out.
        if (!isHeadgateError(error, 'overloaded')) throw error;
      }
      await delay(pauses.next(), undefined, { signal: this.#over.signal }).catch(() => undefined);
    }
  }

  #requireOpen(): void {
    if (this.#over.signal.aborted) throw new HeadgateError('stream_closed', 'this producer is over; nothing more can be written');
  }
}
