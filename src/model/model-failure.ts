/** Why a model did not answer (SPEC {#model_failure}). */
export const MODEL_OUTCOMES = [
  'model_http',
  'model_unreachable',
  'model_timeout',
  'model_cut',
  'model_empty',
  'model_filtered',
  'model_context',
  'model_config',
] as const;

/** A model that did not answer. `outcome` goes into the loop's and the run's outcome. */
export class ModelFailure extends Error {
  readonly outcome: (typeof MODEL_OUTCOMES)[number];
  readonly httpStatus: number | undefined;
  /** How long the provider asks to be left alone, milliseconds; undefined when it did not say. */
  readonly retryAfterMs: number | undefined;

  constructor(
    outcome: ModelFailure['outcome'],
    message: string,
    httpStatus?: number,
    options?: ErrorOptions & { retryAfterMs?: number | undefined },
  ) {
    super(message, options);
    this.name = 'ModelFailure';
    this.outcome = outcome;
    this.httpStatus = httpStatus;
    this.retryAfterMs = options?.retryAfterMs;
  }
}
