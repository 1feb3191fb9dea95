import type { NotificationParamsOf } from '../protocol/table.ts';

/** An error that the server answered (SPEC {#errors}). */
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
  constructor(reason: string) {
    super(reason === '' ? 'the connection to the server is gone' : `the connection to the server is gone: ${reason}`);
    this.name = 'ConnectionClosed';
  }
}
