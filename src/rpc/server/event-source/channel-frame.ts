import type { ChunkPiece } from '../../../stream/index.ts';
import { encodedChunk, frameParts } from '../chunk-frame.ts';

const frames = new WeakMap<ChunkPiece, readonly Buffer[]>();

/** A piece as `chunk` events, `id` the offset after it; built once for every stream that it goes to (SPEC {#transport_sse}). */
export function channelFrames(piece: ChunkPiece): readonly Buffer[] {
  let known = frames.get(piece);
  if (!known) {
    known = frameParts(piece).map(encode);
    frames.set(piece, known);
  }
  return known;
}

function encode({ offset, bytes, at }: ChunkPiece): Buffer {
  const { chunk, encoding } = encodedChunk(bytes);
  return Buffer.concat([
    Buffer.from(`id: ${offset + bytes.length}\nevent: chunk\ndata: {"offset":${offset},"chunk":"`),
    chunk,
    Buffer.from(`","encoding":"${encoding}","at":${at}}\n\n`),
  ]);
}
