import { messageOf, systemCode } from '../core/errors.ts';
import { RpcError, type Transport } from '../rpc/client/index.ts';
import { type Target, unreachable } from './locate.ts';

/** Opens the transport of a target. Throws a CliError with exit code 3 when nothing answers, RpcError when it refuses. */
export async function dial(target: Target): Promise<Transport> {
  try {
    if (target.kind === 'unix') {
      const { connectUnixSocket } = await import('../rpc/node/unix-socket.ts');
      return await connectUnixSocket(target.path);
    }
    const { connectWebSocket } = await import('../rpc/node/websocket.ts');
    return await connectWebSocket(target.url, target.token, target.tls);
  } catch (error) {
    if (error instanceof RpcError) throw error;
    throw unreachable(target, systemCode(error) ?? messageOf(error));
  }
}
