import { type IncomingMessage, request as plain } from 'node:http';
import { request as encrypted } from 'node:https';
import { pipeline, type Transform } from 'node:stream';
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

/**
 * The body of a response, decompressed. One without a body (of HEAD, or 304) may name an encoding all the same. Throws when the connection
 * is cut before the end.
 */
export async function* decoded(response: IncomingMessage): AsyncGenerator<Buffer, void> {
  const chunks = response[Symbol.asyncIterator]() as AsyncIterableIterator<Buffer>;
  const first = await chunks.next();
  if (first.done) return;
  const body = async function* () {
    yield first.value;
    yield* chunks;
  };
  const decoder = decoderOf((response.headers['content-encoding'] ?? '').trim().toLowerCase());
  // What goes wrong is thrown by the decoder too.
  yield* decoder ? (pipeline(body, decoder, () => {}) as AsyncIterable<Buffer>) : body();
}

function decoderOf(encoding: string): Transform | undefined {
  if (encoding === 'gzip' || encoding === 'x-gzip') return createGunzip();
  if (encoding === 'deflate') return createInflate();
  return encoding === 'br' ? createBrotliDecompress() : undefined;
}

/** Several addresses that failed are one error without a text of its own. */
function inWords(error: Error): Error {
  if (!(error instanceof AggregateError)) return error;
  return new Error(error.errors.map((one: unknown) => (one instanceof Error ? one.message : String(one))).join('; '), { cause: error });
}
