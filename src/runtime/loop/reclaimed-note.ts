import { logPath } from '../../model/paths.ts';

/** Outcome of the entries that say what was reclaimed. */
export const RECLAIMED = 'reclaimed';

/** Lines of a note that name what was taken. */
const MAX_LINES = 40;

/** An entry whose body is shown no more. */
export interface Taken {
  readonly path: string;
  /** Tokens that are free now. */
  readonly tokens: number;
}

/** Path of the note of a turn; `number` from 1 on. */
export function reclaimedPath(turn: number, number: number): string {
  return logPath({ turn, action: 'context', slug: number === 1 ? 'reclaimed' : `reclaimed-${number}` });
}

/** What the log, people and the model are told of a reclamation (SPEC {#reclaim}). */
export function reclaimedText(before: number, ceiling: number, taken: readonly Taken[]): string {
  const freed = taken.reduce((sum, { tokens }) => sum + tokens, 0);
  const lines = taken.slice(0, MAX_LINES).map(({ path, tokens }) => `- ${path}: ${whole(tokens)} tokens`);
  const rest = taken.length - lines.length;
  return [
    `The context had ${whole(before)} tokens, over its ceiling of ${whole(ceiling)}. ${whole(freed)} tokens of old results were taken out of it; the entries are kept, and get reads them again:`,
    ...lines,
    ...(rest > 0 ? [`- and ${rest} more`] : []),
  ].join('\n');
}

/** A number as people read it. */
export function whole(count: number): string {
  return Math.round(count).toLocaleString('en-US');
}
