import { RequestError } from '@agentclientprotocol/sdk';
import { messageOf } from '../core/errors.ts';
import { RpcError } from '../rpc/client/index.ts';

/** The error for a request that a client got wrong: -32602, with what to do instead (SPEC {#acp_errors}). */
export function badParams(message: string, data: Record<string, unknown> = {}): RequestError {
  return RequestError.invalidParams(data, message);
}

/** True for an error of the server with this name of the catalogue. */
export function isRefusal(error: unknown, name: string): boolean {
  return error instanceof RpcError && error.kind === name;
}

/** The error that an editor gets for a thrown value: what the caller got wrong is -32602, the rest -32603 with the next step. */
export function toRequestError(error: unknown): RequestError {
  if (error instanceof RequestError) return error;
  if (isRefusal(error, 'invalid_params') || isRefusal(error, 'not_found')) return badParams(messageOf(error), factsOf(error));
  if (isRefusal(error, 'unauthenticated')) return RequestError.authRequired(factsOf(error), messageOf(error));
  const hint = error instanceof Error && 'hint' in error && typeof error.hint === 'string' ? `; ${error.hint}` : '';
  return RequestError.internalError(factsOf(error), `${messageOf(error)}${hint}`);
}

function factsOf(error: unknown): Record<string, unknown> {
  return error instanceof RpcError ? { ...error.data } : {};
}
