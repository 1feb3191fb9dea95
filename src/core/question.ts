/** What a person is asked, with answers to choose from where some are named (SPEC {#ask_user}). */
export interface Question {
  readonly text: string;
  readonly options: readonly string[];
}

/**
 * The question of a proposal, whose accept carries the answer; undefined for one that would do something. `attributes` are those of the
 * proposal or of its log entry.
 */
export function questionOf({ question, options }: Readonly<Record<string, unknown>>): Question | undefined {
  if (typeof question !== 'string') return undefined;
  return { text: question, options: Array.isArray(options) ? options.filter((option) => typeof option === 'string') : [] };
}

/** True for a proposal that is a question. */
export function isQuestion(attributes: Readonly<Record<string, unknown>>): boolean {
  return questionOf(attributes) !== undefined;
}
