/** Ends of commands that are told apart; those of plugins' producers are their own, and may be any number. */
const OUTCOMES: ReadonlySet<string> = new Set([
  'exit',
  'signal',
  'timeout',
  'lifetime',
  'output_limit',
  'cancelled',
  'aborted',
  'lost',
  'start_failed',
]);

/** The label `outcome` of an end of a command: one of a few words, whatever the command did (SPEC {#metrics}). */
export function outcomeLabel(status: unknown, outcome: unknown): string {
  if (status === 200) return 'ok';
  const word = typeof outcome === 'string' ? (outcome.split(':', 1)[0] ?? '') : '';
  return OUTCOMES.has(word) ? word : 'other';
}
