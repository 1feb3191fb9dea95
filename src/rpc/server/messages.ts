import { isUtf8 } from 'node:buffer';
import type { JSONRPCID, JSONRPCResponse } from 'json-rpc-2.0';
import { HeadgateError, messageOf } from '../../core/errors.ts';
import { nestedDeeper } from '../../core/json-depth.ts';
import { traceparentIn } from '../../core/trace-context.ts';

/** Arrays and objects within each other in one message. */
const MAX_DEPTH = 64;

/** A JSON-RPC request or, without id, notification whose envelope is sound; its params are not checked yet. */
export interface RequestMessage {
  readonly jsonrpc: '2.0';
  readonly method: string;
  readonly params?: unknown;
  readonly id?: JSONRPCID;
}

/** The value of a message. Throws `parse_error`, or `invalid_request` for one that is nested too deeply. */
export function parseMessage(bytes: Buffer): unknown {
  if (!isUtf8(bytes)) throw new HeadgateError('parse_error', 'the message is not UTF-8; send bytes of another kind as base64');
  if (nestedDeeper(bytes, MAX_DEPTH)) {
    throw new HeadgateError('invalid_request', `the message is nested deeper than ${MAX_DEPTH} levels; flatten it`, { limit: MAX_DEPTH });
  }
  try {
    return JSON.parse(bytes.toString());
  } catch (error) {
    throw new HeadgateError('parse_error', `the message is not JSON: ${messageOf(error).slice(0, 200)}`);
  }
}

/** True for a response to a request of this server: a response gets no response. */
export function isAnswer(value: unknown): value is JSONRPCResponse {
  return isObject(value) && !('method' in value) && ('result' in value || 'error' in value);
}

/** True for `$/cancelRequest`. */
export function isCancel(request: RequestMessage): boolean {
  return request.method === '$/cancelRequest';
}

/** The bytes of `$/binary {bytes}`, which stands for a binary message where there are only lines; undefined for another notification. */
export function binaryOf({ method, id, params }: RequestMessage): Buffer | undefined {
  if (method !== '$/binary' || id !== undefined || !isObject(params) || typeof params['bytes'] !== 'string') return undefined;
  return Buffer.from(params['bytes'], 'base64');
}

/** The `traceparent` in the `_meta` of a request's params, if it is one. */
export function traceparentOfParams(params: unknown): string | undefined {
  const meta = isObject(params) ? params['_meta'] : undefined;
  return isObject(meta) ? traceparentIn(meta) : undefined;
}

/** What keeps a value from being a JSON-RPC 2.0 request, and the id of the error response; undefined if the value is a request. */
export function requestProblem(value: unknown): { id: JSONRPCID; message: string } | undefined {
  if (!isObject(value)) return { id: null, message: 'a request is an object {jsonrpc: "2.0", id, method, params}' };
  const { id } = value;
  if (id !== undefined && id !== null && typeof id !== 'string' && typeof id !== 'number') {
    return { id: null, message: 'id is a string or a number' };
  }
  const answerTo = id ?? null;
  if (value['jsonrpc'] !== '2.0') return { id: answerTo, message: 'jsonrpc must be "2.0"' };
  if (typeof value['method'] !== 'string') return { id: answerTo, message: 'method is the name of a method; discover lists them' };
  if ('result' in value || 'error' in value) return { id: answerTo, message: 'a request carries neither result nor error' };
  return undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
