import type { JSONRPCID, JSONRPCResponse } from 'json-rpc-2.0';
import { LIMITS } from '../protocol/shapes.ts';
import { type RequestMessage, requestProblem } from './messages.ts';
import { refusal } from './wire-errors.ts';

/** The text of a response; one that is over the limit of a message becomes an error that says so. */
export function responseText(response: JSONRPCResponse): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(response);
  } catch {
    // Longer than the longest string there is.
  }
  if (text !== undefined && Buffer.byteLength(text) <= LIMITS.messageBytes) return text;
  return JSON.stringify(
    refusal(
      response.id,
      'too_large',
      `the answer is over ${LIMITS.messageBytes} bytes; ask for fewer rows (limit), no bodies (body: false) or a smaller range`,
      {
        limit: LIMITS.messageBytes,
      },
    ),
  );
}

/** The responses of a batch in one message, each made into text as it comes; those that do not fit become errors. */
export class BatchText {
  readonly #texts: (string | undefined)[] = [];
  #room: number = LIMITS.messageBytes;
  #full = false;

  /** True once an answer did not fit: what would only be read for more of them need not be. */
  get full(): boolean {
    return this.#full;
  }

  /** Adds the answer to the request at `index`; undefined for a notification, which has none. */
  add(index: number, response: JSONRPCResponse | undefined): void {
    if (!response) return;
    let text = responseText(response);
    if (Buffer.byteLength(text) > this.#room) {
      this.#full = true;
      text = JSON.stringify(noRoom(response.id));
    }
    this.#room -= Buffer.byteLength(text);
    this.#texts[index] = text;
  }

  /** The response to a request that is not carried out because there is no room; undefined if it gets no response. */
  refused(value: unknown): JSONRPCResponse | undefined {
    if (requestProblem(value) !== undefined) return undefined;
    const { id } = value as RequestMessage;
    return id === undefined ? undefined : noRoom(id);
  }

  /** The message; undefined if no request of the batch gets a response. */
  get text(): string | undefined {
    const texts = this.#texts.filter((text) => text !== undefined);
    return texts.length === 0 ? undefined : `[${texts.join(',')}]`;
  }
}

function noRoom(id: JSONRPCID): JSONRPCResponse {
  return refusal(id, 'too_large', 'the responses of this batch do not fit into one message; send this request alone');
}
