import type { IncomingMessage, ServerResponse } from 'node:http';
import { HeadgateError, isHeadgateError } from '../../../core/errors.ts';

/** Responds with JSON and the end of a line. */
export function sendJson(response: ServerResponse, status: number, body: object): void {
  const text = `${JSON.stringify(body)}\n`;
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
  });
  response.end(text);
}

/** Responds with an error of the catalogue and its HTTP status. */
export function sendError(response: ServerResponse, error: unknown, status?: number): void {
  const known = namedError(error);
  // The rest of a message that is being sent is thrown away, so that the client gets to its answer; no other has a body.
  if (response.req.method !== 'POST') response.setHeader('connection', 'close');
  if (known.data.status === 401) response.setHeader('www-authenticate', 'Bearer');
  sendJson(response, status ?? known.data.status, { error: errorFacts(known) });
}

/** Longer responses are results: an error is a sentence and a few facts. */
const LONGEST_ERROR_BYTES = 64 * 1024;

/**
 * HTTP status of a JSON-RPC response (SPEC {#transport_http}): that of the error of a single call, 429 for a caller that has used its
 * share; 200 for a result and for a batch.
 */
export function statusOf(response: Buffer): number {
  if (response[0] !== OPENING_BRACE || response.length > LONGEST_ERROR_BYTES) return 200;
  const { error } = JSON.parse(response.toString()) as { error?: { data?: { status?: number; limited?: unknown } } };
  if (!error) return 200;
  return error.data?.limited === 'caller' ? 429 : (error.data?.status ?? 500);
}

const OPENING_BRACE = 0x7b;

/** Responds 405 with the methods that there are. */
export function sendMethodNotAllowed(request: IncomingMessage, response: ServerResponse, allowed: string): void {
  response.setHeader('allow', allowed);
  sendError(response, new HeadgateError('invalid_request', `no ${request.method} here; use ${allowed}`, { method: request.method }), 405);
}

/** An error that a client may see; anything else is `internal` without its text. */
export function namedError(error: unknown): HeadgateError {
  return isHeadgateError(error) ? error : new HeadgateError('internal', 'the request failed inside the server; its log has the cause');
}

/** Code, message and data, as in a JSON-RPC error. */
export function errorFacts(error: HeadgateError): object {
  return { code: error.code, message: error.message, data: error.data };
}

/** The path of a request, as it was sent. */
export function pathOf(request: IncomingMessage): string {
  return (request.url ?? '/').split('?', 1)[0] ?? '/';
}

/** What follows the first question mark. */
export function queryOf(request: IncomingMessage): URLSearchParams {
  const url = request.url ?? '';
  const at = url.indexOf('?');
  return new URLSearchParams(at < 0 ? '' : url.slice(at + 1));
}
