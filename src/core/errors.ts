/**
 * The one error catalogue. Every error that crosses the wire has a name here; `docs/errors.md`,
 * the SPEC table and the types are made from it (SPEC {#errors}).
 */

/** One row of the catalogue. */
export interface ErrorSpec {
  /** JSON-RPC error code. */
  readonly code: number;
  /** HTTP-like status, sent as `data.status`. */
  readonly status: number;
  /** When it is raised, one sentence. */
  readonly when: string;
}

export const ERRORS = {
  parse_error: { code: -32700, status: 400, when: 'The message is not JSON text.' },
  invalid_request: { code: -32600, status: 400, when: 'The message is JSON but no JSON-RPC 2.0 request.' },
  method_not_found: { code: -32601, status: 404, when: 'No such method; `discover` lists them.' },
  invalid_params: { code: -32602, status: 400, when: 'A parameter is missing, unknown or of the wrong shape.' },
  internal: { code: -32603, status: 500, when: 'A fault of the server; the log has the cause.' },
  overloaded: { code: -32001, status: 503, when: 'A queue or buffer is full; try again after `retry_after_ms`.' },
  not_initialized: { code: -32002, status: 409, when: 'The method needs a project: call `init` first.' },
  forbidden: { code: -32003, status: 403, when: 'Scope, policy or path containment does not allow it.' },
  not_found: { code: -32004, status: 404, when: 'No such run, entry, channel, model or subscription.' },
  since_trimmed: {
    code: -32010,
    status: 410,
    when: 'Events after `since` are no longer kept; `trimmed_to` is where a replay can begin.',
  },
  conflict: { code: -32005, status: 409, when: 'The present state does not allow it.' },
  offset_conflict: {
    code: -32005,
    status: 409,
    when: 'The offset leaves a gap, or other bytes are stored there; `expected` says where to go on.',
  },
  stream_closed: { code: -32005, status: 409, when: 'The producer has ended, `terminal_status` says how.' },
  stream_not_open: { code: -32005, status: 409, when: 'The proposal has not been accepted, so it has no channels yet.' },
  proposal_resolved: { code: -32005, status: 409, when: 'Another client answered this proposal first; `resolution` is that answer.' },
  alias_taken: { code: -32005, status: 409, when: 'A run or a model of that alias exists already.' },
  illegal_transition: { code: -32005, status: 409, when: 'The state table has no such transition.' },
  unsupported: { code: -32006, status: 501, when: 'This server, backend or runner cannot do it.' },
  too_large: { code: -32007, status: 413, when: 'A message, chunk, body or result is over its limit.' },
  stale_epoch: { code: -32008, status: 409, when: 'A writer with an older lease; nothing was stored.' },
  unauthenticated: { code: -32009, status: 401, when: 'No token, or a wrong one.' },
  cancelled: { code: -32800, status: 499, when: 'The caller cancelled the request.' },
} as const satisfies Record<string, ErrorSpec>;

export type ErrorName = keyof typeof ERRORS;

/** Facts that travel in `error.data` beside `name` and `status`. */
export type ErrorFacts = Readonly<Record<string, unknown>>;

/**
 * An error that a client may see: a name of the catalogue, a message that says what to do next, and facts.
 * Anything else that is thrown reaches a client as `internal`, its text kept in the server's log.
 */
export class HeadgateError extends Error {
  readonly kind: ErrorName;
  readonly facts: ErrorFacts;

  constructor(kind: ErrorName, message: string, facts: ErrorFacts = {}, options?: ErrorOptions) {
    super(message, options);
    this.name = 'HeadgateError';
    this.kind = kind;
    this.facts = facts;
  }

  /** JSON-RPC code (SPEC {#errors}). */
  get code(): number {
    return ERRORS[this.kind].code;
  }

  /** `error.data` as sent: name, status, facts. */
  get data(): { name: ErrorName; status: number } & ErrorFacts {
    return { ...this.facts, name: this.kind, status: ERRORS[this.kind].status };
  }
}

/** Facts of a `conflict` that is over after a while, so that the call can be tried again. */
export const NOT_YET: ErrorFacts = { retry_after_ms: 200 };

/** True for an error with a name of the catalogue, optionally of exactly this name. */
export function isHeadgateError(error: unknown, kind?: ErrorName): error is HeadgateError {
  return error instanceof HeadgateError && (kind === undefined || error.kind === kind);
}

/** The message of a thrown value. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The `code` of a system error (`ENOENT`, `EADDRINUSE` ...), or undefined. */
export function systemCode(error: unknown): string | undefined {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code;
  return undefined;
}

/** True for the error of a path that does not exist: a name is missing (ENOENT), or a part of the path is a file (ENOTDIR). */
export function isMissing(error: unknown): boolean {
  const code = systemCode(error);
  return code === 'ENOENT' || code === 'ENOTDIR';
}
