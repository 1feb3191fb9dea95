import { messageOf } from '../../../src/core/errors.ts';
import { RpcError } from '../../../src/rpc/client/index.ts';

/** True when the server does not take the token. */
export function isRefusal(error: unknown): boolean {
  return error instanceof RpcError && error.kind === 'unauthenticated';
}

/** Why the page did not come to a project, in words. */
export function troubleOf(error: unknown): string {
  if (isRefusal(error)) return 'The server does not take this token.';
  return error instanceof TypeError ? `The server does not answer: ${messageOf(error)}` : messageOf(error);
}
