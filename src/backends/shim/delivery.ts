import { Backoff } from '../../core/backoff.ts';
import { release } from '../../core/buffer-pool.ts';
import { type HeadgateError, isHeadgateError, messageOf } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import type { OutputSink } from '../../model/ports/backend.ts';

/** Pauses after a rejected write, milliseconds: the first, and the longest. */
const RETRY = { firstMs: 100, longestMs: 2000 };

interface Piece {
  readonly offset: number;
  readonly bytes: Buffer;
}

/** What a delivery tells the reader that feeds it. */
export interface DeliveryEvents {
  /** There is room for more, or everything is stored. */
  progress(): void;
  /** The sink has another offset than this delivery; nothing is on its way any more. */
  seek(offset: number): void;
  /** The sink takes no more of this producer, ever. */
  refused(error: HeadgateError): void;
}

/**
 * Hands one channel's pieces to the sink, several at a time and in order. A piece stays in memory until it is stored;
 * after a rejection the rest is awaited, and then what was not stored is delivered again (SPEC {#delivery}).
 */
export class Delivery {
  readonly #channel: number;
  readonly #sink: OutputSink;
  readonly #file: () => string | undefined;
  readonly #events: DeliveryEvents;
  readonly #logger: Logger;
  /** Not stored yet, in order of offset. */
  readonly #unstored = new Set<Piece>();
  #onTheWay = 0;
  #bytes = 0;
  #failure: { error: unknown; offset: number } | undefined;
  readonly #pauses = new Backoff(RETRY);
  #rejected = false;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  /** `file`: where the pieces have been read from, while the sink may keep that instead of them. */
  constructor(channel: number, sink: OutputSink, events: DeliveryEvents, logger: Logger, file: () => string | undefined = () => undefined) {
    this.#channel = channel;
    this.#file = file;
    this.#sink = sink;
    this.#events = events;
    this.#logger = logger;
  }

  /** Bytes handed over and not stored. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Channel offset of the first byte that was handed over and is not stored; undefined when all are. */
  get firstUnstored(): number | undefined {
    for (const { offset } of this.#unstored) return offset;
    return undefined;
  }

  /** True from a rejection until the next write that is stored. */
  get rejected(): boolean {
    return this.#rejected;
  }

  /** True while a rejected write is being repaired: nothing may be sent. */
  get failing(): boolean {
    return this.#failure !== undefined || this.#timer !== undefined;
  }

  /** Sends a piece, and is its holder from now on. The caller keeps to its window. */
  send(offset: number, bytes: Buffer): void {
    const piece = { offset, bytes };
    this.#unstored.add(piece);
    this.#bytes += bytes.length;
    this.#write(piece);
  }

  /** Forgets what is on its way; no callback is called any more. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#forget();
  }

  #write(piece: Piece): void {
    this.#onTheWay++;
    this.#sink.write(this.#channel, piece.offset, piece.bytes, this.#file()).then(
      () => {
        this.#pauses.reset();
        this.#rejected = false;
        if (this.#unstored.delete(piece)) this.#bytes -= piece.bytes.length;
        release(piece.bytes);
        this.#arrived();
      },
      (error: unknown) => {
        if (!this.#failure || piece.offset < this.#failure.offset) this.#failure = { error, offset: piece.offset };
        this.#arrived();
      },
    );
  }

  #arrived(): void {
    this.#onTheWay--;
    if (this.#stopped) return;
    if (!this.#failure) this.#events.progress();
    else if (this.#onTheWay === 0) this.#repair(this.#failure);
  }

  #repair({ error, offset }: { error: unknown; offset: number }): void {
    this.#failure = undefined;
    if (isFinal(error)) {
      this.#forget();
      this.#events.refused(error);
      return;
    }
    this.#rejected = !isHeadgateError(error, 'offset_conflict');
    const pauseMs = this.#pauses.next();
    this.#logger.warn(
      { channel: this.#channel, offset, pauseMs, error: messageOf(error) },
      'output was not stored; it will be delivered again',
    );
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      const expected = isHeadgateError(error, 'offset_conflict') ? error.facts['expected'] : undefined;
      if (typeof expected === 'number') {
        this.#forget();
        this.#events.seek(expected);
      } else {
        for (const piece of this.#unstored) this.#write(piece);
      }
      this.#events.progress();
    }, pauseMs);
  }

  #forget(): void {
    this.#unstored.clear();
    this.#bytes = 0;
  }
}

/** True when the sink will never take anything of this producer again. */
function isFinal(error: unknown): error is HeadgateError {
  return isHeadgateError(error, 'stream_closed') || isHeadgateError(error, 'stale_epoch') || isHeadgateError(error, 'not_found');
}
