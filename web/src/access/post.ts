import { RpcError } from '../../../src/rpc/client/index.ts';
import type { MethodName, ParamsOf, ResultOf } from '../../../src/rpc/protocol/table.ts';

/** Where single messages go. */
const RPC = '../rpc';

/**
 * Makes one call without a connection. A WebSocket that is refused tells a page nothing; this tells why.
 *
 * @throws RpcError with the error that the server returned, TypeError when there is no response
 */
export async function post<M extends MethodName>(token: string, method: M, params: ParamsOf<M>): Promise<ResultOf<M>> {
  const response = await fetch(RPC, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
  });
  const answer = (await response.json()) as { result?: ResultOf<M>; error?: { code: number; message: string; data?: unknown } };
  if (answer.error) throw new RpcError(answer.error);
  return answer.result as ResultOf<M>;
}
