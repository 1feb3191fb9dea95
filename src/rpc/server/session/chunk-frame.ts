import { isUtf8 } from 'node:buffer';
import { release, take } from '../../../core/buffer-pool.ts';
import { ESCAPE_MAX_BYTES, escapeJson } from '../../../core/bytes.ts';
import { incompleteTail } from '../../../core/utf8.ts';
import type { ChunkPiece } from '../../../stream/index.ts';

/** Channel bytes in one frame at most: escaped sixfold it still stays far below the limit of a message. */
const FRAME_BYTES = ESCAPE_MAX_BYTES;

const tails = new WeakMap<ChunkPiece, readonly Buffer[]>();

/**
 * Sends the `stream/chunk` messages of one piece to one subscription, each as a head with the subscription's id and a tail
 * that is the same for every subscriber (SPEC {#stream_chunk}). A piece that several want is encoded once; for one reader
 * it goes into a pooled buffer, which `send` retains if it keeps it. Bytes that are UTF-8 are sent as text, others as
 * base64; a piece beyond 64 KiB becomes several messages.
 */
export function sendChunk(subscription: number, piece: ChunkPiece, send: (head: Buffer, tail: Buffer) => void): void {
  const head = Buffer.from(`{"jsonrpc":"2.0","method":"stream/chunk","params":{"subscription":${subscription},`, 'latin1');
  if (piece.shared) {
    let known = tails.get(piece);
    if (!known) {
      known = frameParts(piece).map((part) => encodeTail(part, Buffer.allocUnsafe));
      tails.set(piece, known);
    }
    for (const tail of known) send(head, tail);
    return;
  }
  for (const part of frameParts(piece)) {
    const tail = encodeTail(part, take);
    send(head, tail);
    release(tail);
  }
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

/**
 * The inside of the JSON string that carries these bytes: as text where they are UTF-8, else as base64. A view that the
 * next call overwrites. At most ESCAPE_MAX_BYTES.
 */
export function encodedChunk(bytes: Buffer): { chunk: Uint8Array; encoding: 'utf8' | 'base64' } {
  if (isUtf8(bytes)) return { chunk: escapeJson(bytes), encoding: 'utf8' };
  return { chunk: Buffer.from(bytes.toString('base64'), 'latin1'), encoding: 'base64' };
}

function encodeTail({ run, path, channel, offset, bytes, at }: ChunkPiece, allocate: (bytes: number) => Buffer): Buffer {
  const { chunk, encoding } = encodedChunk(bytes);
  const before = `"run":${JSON.stringify(run)},"path":${JSON.stringify(path)},"channel":${channel},"offset":${offset},"chunk":"`;
  const after = `","encoding":"${encoding}","at":${at}}}`;
  const beforeBytes = Buffer.byteLength(before);
  const tail = allocate(beforeBytes + chunk.length + after.length);
  tail.write(before, 0);
  tail.set(chunk, beforeBytes);
  tail.write(after, beforeBytes + chunk.length, 'latin1');
  return tail;
}

/** The piece in parts that fit into a frame, cut between characters. */
export function frameParts(piece: ChunkPiece): ChunkPiece[] {
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
