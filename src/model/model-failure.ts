/** Why a model did not answer. `outcome` goes into the loop's and the run's outcome. */
export class ModelFailure extends Error {
  readonly outcome: 'model_http' | 'model_unreachable' | 'model_cut' | 'model_empty' | 'model_context' | 'model_config';
  readonly httpStatus: number | undefined;

  constructor(outcome: ModelFailure['outcome'], message: string, httpStatus?: number, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ModelFailure';
    this.outcome = outcome;
    this.httpStatus = httpStatus;
  }
}
