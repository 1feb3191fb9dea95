import { isUtf8 } from 'node:buffer';
import { defined } from '../../../core/defined.ts';
import { HeadgateError } from '../../../core/errors.ts';
import type { ChunkPiece, ClosedFact, EndedFact, GapFact, StreamSink, StreamSubscription, Streams } from '../../../stream/index.ts';
import { sendNews, sendOutput, type TtyChannel } from './tty-channel.ts';

/** Where a session's output begins: at the start, with what comes, or each channel at an offset of its own. */
export type TtyFrom = 'start' | 'live' | ReadonlyMap<number, number>;

/** A channel that a session carries, and where it begins. */
export interface TtyStart {
  readonly channel: number;
  readonly path: string;
  readonly bytes: number;
  readonly status: number;
  readonly offset: number;
}

/**
 * The output of a session: cursors over its stored channels, as every reader has them, sent as chunks (SPEC {#tty_frames}).
 * Channels above 2 come as control chunks.
 */
export class TtyOutput implements StreamSink {
  readonly #channel: TtyChannel;
  readonly #ended: (end: EndedFact) => void;
  readonly #failed: (error: HeadgateError) => void;
  readonly #subscriptions: StreamSubscription[] = [];
  #due = 0;

  /** @param options - `ended` is called once, after the last byte of every channel; `failed` when no more can come */
  constructor(options: { channel: TtyChannel; ended: (end: EndedFact) => void; failed: (error: HeadgateError) => void }) {
    this.#channel = options.channel;
    this.#ended = options.ended;
    this.#failed = options.failed;
  }

  /**
   * Begins to read; the first bytes come on a later tick. Returns where each channel begins. Throws not_found,
   * offset_conflict for an offset beyond the end.
   */
  open(
    streams: Streams,
    place: { projectId: number; runId: number; path: string; redact: boolean; channels: readonly number[] },
    from: TtyFrom,
  ): TtyStart[] {
    const { projectId, runId, path, redact } = place;
    const wanted = typeof from === 'string' ? [undefined] : place.channels;
    try {
      for (const channel of wanted) {
        const selector = { projectId, runId, path, redact, ...defined({ channel }) };
        const at = typeof from === 'string' ? from : (from.get(channel ?? 0) ?? 0);
        this.#subscriptions.push(streams.subscribe(selector, at, this.#subscriptions.length, this));
      }
    } catch (error) {
      this.close();
      throw error;
    }
    this.#due = this.#subscriptions.length;
    return this.#subscriptions.flatMap(({ channels }) => channels.map(({ log: _, ...channel }) => channel));
  }

  /** Sends on after the connection has drained. */
  pump(): void {
    for (const subscription of this.#subscriptions) subscription.pump();
  }

  close(): void {
    for (const subscription of this.#subscriptions) subscription.close();
  }

  bufferedBytes(): number {
    return this.#channel.bufferedBytes();
  }

  chunk(_subscription: number, { channel, offset, bytes }: ChunkPiece): void {
    if (channel <= 2) return sendOutput(this.#channel, channel === 1 ? 'stdout' : 'stderr', bytes);
    const encoding = isUtf8(bytes) ? 'utf8' : 'base64';
    sendNews(this.#channel, { type: 'progress', channel, offset, chunk: bytes.toString(encoding), encoding });
  }

  gap(_subscription: number, { channel, from, to }: GapFact): void {
    sendNews(this.#channel, { type: 'gap', channel, from, to });
  }

  ended(_subscription: number, end: EndedFact): void {
    // One for each channel that begins at an offset of its own; the last one has every byte before it.
    if (--this.#due === 0) this.#ended(end);
  }

  closed(_subscription: number, { reason, run, path }: ClosedFact): void {
    this.#failed(
      reason === 'run_deleted'
        ? new HeadgateError('not_found', `run ${run} has been deleted`, { run })
        : new HeadgateError('stream_not_open', `${path ?? 'the command'} was never started`, { run, path: path ?? null }),
    );
  }

  failed(): void {
    this.#failed(new HeadgateError('internal', 'output could not be read; attach again at the offsets that you have'));
  }
}
