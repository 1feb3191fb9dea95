import { defined } from '../../../core/defined.ts';
import type { HeadgateError } from '../../../core/errors.ts';
import type { TtyNews } from '../../protocol/tty.ts';
import { ttyControl, ttyHeader } from '../../protocol/tty-frames.ts';
import { errorFacts } from '../http/http-answer.ts';
import type { WebSocketChannel } from '../transports/websocket.ts';

/** The connection of a terminal session, as its parts see it. */
export type TtyChannel = Pick<
  WebSocketChannel,
  'send' | 'sendBinary' | 'bufferedBytes' | 'pause' | 'resume' | 'finish' | 'close' | 'onMessage' | 'onDrain' | 'onClose'
>;

const NOTHING = Buffer.alloc(0);

/** Sends a control chunk. */
export function sendNews(channel: TtyChannel, news: TtyNews): void {
  channel.sendBinary(Buffer.from(ttyControl(news)), NOTHING);
}

/** Sends output as one chunk; the bytes are retained until they have left. */
export function sendOutput(channel: TtyChannel, stream: 'stdout' | 'stderr', bytes: Buffer): void {
  channel.sendBinary(Buffer.from(ttyHeader(stream, bytes.length)), bytes);
}

/** Sends an error that the session survives; `of` is what could not be done. */
export function sendError(channel: TtyChannel, error: HeadgateError, of?: string): void {
  sendNews(channel, { type: 'error', ...defined({ of }), error: factsOf(error) });
}

/** Code, message and data, as in a JSON-RPC error. */
export function factsOf(error: HeadgateError): Extract<TtyNews, { type: 'error' }>['error'] {
  return errorFacts(error) as Extract<TtyNews, { type: 'error' }>['error'];
}

/** The code that a connection is closed with for this error (RFC 6455, section 7.4.1). */
export function closeCode(error: HeadgateError): number {
  switch (error.kind) {
    case 'too_large':
      return 1009;
    case 'internal':
      return 1011;
    case 'parse_error':
    case 'invalid_request':
      return 1002;
    default:
      return 1008;
  }
}
