import { incompleteTail } from '../../../core/utf8.ts';
import { type ExportRequest, readPart } from './request.ts';

/** Bytes that are looked at together; each may be a segment of its own. */
const PAGE_BYTES = 64 * 1024;

/** Output that was stored at one moment: whole characters, unless the channel ends inside one. */
export interface TimedPiece {
  readonly channel: number;
  /** When it was stored, milliseconds since the epoch. */
  readonly at: number;
  readonly bytes: Buffer;
  /** Offset of the byte after it. */
  readonly to: number;
}

/** One channel from an offset on, piece by piece; the first one can be looked at without being taken. */
export class TimedChannel {
  readonly #request: ExportRequest;
  readonly channel: number;
  readonly #id: number | undefined;
  #pieces: TimedPiece[] = [];
  #loaded: number;
  /** Offset of the first byte that has not been taken. */
  at: number;

  constructor(request: ExportRequest, channel: number, from: number) {
    const { parts, runId, path } = request;
    this.#request = request;
    this.channel = channel;
    const known = parts.streams.view(runId, path).channels.find((one) => one.channel === channel);
    this.#id = known && parts.store.entries.get(runId, known.path)?.id;
    this.at = from;
    this.#loaded = from;
  }

  /** The next piece; undefined where there is no more for now. */
  get first(): TimedPiece | undefined {
    if (this.#pieces.length === 0) this.#load();
    return this.#pieces[0];
  }

  /** Takes the piece that is the first. */
  take(): void {
    const piece = this.#pieces.shift();
    if (piece) this.at = piece.to;
  }

  #load(): void {
    if (this.#id === undefined) return;
    const read = readPart(this.#request, this.channel, { from: this.#loaded, maxBytes: PAGE_BYTES });
    const { channels } = this.#request.parts.store;
    const times = channels.times(this.#id, read.from, read.to);
    let from = read.from;
    for (const [index, { at }] of times.entries()) {
      const next = times[index + 1]?.offset;
      // Whole segments, so that the pieces are the same wherever reading began; a part only of one that is longer than what is looked at.
      if (next === undefined && index > 0 && read.to < read.bytes) break;
      const end = next ?? read.to;
      const piece = read.data.subarray(from - read.from, end - read.from);
      // The beginning of a character waits for its rest, which a later segment has.
      const to = end - (end < read.bytes ? incompleteTail(piece) : 0);
      if (to <= from) continue;
      this.#pieces.push({ channel: this.channel, at, bytes: piece.subarray(0, to - from), to });
      from = to;
    }
    this.#loaded = from;
  }
}

/** The piece that comes next of several channels: the one that was stored first. */
export function earliest(channels: readonly TimedChannel[]): { channel: TimedChannel; piece: TimedPiece } | undefined {
  let found: { channel: TimedChannel; piece: TimedPiece } | undefined;
  for (const channel of channels) {
    const piece = channel.first;
    if (piece && (!found || piece.at < found.piece.at)) found = { channel, piece };
  }
  return found;
}
