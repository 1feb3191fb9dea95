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

/** The connection ended before the answer came. What had been asked may have happened. */
export class ConnectionClosed extends Error {
  constructor(reason: string) {
    super(reason === '' ? 'the connection to the server is gone' : `the connection to the server is gone: ${reason}`);
    this.name = 'ConnectionClosed';
  }
}
