import { type IncomingMessage, request as plain } from 'node:http';
import { request as encrypted } from 'node:https';
import type { Readable } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import type { Address } from './address.ts';

export interface OneRequest {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  readonly signal: AbortSignal;
}

/**
 * Sends one request to one of the addresses that were checked, whatever the name stands for by now, and resolves with the head of the
 * response. Follows nothing. Rejects with what went wrong in words.
 */
export function send(url: URL, addresses: readonly Address[], { method, headers, body, signal }: OneRequest): Promise<IncomingMessage> {
  const request = url.protocol === 'https:' ? encrypted : plain;
  return new Promise((resolve, reject) => {
    const sent = request(
      url,
      {
        method,
        signal,
        agent: false,
        headers: { 'user-agent': 'headgate', accept: '*/*', 'accept-encoding': 'gzip, deflate, br', ...headers },
        lookup: (_host, options, done) => {
          const [first] = addresses;
          if (options.all) done(null, [...addresses]);
          else done(null, first?.address ?? '', first?.family);
        },
      },
      resolve,
    );
    sent.on('error', (error: Error) => reject(signal.aborted ? (signal.reason as Error) : inWords(error)));
    sent.end(body);
  });
}

/** The body of a response, decompressed. */
export function decoded(response: IncomingMessage): Readable {
  const encoding = (response.headers['content-encoding'] ?? 'identity').trim().toLowerCase();
  const decoder =
    encoding === 'gzip' || encoding === 'x-gzip'
      ? createGunzip()
      : encoding === 'deflate'
        ? createInflate()
        : encoding === 'br'
          ? createBrotliDecompress()
          : undefined;
  if (!decoder) return response;
  // A connection that is cut must not look like an end.
  response.on('error', (error) => decoder.destroy(error));
  response.on('aborted', () => decoder.destroy(new Error('the connection was cut before the body was whole')));
  return response.pipe(decoder);
}

/** Several addresses that failed are one error without a text of its own. */
function inWords(error: Error): Error {
  if (!(error instanceof AggregateError)) return error;
  return new Error(error.errors.map((one: unknown) => (one instanceof Error ? one.message : String(one))).join('; '), { cause: error });
}
