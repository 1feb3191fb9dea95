/** How numbers, times and untrusted text look to people. */

export { formatBytes, formatDuration } from '../core/measures.ts';

const WORDS: Readonly<Record<number, string>> = {
  100: 'queued',
  102: 'running',
  200: 'done',
  202: 'waiting',
  403: 'rejected',
  409: 'aborted',
  499: 'cancelled',
  500: 'failed',
};

/** A status in a word and its number: `running (102)`. */
export function formatStatus(status: number): string {
  const word = WORDS[status];
  return word ? `${word} (${status})` : String(status);
}

export { shellQuote } from '../core/shell-quote.ts';
export { visible, visibleLine } from '../core/visible-text.ts';
