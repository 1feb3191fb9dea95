import { isUtf8 } from 'node:buffer';
import { escapeJson } from '../../../core/bytes.ts';
import type { ChunkPiece } from '../../../stream/index.ts';
import { frameParts } from '../chunk-frame.ts';

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
  const text = isUtf8(bytes);
  const chunk = text ? escapeJson(bytes) : Buffer.from(bytes.toString('base64'), 'latin1');
  const encoding = text ? 'utf8' : 'base64';
  return Buffer.concat([
    Buffer.from(`id: ${offset + bytes.length}\nevent: chunk\ndata: {"offset":${offset},"chunk":"`),
    chunk,
    Buffer.from(`","encoding":"${encoding}","at":${at}}\n\n`),
  ]);
}
