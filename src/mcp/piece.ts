import { isUtf8 } from 'node:buffer';
import { continuationBytes, incompleteTail } from '../core/utf8.ts';
import type { ResultOf } from '../rpc/protocol/table.ts';

/** The bytes of a page of `stream/read`. */
export function bytesOf({ chunk, encoding }: Pick<ResultOf<'stream/read'>, 'chunk' | 'encoding'>): Buffer {
  return Buffer.from(chunk, encoding);
}

/** A piece of a channel as text, without the parts of characters that it begins and ends within; undefined if the bytes are not text. */
export function textOf(bytes: Buffer): string | undefined {
  const whole = bytes.subarray(continuationBytes(bytes), bytes.length - incompleteTail(bytes));
  return isUtf8(whole) ? whole.toString() : undefined;
}
