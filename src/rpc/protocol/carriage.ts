/**
 * Raw bytes beside JSON: one binary WebSocket message is `[handle u32][channel u8][offset u64][bytes]`, big-endian. The
 * handle comes from the JSON message that opened it (SPEC {#runner_output}).
 */

/** Bytes before the payload. */
export const CARRIAGE_HEADER_BYTES = 13;

/** What stands before the payload. */
export interface CarriageHeader {
  /** 0 to 2^32-1. */
  readonly handle: number;
  /** 1 to 99. */
  readonly channel: number;
  /** Byte offset of the payload in its channel, 0 to 2^53-1. */
  readonly offset: number;
}

/** Writes a header into `buffer` at `at`. */
export function writeCarriageHeader(buffer: Uint8Array, at: number, { handle, channel, offset }: CarriageHeader): void {
  const view = new DataView(buffer.buffer, buffer.byteOffset + at, CARRIAGE_HEADER_BYTES);
  view.setUint32(0, handle);
  view.setUint8(4, channel);
  view.setBigUint64(5, BigInt(offset));
}

/** The header at the beginning of `buffer`, which holds at least CARRIAGE_HEADER_BYTES. Throws RangeError when it is shorter. */
export function readCarriageHeader(buffer: Uint8Array): CarriageHeader {
  const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  return { handle: view.getUint32(0), channel: view.getUint8(4), offset: Number(view.getBigUint64(5)) };
}
