import type { Readable } from 'node:stream';
import type { HeadgateError } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import type { OutputSink } from '../../model/ports/backend.ts';
import { Delivery } from '../shim/delivery.ts';
import { type EndMark, UntilMark } from '../shim/end-mark.ts';
import { RecordSplitter } from './record-splitter.ts';

/** Bytes handed over at once. */
const PIECE_BYTES = 256 * 1024;
/** Bytes of one producer on their way to the sink: no more is taken from the streams from here on. */
export const WINDOW_BYTES = 1024 * 1024;

/** What an output tells its follower. */
export interface OutputEvents {
  /** Something was stored, or there is room again. */
  progress(): void;
  /** There is no room for what has come. */
  full(): void;
  /** A word of the script among the bytes. */
  record(words: readonly string[]): void;
  /** The sink wants another offset than the next one: the stream is of no use any more. */
  seek(): void;
  /** True while another piece may be handed over. */
  hasRoom(): boolean;
}

/**
 * One channel of a producer over there: its stream, through however many runs, to the sink (SPEC {#delivery}). What the
 * sink has no room for stays in the stream, whose window then stops the writer.
 */
export class RemoteOutput {
  readonly channel: number;
  readonly #events: OutputEvents;
  readonly #delivery: Delivery;
  readonly #endMark: EndMark | undefined;
  #untilMark: UntilMark | undefined;
  #position: number;
  #stream: Readable | undefined;
  #splitter: RecordSplitter | undefined;
  /** Taken from the stream and not handed over. */
  #pending: Buffer[] = [];
  #refused = false;

  /** `endMark`: stands in the stream where the output ends, for a shim whose output others carry. */
  constructor(channel: number, offset: number, sink: OutputSink, events: OutputEvents, logger: Logger, endMark?: EndMark) {
    this.channel = channel;
    this.#endMark = endMark;
    this.#position = offset;
    this.#events = events;
    const told = {
      progress: () => this.#events.progress(),
      seek: (wanted: number) => {
        this.#position = wanted;
        this.#drop();
        this.#events.seek();
      },
      refused: (error: HeadgateError) => {
        logger.debug({ error: error.message }, 'delivery of output ends');
        this.#refused = true;
        this.#events.progress();
      },
    };
    this.#delivery = new Delivery(channel, sink, told, logger);
  }

  /** Channel offset of the next byte that is handed over. */
  get position(): number {
    return this.#position;
  }

  /** Bytes handed over and not stored. */
  get unstored(): number {
    return this.#delivery.bytes;
  }

  /** Channel offset up to which everything is stored. */
  get stored(): number {
    return this.#delivery.firstUnstored ?? this.#position;
  }

  /** True while the sink does not take what it is handed. */
  get rejected(): boolean {
    return this.#delivery.rejected;
  }

  /** The sink takes nothing of this producer any more, ever. */
  get refused(): boolean {
    return this.#refused;
  }

  /** True once the mark of the end has come. */
  get isMarked(): boolean {
    return this.#untilMark?.found === true;
  }

  /** The whole file has come. */
  flush(): void {
    this.#untilMark?.flush();
  }

  /** True when all that was taken from the streams is stored. */
  get isThrough(): boolean {
    return this.#refused || (this.#delivery.bytes === 0 && !this.#delivery.failing && this.#pending.length === 0);
  }

  /** Goes on with the stream of a new run, which begins at the present position. */
  attach(stream: Readable, nonce: string): void {
    this.#drop();
    this.#stream = stream;
    const untilMark = this.#endMark && new UntilMark(this.#endMark, (bytes) => this.#pending.push(bytes));
    this.#untilMark = untilMark;
    const splitter = new RecordSplitter(
      nonce,
      (bytes) => (untilMark ? untilMark.push(bytes) : this.#pending.push(bytes)),
      (words) => {
        if (this.#stream === stream) this.#events.record(words);
      },
    );
    this.#splitter = splitter;
    stream.on('readable', () => this.pump());
    stream.on('error', () => {});
    this.pump();
  }

  /** Hands over what there is and has room. */
  pump(): void {
    while (this.#stream || this.#pending.length > 0) {
      if (!this.#refused && (this.#delivery.failing || !this.#events.hasRoom())) return this.#events.full();
      if (!this.#handOver() && !this.#take()) return;
    }
  }

  /** Forgets the stream, and what was taken from it and not handed over: the next run brings it again. */
  detach(): void {
    this.#drop();
  }

  stop(): void {
    this.#drop();
    this.#delivery.stop();
  }

  #take(): boolean {
    const stream = this.#stream;
    const piece = stream?.read() as Buffer | null | undefined;
    if (!piece) return false;
    this.#splitter?.push(piece);
    return true;
  }

  #handOver(): boolean {
    const first = this.#pending.shift();
    if (!first) return false;
    if (first.length > PIECE_BYTES) this.#pending.unshift(first.subarray(PIECE_BYTES));
    const bytes = first.subarray(0, PIECE_BYTES);
    const offset = this.#position;
    this.#position += bytes.length;
    if (!this.#refused) this.#delivery.send(offset, bytes);
    return true;
  }

  #drop(): void {
    const stream = this.#stream;
    this.#stream = undefined;
    this.#splitter = undefined;
    this.#pending = [];
    stream?.removeAllListeners('readable');
    stream?.resume();
  }
}
