/**
 * The raw carriage: one binary WebSocket message is `[handle u32][channel u8][offset u64][bytes]`, big-endian
 * (SPEC {#raw_carriage}). Plain typed arrays, so that a browser can load it.
 */

/** Bytes in front of the payload. */
export const CARRIAGE_HEADER_BYTES = 13;

/** What a frame says of its bytes: which producer (the handle of the answer that opened it), channel, and byte offset there. */
export interface CarriageHeader {
  readonly handle: number;
  readonly channel: number;
  readonly offset: number;
}

const HIGH_WORD = 2 ** 32;

/** Writes a header at `at`; the handle is below 2^32, the channel below 256, the offset at most 2^53 - 1. */
export function writeCarriageHeader(buffer: Uint8Array, at: number, { handle, channel, offset }: CarriageHeader): void {
  const view = new DataView(buffer.buffer, buffer.byteOffset + at, CARRIAGE_HEADER_BYTES);
  view.setUint32(0, handle);
  view.setUint8(4, channel);
  view.setUint32(5, Math.floor(offset / HIGH_WORD));
  view.setUint32(9, offset % HIGH_WORD);
}

/** Reads the header of a frame that has one, whole. An offset beyond 2^53 - 1 comes out inexact, and is no safe integer. */
export function peekCarriageHeader(frame: Uint8Array): CarriageHeader {
  const view = new DataView(frame.buffer, frame.byteOffset, CARRIAGE_HEADER_BYTES);
  return { handle: view.getUint32(0), channel: view.getUint8(4), offset: view.getUint32(5) * HIGH_WORD + view.getUint32(9) };
}

/** Reads the header at the beginning of a frame. Throws RangeError for a frame that is too short or an offset beyond 2^53 - 1. */
export function readCarriageHeader(frame: Uint8Array): CarriageHeader {
  if (frame.length < CARRIAGE_HEADER_BYTES) {
    throw new RangeError(`a frame has at least ${CARRIAGE_HEADER_BYTES} bytes; this one has ${frame.length}`);
  }
  const header = peekCarriageHeader(frame);
  if (!Number.isSafeInteger(header.offset)) throw new RangeError(`the frame's offset ${header.offset} is beyond 2^53 - 1`);
  return header;
}
