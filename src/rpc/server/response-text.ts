import type { JSONRPCResponse } from 'json-rpc-2.0';
import { LIMITS } from '../protocol/shapes.ts';
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

/** A batch in one message; answers that do not fit any more become errors. */
export function batchText(responses: readonly JSONRPCResponse[]): string {
  let room: number = LIMITS.messageBytes;
  const texts = responses.map((response) => {
    let text = responseText(response);
    if (Buffer.byteLength(text) > room) {
      text = JSON.stringify(
        refusal(response.id, 'too_large', 'the answers of this batch do not fit into one message; send this request alone'),
      );
    }
    room -= Buffer.byteLength(text);
    return text;
  });
  return `[${texts.join(',')}]`;
}
