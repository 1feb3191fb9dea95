import { deferred } from '../core/deferred.ts';
import { HeadgateError } from '../core/errors.ts';
import { LineSplitter } from '../core/line-splitter.ts';
import { LIMITS } from '../rpc/protocol/shapes.ts';
import type { Console } from './console.ts';
import { dial } from './dial.ts';
import { EXIT } from './exit-codes.ts';
import type { Target } from './locate.ts';

/**
 * Relays JSON-RPC messages, one a line, between standard input and output and a server. After the end of input it
 * stays until every request has its answer.
 */
export async function relay(console: Console, target: Target): Promise<number> {
  const transport = await dial(target);
  const open = new Set<string>();
  let inputEnded = false;
  const { promise: finished, resolve: finish } = deferred<number>();
  const finishIfAnswered = () => {
    if (inputEnded && open.size === 0) finish(EXIT.ok);
  };
  transport.onMessage((message) => {
    void console.out.write(`${message}\n`);
    for (const id of answered(message)) open.delete(id);
    finishIfAnswered();
  });
  transport.onClose(() => finish(inputEnded && open.size === 0 ? EXIT.ok : EXIT.unreachable));
  console.out.onGone(() => finish(EXIT.brokenPipe));
  const input = console.stdin();
  const lines = new LineSplitter({
    maxBytes: LIMITS.messageBytes,
    line: (bytes) => {
      const line = bytes.toString();
      for (const id of asked(line)) open.add(id);
      transport.send(line);
    },
    tooLong: () => void console.out.write(`${tooLarge()}\n`),
  });
  input.on('data', (piece: Buffer | string) => lines.push(Buffer.from(piece as Buffer)));
  input.on('end', () => {
    lines.end();
    inputEnded = true;
    finishIfAnswered();
  });
  const code = await finished;
  transport.close();
  input.destroy();
  await console.out.flush();
  return code;
}

/** The answer to a message that is not even read to its end. */
function tooLarge(): string {
  const { code, message, data } = new HeadgateError('too_large', `a message is ${LIMITS.messageBytes} bytes at most`);
  return JSON.stringify({ jsonrpc: '2.0', id: null, error: { code, message, data } });
}

/** Ids of the requests in a message that will get a response. */
function asked(message: string): string[] {
  return objects(message).flatMap((one) => ('method' in one && 'id' in one ? [JSON.stringify(one['id'])] : []));
}

/** Ids of the responses in a message. */
function answered(message: string): string[] {
  return objects(message).flatMap((one) => ('id' in one && !('method' in one) ? [JSON.stringify(one['id'])] : []));
}

function objects(message: string): Record<string, unknown>[] {
  let value: unknown;
  try {
    value = JSON.parse(message);
  } catch {
    // Not for us to judge; the server says what is wrong with it.
    return [];
  }
  const list = Array.isArray(value) ? value : [value];
  return list.filter((one): one is Record<string, unknown> => typeof one === 'object' && one !== null);
}
