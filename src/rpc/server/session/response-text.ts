import type { JSONRPCID, JSONRPCResponse } from 'json-rpc-2.0';
import { LIMITS } from '../../protocol/shapes.ts';
import { isLarge, type SlicePayer, slicedJson } from '../json-slices.ts';
import { type RequestMessage, requestProblem } from '../messages.ts';
import { refusal } from '../wire-errors.ts';

/**
 * The text of a response, in UTF-8; one that is over the limit of a message becomes an error that says so. That of a large one is made in slices
 * (SPEC {#no_pause}).
 */
export function responseText(response: JSONRPCResponse, payer: SlicePayer): Buffer | Promise<Buffer> {
  const instead = () => Buffer.from(JSON.stringify(tooLarge(response.id)));
  if (isLarge(response.result)) return slicedJson(response, LIMITS.messageBytes, payer).then((text) => text ?? instead(), instead);
  try {
    return Buffer.from(JSON.stringify(response));
  } catch {
    // A plugin's result that is not JSON.
    return instead();
  }
}

function tooLarge(id: JSONRPCID): JSONRPCResponse {
  const limit = LIMITS.messageBytes;
  const help = 'ask for fewer rows (limit), no bodies (body: false) or a smaller range';
  return refusal(id, 'too_large', `the answer is over ${limit} bytes; ${help}`, { limit });
}

const COMMA = Buffer.from(',');

/** The responses of a batch in one message; those that do not fit become errors. */
export class BatchText {
  readonly #texts: (Buffer | undefined)[] = [];
  #room: number = LIMITS.messageBytes;
  #full = false;

  /** True once an answer did not fit: what would only be read for more of them need not be. */
  get full(): boolean {
    return this.#full;
  }

  /** Adds the text of the answer to the request at `index`. */
  add(index: number, id: JSONRPCID, text: Buffer): void {
    const fits = text.length <= this.#room;
    if (!fits) this.#full = true;
    const taken = fits ? text : Buffer.from(JSON.stringify(noRoom(id)));
    this.#room -= taken.length;
    this.#texts[index] = taken;
  }

  /** The response to a request that is not carried out because there is no room; undefined if it gets no response. */
  refused(value: unknown): JSONRPCResponse | undefined {
    if (requestProblem(value) !== undefined) return undefined;
    const { id } = value as RequestMessage;
    return id === undefined ? undefined : noRoom(id);
  }

  /** Makes the message; undefined if no request of the batch gets a response. */
  text(): Buffer | undefined {
    const texts = this.#texts.filter((text) => text !== undefined);
    if (texts.length === 0) return undefined;
    const parts = texts.flatMap((text, index) => (index === 0 ? [text] : [COMMA, text]));
    return Buffer.concat([Buffer.from('['), ...parts, Buffer.from(']')]);
  }
}

function noRoom(id: JSONRPCID): JSONRPCResponse {
  return refusal(id, 'too_large', 'the responses of this batch do not fit into one message; send this request alone');
}
