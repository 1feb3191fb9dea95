import type { Entry, Turn } from '../../model/records.ts';
import type { LoopLimits, RuntimeParts } from '../parts.ts';
import { hasFailed, inputOf, isModelAction, producerOf, resolutionOf, toolOf } from './attributes.ts';

type Parts = Pick<RuntimeParts, 'store'>;

/** Turns of the longest cycle that is looked for: A, B, C, A, B, C. */
const MAX_PERIOD = 3;

/** Why a loop must not go on. */
export interface LimitHit {
  readonly outcome: 'turns' | 'repeated' | 'strikes';
  /** For the log: what was reached and what to do. */
  readonly text: string;
}

/** The actions of a turn's model, in the order in which they were recorded. */
export function actionsOf(parts: Pick<RuntimeParts, 'store'>, turn: Pick<Turn, 'runId' | 'sequence'>): Entry[] {
  return parts.store.entries.list({ runId: turn.runId, prefix: `log://turn_${turn.sequence}/` }).filter(isModelAction);
}

/** Looks at the turns of a loop that are done, and says whether a limit is reached (SPEC {#loop_limits}). */
export function limitHit(parts: Parts, turns: readonly Turn[], limits: LoopLimits): LimitHit | undefined {
  const last = (count: number) =>
    turns.length >= count ? turns.slice(-count).map((turn) => ({ turn, actions: actionsOf(parts, turn) })) : [];
  for (let period = 1; period <= MAX_PERIOD; period++) {
    const looked = last(limits.repeats * period);
    if (looked.some(({ actions }) => actions.some(polls))) break;
    if (
      !repeats(
        looked.map(({ turn, actions }) => fingerprint(turn, actions)),
        period,
      )
    )
      continue;
    const what =
      period === 1 ? `${limits.repeats} turns in a row did the same` : `The same ${period} turns came ${limits.repeats} times in a row,`;
    return { outcome: 'repeated', text: `${what} with the same result. Ask again and say what should be done differently.` };
  }
  const struck = last(limits.strikes);
  if (struck.length > 0 && struck.every(({ actions }) => actions.length > 0 && actions.every(isStrike))) {
    return {
      outcome: 'strikes',
      text: `No action of ${limits.strikes} turns in a row was of use. Look at them in the log, then ask again.`,
    };
  }
  if (turns.length >= limits.turns) {
    return { outcome: 'turns', text: `The loop took ${limits.turns} turns, the most that one loop may take. Ask again to go on.` };
  }
  return undefined;
}

/** True for a row of one block of turns, again and again. */
function repeats(prints: readonly string[], period: number): boolean {
  return prints.length > 0 && prints.every((print, index) => print === prints[index % period]);
}

/** Refused, rejected, or failed in its tool. A command that ran and failed is a result to work with, no strike. */
function isStrike(entry: Entry): boolean {
  const ran = producerOf(entry) !== undefined && resolutionOf(entry)?.action === 'accept';
  return hasFailed(entry) && !ran;
}

/** An action that looks at something still running may well be repeated. */
function polls(entry: Entry): boolean {
  return entry.attributes['live'] === true;
}

function fingerprint(turn: Turn, actions: readonly Entry[]): string {
  return JSON.stringify([
    turn.text,
    actions.map((entry) => [toolOf(entry), inputOf(entry), entry.status, entry.outcome, producerOf(entry) ? null : entry.body]),
  ]);
}
