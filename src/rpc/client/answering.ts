import { HeadgateError, isHeadgateError, messageOf } from '../../core/errors.ts';

/** A request that the server sends to a client. */
export interface ServerRequest {
  readonly id: string | number | null;
  readonly method: string;
  readonly params?: unknown;
}

/** Handles one request of the server; what it throws is the error that the server gets. */
export type Answerer = (method: string, params: unknown) => unknown;

/** The answer to a request of the server, as text. Calls the answerer before it returns. */
export async function answerRequest({ id, method, params }: ServerRequest, answerer: Answerer | undefined): Promise<string> {
  try {
    if (!answerer) throw new HeadgateError('method_not_found', `this client answers no requests, so not ${method}`);
    return JSON.stringify({ jsonrpc: '2.0', id, result: (await answerer(method, params)) ?? {} });
  } catch (error) {
    const named = isHeadgateError(error) ? error : new HeadgateError('internal', messageOf(error));
    return JSON.stringify({ jsonrpc: '2.0', id, error: { code: named.code, message: named.message, data: named.data } });
  }
}
