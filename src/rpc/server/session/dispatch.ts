import { createJSONRPCSuccessResponse, type JSONRPCRequest, type JSONRPCResponse, JSONRPCServer } from 'json-rpc-2.0';
import { type ErrorName, HeadgateError, isHeadgateError } from '../../../core/errors.ts';
import type { MethodDef } from '../../protocol/method.ts';
import { type MethodName, methods } from '../../protocol/table.ts';
import { allows, seesSecrets } from '../access.ts';
import type { AnyHandler, Call } from '../handler.ts';
import type { RequestMessage } from '../messages.ts';
import { handlers } from '../methods/index.ts';
import { errorResponse, invalidParams } from '../wire-errors.ts';

/**
 * Calls methods by the table (SPEC {#calls}): known, initialised, in scope, params of the right shape;
 * then the handler. Every outcome is an answer with a name of the catalogue and a line in the audit log.
 */
export class Dispatcher {
  readonly #server = new JSONRPCServer<Call>();

  constructor() {
    for (const [name, def] of Object.entries(methods as Record<string, MethodDef>)) {
      const handler = handlers[name as MethodName];
      this.#server.addMethodAdvanced(name, (request, call) => answer(request, call, (params) => run(name, def, handler, params, call)));
    }
    // The protocol's own names have been looked for: no plugin is ever asked for one of them.
    const notFound = (request: JSONRPCRequest, call: Call) =>
      answer(request, call, (params) => {
        const plugin = call.parts.runtime.pluginMethods.get(request.method);
        if (plugin) return run(request.method, plugin, (parsed, { caller }) => plugin.call(parsed, caller()), params, call);
        throw new HeadgateError('method_not_found', `no method "${request.method.slice(0, 80)}"; discover lists them`);
      });
    // The package types this member for any kind of context; this server is only ever given a Call.
    this.#server.handleMethodNotFound = notFound as unknown as JSONRPCServer<Call>['handleMethodNotFound'];
  }

  /** True for a method of the protocol that changes nothing, so that it can be left out. */
  onlyReads(method: string): boolean {
    if (!Object.hasOwn(methods, method)) return false;
    const { scope } = methods[method as MethodName];
    return scope === 'read' || scope === 'none';
  }

  /** The answer to a request, null for a notification. Never rejects. */
  async dispatch(request: RequestMessage, call: Call): Promise<JSONRPCResponse | null> {
    return await this.#server.receive(request as JSONRPCRequest, call);
  }
}

async function answer(request: JSONRPCRequest, call: Call, work: (params: unknown) => unknown): Promise<JSONRPCResponse | null> {
  const { clock, audit, observer, tokenUse } = call.parts;
  const started = clock.monotonic();
  let response: JSONRPCResponse;
  let failure: ErrorName | undefined;
  try {
    const result = await untilAborted(call.signal, () => work(request.params));
    response = createJSONRPCSuccessResponse(request.id ?? null, result);
  } catch (error) {
    const told = wireError(error, request.method, call);
    failure = told.kind;
    response = errorResponse(request.id ?? null, told);
    // A message may quote what a client, a command or the store said.
    if (response.error && !seesSecrets(call.session.scope)) response = { ...response, error: call.parts.redaction.value(response.error) };
  }
  // Of methods that do not exist there is any number.
  if (call.session.grant.added) tokenUse.used(call.session.grant.name);
  observer?.called(failure === 'method_not_found' ? 'unknown' : request.method, failure);
  audit.record({
    method: request.method.slice(0, 64),
    client: call.session.client,
    run: runOf(request.params),
    code: response.error?.code ?? 0,
    durationMs: Math.round(clock.monotonic() - started),
  });
  return request.id === undefined ? null : response;
}

function run(name: string, def: MethodDef, handler: AnyHandler, params: unknown, call: Call): unknown {
  // Asking for the caller is what refuses a connection without a project.
  if (def.init) call.caller();
  if (!allows(call.session.scope, def.scope)) {
    throw new HeadgateError('forbidden', `${name} needs a token of scope "${def.scope}"; this one has "${call.session.scope}"`, {
      scope: def.scope,
    });
  }
  if (def.wide && call.session.grant.ownRuns !== undefined) {
    throw new HeadgateError('forbidden', `${name} is about the whole project; this token is bound to the runs that are made with it`);
  }
  if (params !== undefined && (typeof params !== 'object' || params === null || Array.isArray(params))) {
    throw new HeadgateError('invalid_params', `${name}: params must be an object; params by position are not taken`);
  }
  const parsed = def.params.safeParse(withoutMeta(params), { reportInput: true });
  if (!parsed.success) throw invalidParams(name, parsed.error.issues);
  const masked = masks(name, def, parsed.data as { redact?: boolean }, call);
  const result = handler(parsed.data, call);
  const shown = masked ? redacted(result, call) : result;
  return call.parts.checkResults ? checked(name, def, shown) : shown;
}

/** Params without `_meta`, which is no part of any method (SPEC {#calls}). */
function withoutMeta(params: object | undefined): object {
  if (params === undefined || !('_meta' in params)) return params ?? {};
  const { _meta: _, ...rest } = params;
  return rest;
}

/** Methods whose bytes are masked where they are read, by their place in the channel. */
const READS = new Set(['stream/read', 'stream/subscribe', 'stream/export']);

/** Whether the secrets in a result are masked; a runner is given the commands as they are (SPEC {#redaction}). Throws as `redacts` does. */
function masks(name: string, def: MethodDef, { redact }: { redact?: boolean }, call: Call): boolean {
  if (READS.has(name) || def.scope === 'runner') return false;
  return call.redacts(redact);
}

async function redacted(result: unknown, call: Call): Promise<unknown> {
  return call.parts.redaction.value(await result);
}

async function checked(name: string, def: MethodDef, result: unknown): Promise<unknown> {
  const value = await result;
  const parsed = def.result.safeParse(value);
  if (!parsed.success) throw new Error(`${name} returned a result outside its schema: ${parsed.error.message}`);
  return value;
}

/**
 * The result of `work`, or the signal's reason once it is aborted; `work` then ends unheard. Work that heeds the signal
 * gets the time of one turn to say in its own words what goes on.
 */
function untilAborted(signal: AbortSignal, work: () => unknown): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const onAbort = () => void setImmediate(() => reject(signal.reason as Error));
    signal.addEventListener('abort', onAbort, { once: true });
    // The handler of a request is called before the next message is looked at: requests begin in the order in which they came.
    const working = (async () => await work())();
    working.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

/** What the client sees of whatever was thrown; what it may not see goes into the log, under a reference that both have. */
function wireError(error: unknown, method: string, call: Call): HeadgateError {
  if (isHeadgateError(error)) return error;
  if (call.signal.aborted) return new HeadgateError('cancelled', 'the request was cancelled by its caller; what it had begun goes on');
  const { ids, logger } = call.parts;
  const reference = ids.token(6);
  logger.error({ method, reference, error: error instanceof Error ? (error.stack ?? error.message) : String(error) }, 'a call failed');
  return new HeadgateError(
    'internal',
    `${method.slice(0, 80)} failed inside the server; its log has the cause under reference ${reference}`,
    { reference },
  );
}

/** The run that a call is about, as the caller named it. */
function runOf(params: unknown): string | null {
  if (typeof params !== 'object' || params === null || !('run' in params)) return null;
  return typeof params.run === 'string' ? params.run.slice(0, 64) : null;
}
