import type { AnyMessage, Stream } from '@agentclientprotocol/sdk';
import { serveEditor } from '../acp/agent.ts';
import { Link } from '../acp/link.ts';
import { deferred } from '../core/deferred.ts';
import { ERRORS } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import { connectRuntime } from '../rpc/client/index.ts';
import { projectOf } from '../rpc/node/index.ts';
import type { MessageChannelLike } from '../rpc/server/index.ts';
import { dialIn } from './dial-in.ts';

/** Bytes that may wait for an editor that reads slowly before what sends to it waits (as for a reader of output). */
const HIGH_WATER_BYTES = 1024 * 1024;

/**
 * Serves an editor over a WebSocket of the server: what `headgate acp` does, with connections to the server that have what the editor's
 * token allows, which `accept` serves (SPEC {#acp_socket}). Resolves when the editor has gone.
 */
export function serveEditorSocket(
  channel: MessageChannelLike,
  accept: (channel: MessageChannelLike) => void,
  { version, logger }: { readonly version: string; readonly logger: Logger },
): Promise<void> {
  const connection = serveEditor(messageStream(channel), {
    version,
    mode: 'act',
    log: (line) => logger.info({ line }, 'an editor over a WebSocket'),
    connect: async (folder, name) => {
      const project = projectOf(folder);
      const runtime = await connectRuntime(() => Promise.resolve(dialIn({ accept })), { project, giveUpMs: 0, client: { name } });
      return new Link(runtime, project.root);
    },
  });
  return connection.closed;
}

/** The messages of a connection, one object each. A text that is something else is refused, and a binary message ends the connection. */
function messageStream(channel: MessageChannelLike): Stream {
  let drained = deferred();
  channel.onDrain(() => {
    drained.resolve();
    drained = deferred();
  });
  let gone = false;
  const readable = new ReadableStream<AnyMessage>({
    start: (controller) => {
      channel.onMessage((message) => {
        if (gone) return;
        if (message.kind !== 'text') return channel.close('done');
        const value = objectOf(message.bytes);
        if ('refused' in value) return channel.send(JSON.stringify({ jsonrpc: '2.0', id: null, error: value.refused }));
        controller.enqueue(value);
        if ((controller.desiredSize ?? 0) <= 0) channel.pause();
      });
      channel.onClose(() => {
        gone = true;
        drained.resolve();
        controller.close();
      });
    },
    pull: () => channel.resume(),
    cancel: () => channel.close('done'),
  });
  const writable = new WritableStream<AnyMessage>({
    write: async (message) => {
      if (gone) throw new Error('the editor is gone');
      channel.send(JSON.stringify(message));
      if (channel.bufferedBytes() > HIGH_WATER_BYTES) await drained.promise;
    },
    close: () => channel.close('done'),
    abort: () => channel.close('done'),
  });
  return { readable, writable };
}

function objectOf(bytes: Buffer): AnyMessage | { readonly refused: { readonly code: number; readonly message: string } } {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString());
  } catch {
    return { refused: { code: ERRORS.parse_error.code, message: 'the message is not JSON' } };
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as AnyMessage;
  return { refused: { code: ERRORS.invalid_request.code, message: 'a message is one JSON-RPC object; there are no batches' } };
}
