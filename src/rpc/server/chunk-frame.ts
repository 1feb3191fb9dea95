import { isUtf8 } from 'node:buffer';
import { ESCAPE_MAX_BYTES, escapeJson } from '../../core/bytes.ts';
import { incompleteTail } from '../../core/utf8.ts';
import type { ChunkPiece } from '../../stream/index.ts';

/** Channel bytes in one frame at most: escaped sixfold it still stays far below the limit of a message. */
const FRAME_BYTES = ESCAPE_MAX_BYTES;

/** Room in front of an encoded tail for the head of its first reader, so that one reader costs no copy. */
const HEADROOM = 96;

/** The part of a `stream/chunk` frame that is the same for every subscriber. */
interface Tail {
  readonly buffer: Buffer;
  headroomTaken: boolean;
}

const tails = new WeakMap<ChunkPiece, readonly Tail[]>();

/**
 * The `stream/chunk` messages of one piece for one subscription (SPEC {#stream_chunk}). The text is encoded once for
 * all subscribers; only the head with the subscription's id differs. Bytes that are UTF-8 are sent as text, others as
 * base64. A piece beyond 64 KiB becomes several messages, which cost less than one: short strings are cheap to make and to drop.
 */
export function chunkFrames(subscription: number, piece: ChunkPiece): Buffer[] {
  let known = tails.get(piece);
  if (!known) {
    known = cut(piece).map(encodeTail);
    tails.set(piece, known);
  }
  const head = `{"jsonrpc":"2.0","method":"stream/chunk","params":{"subscription":${subscription},`;
  return known.map((tail) => join(head, tail));
}

/** A `stream/chunk` message with a text made for one subscription alone (`format: "text"`). */
export function textFrame(subscription: number, piece: ChunkPiece, text: string): string {
  const { run, path, channel, offset, at } = piece;
  return JSON.stringify({
    jsonrpc: '2.0',
    method: 'stream/chunk',
    params: { subscription, run, path, channel, offset, chunk: text, encoding: 'utf8', at },
  });
}

function join(head: string, tail: Tail): Buffer {
  if (!tail.headroomTaken && head.length <= HEADROOM) {
    tail.headroomTaken = true;
    const start = HEADROOM - head.length;
    tail.buffer.write(head, start, 'latin1');
    return tail.buffer.subarray(start);
  }
  const frame = Buffer.allocUnsafe(head.length + tail.buffer.length - HEADROOM);
  frame.write(head, 0, 'latin1');
  tail.buffer.copy(frame, head.length, HEADROOM);
  return frame;
}

function encodeTail({ run, path, channel, offset, bytes, at }: ChunkPiece): Tail {
  const text = isUtf8(bytes);
  const chunk = text ? escapeJson(bytes) : Buffer.from(bytes.toString('base64'), 'latin1');
  const before = `"run":${JSON.stringify(run)},"path":${JSON.stringify(path)},"channel":${channel},"offset":${offset},"chunk":"`;
  const after = `","encoding":"${text ? 'utf8' : 'base64'}","at":${at}}}`;
  const beforeBytes = Buffer.byteLength(before);
  const buffer = Buffer.allocUnsafe(HEADROOM + beforeBytes + chunk.length + after.length);
  buffer.write(before, HEADROOM);
  buffer.set(chunk, HEADROOM + beforeBytes);
  buffer.write(after, HEADROOM + beforeBytes + chunk.length, 'latin1');
  return { buffer, headroomTaken: false };
}

/** The piece in parts of at most FRAME_BYTES, cut between characters. */
function cut(piece: ChunkPiece): ChunkPiece[] {
  if (piece.bytes.length <= FRAME_BYTES) return [piece];
  const parts: ChunkPiece[] = [];
  for (let from = 0; from < piece.bytes.length; ) {
    let bytes = piece.bytes.subarray(from, from + FRAME_BYTES);
    if (from + bytes.length < piece.bytes.length) bytes = bytes.subarray(0, bytes.length - incompleteTail(bytes));
    parts.push({ ...piece, offset: piece.offset + from, bytes });
    from += bytes.length;
  }
  return parts;
}
