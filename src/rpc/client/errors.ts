import type { NotificationParamsOf } from '../protocol/table.ts';

/** An error that the server returned (SPEC {#errors}). */
export class RpcError extends Error {
  /** JSON-RPC code. */
  readonly code: number;
  /** Name in the error catalogue, `not_found` for example; tells apart what shares a code. */
  readonly kind: string;
  /** `name`, `status` and facts, as sent. */
  readonly data: Readonly<Record<string, unknown>>;

  constructor(error: { code: number; message: string; data?: unknown }) {
    super(error.message);
    this.name = 'RpcError';
    this.code = error.code;
    this.data = typeof error.data === 'object' && error.data !== null ? { ...error.data } : {};
    this.kind = typeof this.data['name'] === 'string' ? this.data['name'] : 'internal';
  }
}

/** JSON-RPC code of `unsupported`. */
const UNSUPPORTED = -32006;

/** Something that this server, backend or connection cannot do; the message says what, and why. */
export class UnsupportedError extends RpcError {
  constructor(error: { code: number; message: string; data?: unknown }) {
    super(error);
    this.name = 'UnsupportedError';
  }

  /** Makes the error for something that the client itself knows to be impossible. */
  static because(message: string): UnsupportedError {
    return new UnsupportedError({ code: UNSUPPORTED, message, data: { name: 'unsupported', status: 501 } });
  }
}

/** The error for the `error` member of a response. */
export function rpcError(error: { code: number; message: string; data?: unknown }): RpcError {
  return error.code === UNSUPPORTED ? new UnsupportedError(error) : new RpcError(error);
}

/** A subscription can deliver nothing more, and its command has not ended: it never ran, or is gone (SPEC {#stream_closed}). */
export class StreamClosed extends Error {
  readonly reason: 'never_started' | 'run_deleted';
  /** How the log entry ended; null when it is gone with its run. */
  readonly status: number | null;
  readonly outcome: string | null;

  constructor(closed: NotificationParamsOf<'stream/closed'>) {
    const { run, path, reason, status = null, outcome = null } = closed;
    const how = `${status ?? 'an unknown status'}${outcome === null ? '' : ` ${outcome}`}`;
    super(
      reason === 'run_deleted'
        ? `run ${run} was deleted; nothing more can be read of ${path ?? 'it'}`
        : `${path ?? run} was never started and has no output: it ended with ${how}`,
    );
    this.name = 'StreamClosed';
    this.reason = reason;
    this.status = status;
    this.outcome = outcome;
  }
}

/** The connection ended before the answer came. What had been asked may have happened. */
export class ConnectionClosed extends Error {
  /** True: there will be no other one; the server did not come back, or this side has closed. */
  readonly final: boolean;
  /** True: this side has closed it. */
  readonly here: boolean;

  constructor(reason: string, options: { readonly final?: boolean; readonly here?: boolean; readonly cause?: unknown } = {}) {
    super(
      reason === '' ? 'the connection to the server is gone' : `the connection to the server is gone: ${reason}`,
      options.cause === undefined ? {} : { cause: options.cause },
    );
    this.name = 'ConnectionClosed';
    this.final = options.final ?? false;
    this.here = options.here ?? false;
  }
}

/** The server came back with other data: what is known of runs and events is of no use any more. */
export class DataReplaced extends ConnectionClosed {
  constructor(reason: string) {
    super(reason, { final: true });
    this.name = 'DataReplaced';
  }
}
