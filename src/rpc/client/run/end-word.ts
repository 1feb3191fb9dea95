import { visibleLine } from '../../../core/visible-text.ts';

/** How an action ended, as `stream/ended`, a row of `stream/list` and a log entry with its producer tell it. */
export interface Ending {
  /** Status of the log entry. */
  readonly status: number;
  readonly outcome?: string | null | undefined;
  readonly exit_code?: number | null | undefined;
  readonly signal?: string | null | undefined;
}

/** Outcomes that say how it went better than their own name does. */
const WORDS: Readonly<Record<string, string>> = {
  timeout: 'timed out',
  output_limit: 'wrote more than it may',
  lifetime: 'ran for longer without its server than it may',
};

/**
 * How an action ended, in the words that every client shows: `exit 0`, `exit 3`, `ended by SIGKILL`, `timed out`, `cancelled`,
 * `rejected`, `not done`, `damaged, exit 0`. Safe to draw on one line: control characters of an outcome are made visible
 * (SPEC {#end_words}).
 *
 * @example
 * ```ts
 * import { endWord } from 'headgate/client';
 *
 * console.log(endWord({ status: 500, outcome: 'exit:3' })); // exit 3
 * console.log(endWord({ status: 500, outcome: 'timeout' })); // timed out
 * ```
 */
export function endWord({ status, outcome, exit_code: exitCode, signal }: Ending): string {
  const [named = '', value = ''] = outcome?.split(':', 2) ?? [];
  const exit = named === 'exit' ? value : exitCode;
  const by = named === 'signal' ? value : signal;
  const process = by ? `ended by ${visibleLine(by)}` : exit != null ? `exit ${exit}` : undefined;
  if (status === 200) return process ?? (outcome ? outcomeWord(outcome) : 'done');
  if (status === 403 || status === 499) return outcome ? outcomeWord(outcome) : status === 403 ? 'rejected' : 'cancelled';
  if (status === 409) return 'not done';
  if (!outcome || named === 'exit' || named === 'signal') return process ?? 'failed';
  // The signal or code of a command that the server ended is the server's doing, and says nothing more.
  const word = outcomeWord(outcome);
  return WORDS[outcome] === undefined && exitCode != null ? `${word}, ${process}` : word;
}

function outcomeWord(outcome: string): string {
  return WORDS[outcome] ?? visibleLine(outcome).replaceAll('_', ' ');
}
