import { RpcError } from './errors.ts';

/** What the body of a refused upgrade may be at most. */
const REFUSAL_CHARS = 64 * 1024;

/** Why a server did not open a WebSocket: the error of the response if it is one of Headgate's, else one made from the HTTP status. */
export async function refusalOf(response: AsyncIterable<unknown> & { readonly statusCode?: number | undefined }): Promise<Error> {
  let text = '';
  try {
    for await (const part of response) {
      text += String(part);
      if (text.length > REFUSAL_CHARS) break;
    }
    const body = JSON.parse(text) as { error?: { code: number; message: string; data?: unknown } };
    if (body.error) return new RpcError(body.error);
  } catch {
    // The server there is not Headgate; its status says all that is known.
  }
  return new Error(`the server returned HTTP ${response.statusCode} instead of opening a WebSocket`);
}
