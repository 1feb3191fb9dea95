import type { Producer, RunnerRecord } from '../model/records.ts';
import { takesRun } from '../model/run-pattern.ts';
import { parseSelector, type Selector, selectorInWords, unmetTerms } from '../model/selector.ts';

/** Runners that are named in a reason; the rest is counted. */
const NAMED = 3;

/** A runner as it stands when something is to be placed. */
export interface Offered {
  readonly record: RunnerRecord;
  readonly state: 'ready' | 'draining' | 'away';
  /** Producers that it has. */
  readonly live: number;
}

/** Which runners may ever be given a producer: those that selector, backend and run fit (SPEC {#runner_selection}). */
export function fitting(producer: Producer): (record: RunnerRecord) => boolean {
  const selector = selectorOf(producer);
  return (record) => unmetTerms(selector, record).length === 0 && !unfit(record, producer);
}

/** What a queued producer waits for, in words, and which runners nearly fit (SPEC {#runner_selection}). */
export function waitReason(producer: Producer, offered: readonly Offered[]): string {
  const selector = selectorOf(producer);
  const terms = producer.runner.split(',').length;
  const wanted = selectorInWords(selector);
  const near = offered.flatMap((one) => {
    const unmet = unmetTerms(selector, one.record);
    // Of several terms one is missing: worth a word. Of one term that is every runner there is.
    if (unmet.length > 0)
      return unmet.length === 1 && terms > 1 && !unmet[0]?.startsWith('name:') ? [`"${one.record.name}" ${lacking(unmet[0] ?? '')}`] : [];
    const why = unfit(one.record, producer) ?? busy(one);
    return why === undefined ? [] : [`"${one.record.name}" ${why}`];
  });
  const fits = fitting(producer);
  const some = offered.some(({ record, state }) => state !== 'away' && fits(record));
  const more = near.length > NAMED ? `, and ${near.length - NAMED} more` : '';
  const told = near.length === 0 ? '' : ` (${near.slice(0, NAMED).join('; ')}${more})`;
  return `${some ? `a free place on ${wanted}` : wanted}${told}`;
}

/** A plugin may have planned it with what no client can ask for: then it is one word, which no runner offers. */
function selectorOf({ runner }: Producer): Selector {
  try {
    return parseSelector(runner);
  } catch {
    return { all: [runner], none: [] };
  }
}

/** Why a runner that the selector means may not have it, whatever its state; undefined when it may. */
function unfit(record: RunnerRecord, { backend, run }: Producer): string | undefined {
  if (!record.backends.includes(backend)) return `has no backend "${backend}"`;
  if (!takesRun(record, run)) return `takes only runs like ${record.runs.map((pattern) => `"${pattern}"`).join(' or ')}`;
  return undefined;
}

/** Why a runner that fits is not given it now. */
function busy({ record, state, live }: Offered): string | undefined {
  if (state === 'away') return 'is away';
  if (state === 'draining') return 'is draining';
  return live >= record.capacity ? `has no room, ${live} of ${record.capacity}` : undefined;
}

function lacking(term: string): string {
  return term.startsWith('!') ? `is "${term.slice(1)}"` : `is not "${term}"`;
}
