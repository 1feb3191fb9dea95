/** What one connection, or all connections of one token, may take of the server (SPEC {#caller_limits}). */
export interface CallerLimits {
  /** Milliseconds of the server's thread that calls which only read may take in one go, of one token; 0: any. */
  readonly callMs: number;
  /** Bytes of responses that the clients of one token have not read yet; 0: any. */
  readonly answerBytes: number;
  /** Subscriptions of events that one connection may have open: each gets every event. */
  readonly eventSubscriptions: number;
  /** Subscriptions of streams that one connection may have open. */
  readonly subscriptions: number;
  /** Connections that have brought no token yet. */
  readonly unauthenticated: number;
  /** How long a connection may take to bring its token (milliseconds). */
  readonly authenticateMs: number;
}

/** What holds where the configuration says nothing. */
export const CALLER_LIMITS: CallerLimits = {
  callMs: 2000,
  answerBytes: 64 * 1024 * 1024,
  eventSubscriptions: 32,
  subscriptions: 1000,
  unauthenticated: 128,
  authenticateMs: 10_000,
};
