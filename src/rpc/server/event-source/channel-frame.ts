import { isUtf8 } from 'node:buffer';
import type { ChunkPiece } from '../../../stream/index.ts';
import { frameParts } from '../chunk-frame.ts';
import { escapedLatin1 } from '../json-bytes.ts';

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
  const chunk = text ? escapedLatin1(bytes) : `"${bytes.toString('base64')}"`;
  const encoding = text ? 'utf8' : 'base64';
  // All but the chunk is ASCII, and the chunk is UTF-8 read as Latin-1.
  return Buffer.from(
    `id: ${offset + bytes.length}\nevent: chunk\ndata: {"offset":${offset},"chunk":${chunk},"encoding":"${encoding}","at":${at}}\n\n`,
    'latin1',
  );
}
