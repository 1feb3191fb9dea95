import { HeadgateError } from '../../../core/errors.ts';
import { TTY_OPEN_BYTES, type TtyAttach, type TtyOpen, ttyAttach, ttyOpen } from '../../protocol/tty.ts';
import { parseMessage } from '../messages.ts';
import type { Inbound } from '../transports/message-channel.ts';
import { invalidParams } from '../wire-errors.ts';

/** The first message, read. Throws invalid_request, too_large, parse_error, invalid_params. */
export function parseFirst(message: Inbound): TtyOpen | TtyAttach {
  if (message.kind !== 'text') {
    throw new HeadgateError(
      'invalid_request',
      'the first message is text: {"operation": "tty/open", "carriage": "raw", "cmd": "...", "tty": null}',
    );
  }
  if (message.bytes.length > TTY_OPEN_BYTES) {
    throw new HeadgateError('too_large', `the first message has ${message.bytes.length} bytes; send at most ${TTY_OPEN_BYTES}`, {
      limit: TTY_OPEN_BYTES,
    });
  }
  const value = parseMessage(message.bytes);
  const attaches = typeof value === 'object' && value !== null && 'attach' in value;
  const parsed = (attaches ? ttyAttach : ttyOpen).safeParse(value, { reportInput: true });
  if (parsed.success) return parsed.data;
  throw invalidParams('tty/open', parsed.error.issues, 'docs/spec/protocol/streams.md {#tty_open} shows its fields');
}
