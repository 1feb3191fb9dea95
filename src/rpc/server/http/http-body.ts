import type { IncomingMessage } from 'node:http';
import { HeadgateError } from '../../../core/errors.ts';
import { LIMITS } from '../../protocol/shapes.ts';

/** The body of a request. Throws `too_large` as soon as it is known to be over the limit of a message; the rest is not read. */
export async function readBody(request: IncomingMessage): Promise<Buffer> {
  if (Number(request.headers['content-length'] ?? 0) > LIMITS.messageBytes) throw tooLarge();
  const parts: Buffer[] = [];
  let bytes = 0;
  // Leaving the loop early must not destroy the request: the answer goes over its socket.
  for await (const part of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > LIMITS.messageBytes) throw tooLarge();
    parts.push(part);
  }
  return Buffer.concat(parts);
}

/** Whether a body is what it stands for: nothing is decompressed, since a few bytes may become any number. */
export function isCompressed(request: IncomingMessage): boolean {
  const encoding = request.headers['content-encoding'];
  return encoding !== undefined && encoding.trim().toLowerCase() !== 'identity';
}

function tooLarge(): HeadgateError {
  return new HeadgateError('too_large', `the body is over ${LIMITS.messageBytes} bytes and was not read; send less at a time`, {
    limit: LIMITS.messageBytes,
  });
}
