import type { Entry, Turn } from '../../model/records.ts';
import type { LoopLimits, RuntimeParts } from '../parts.ts';
import { hasFailed, inputOf, isModelAction, producerOf, resolutionOf, toolOf } from './attributes.ts';

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
export function limitHit(parts: RuntimeParts, turns: readonly Turn[], limits: LoopLimits): LimitHit | undefined {
  const last = (count: number) =>
    turns.length >= count ? turns.slice(-count).map((turn) => ({ turn, actions: actionsOf(parts, turn) })) : [];
  const repeated = last(limits.repeats);
  if (
    repeated.length > 0 &&
    new Set(repeated.map(({ turn, actions }) => fingerprint(turn, actions))).size === 1 &&
    !repeated.some(({ actions }) => actions.some(polls))
  ) {
    return {
      outcome: 'repeated',
      text: `${limits.repeats} turns in a row did the same with the same result. Ask again and say what should be done differently.`,
    };
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
