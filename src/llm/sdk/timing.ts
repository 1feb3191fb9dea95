/** Times of requests to models, milliseconds (SPEC {#model_retry}). */
export interface RequestTiming {
  /** Requests for one answer at most. */
  readonly attempts: number;
  /** Wait before the second attempt when the provider says nothing; twice as long before the third. */
  readonly backoffMs: number;
  /** A provider that asks for a longer wait than this is not waited for. */
  readonly maxWaitMs: number;
  /** Silence, no byte of an answer, after which a request is given up. The platform's own limit is not longer. */
  readonly stallMs: number;
}

export const TIMING: RequestTiming = { attempts: 3, backoffMs: 2000, maxWaitMs: 60_000, stallMs: 290_000 };
