import type { Readable } from 'node:stream';

/** A piece of output and the channel that it belongs to. */
export interface OutputPiece {
  readonly channel: number;
  readonly bytes: Buffer;
}

/** One of an engine's stream: 1 standard output, 2 standard error. */
interface StreamPiece extends OutputPiece {
  readonly channel: 1 | 2;
}

const HEADER_BYTES = 8;

/**
 * Takes an engine's multiplexed stream apart: frames of an 8-byte header (stream, three zeros, length) and that many
 * bytes. Headers may be cut anywhere by the reads; bytes of a frame are given on as they come, so a frame of any length
 * takes no memory.
 */
export class Demultiplexer {
  readonly #header = Buffer.alloc(HEADER_BYTES);
  #headerBytes = 0;
  #channel: 1 | 2 = 1;
  /** Bytes of the present frame that are still to come. */
  #left = 0;

  /** The pieces in `bytes`. Throws if they are not a multiplexed stream. */
  *push(bytes: Buffer): Generator<StreamPiece, void> {
    let at = 0;
    while (at < bytes.length) {
      if (this.#left > 0) {
        const piece = bytes.subarray(at, at + this.#left);
        at += piece.length;
        this.#left -= piece.length;
        yield { channel: this.#channel, bytes: piece };
        continue;
      }
      const taken = bytes.copy(this.#header, this.#headerBytes, at);
      at += taken;
      this.#headerBytes += taken;
      if (this.#headerBytes === HEADER_BYTES) this.#begin();
    }
  }

  #begin(): void {
    const stream = this.#header.readUInt8(0);
    if (stream > 2) throw new Error(`the engine sent a frame of stream ${stream}; only 0, 1 and 2 exist`);
    this.#channel = stream === 2 ? 2 : 1;
    this.#left = this.#header.readUInt32BE(4);
    this.#headerBytes = 0;
  }
}

/**
 * The output in an engine's stream, at most two pieces for each read; one of a terminal is not multiplexed. Ends with the
 * stream, and throws when that breaks.
 */
export async function* outputOf(stream: Readable, tty: boolean): AsyncGenerator<StreamPiece, void> {
  const demultiplexer = new Demultiplexer();
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    if (tty) yield { channel: 1, bytes: chunk };
    else yield* merged(demultiplexer.push(chunk));
  }
}

/** A frame may be no more than a line; the pieces of a channel are joined, since only their order in it counts. */
function merged(pieces: Iterable<StreamPiece>): StreamPiece[] {
  const parts: Record<1 | 2, Buffer[]> = { 1: [], 2: [] };
  for (const { channel, bytes } of pieces) parts[channel].push(bytes);
  const channels = [1, 2] as const;
  return channels.filter((channel) => parts[channel].length > 0).map((channel) => ({ channel, bytes: Buffer.concat(parts[channel]) }));
}
