/** What one connection, or all connections of one token, may take of the server (SPEC {#caller_limits}). */
export interface CallerLimits {
  /** Milliseconds of the server's thread that calls which only read may take in one go, of one token; 0: any. */
  readonly callMs: number;
  /** Calls of one token in a second; 0: any. */
  readonly calls: number;
  /** Commands that the clients of one token have begun and that run. */
  readonly commands: number;
  /** Proposals that they have made and that wait for an answer. */
  readonly proposals: number;
  /** Wrong tokens from one address in a minute, beyond which it is not listened to for the rest of that; 0: any. */
  readonly wrongTokens: number;
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
  calls: 1000,
  commands: 256,
  proposals: 256,
  wrongTokens: 20,
  answerBytes: 64 * 1024 * 1024,
  eventSubscriptions: 32,
  subscriptions: 1000,
  unauthenticated: 128,
  authenticateMs: 10_000,
};
