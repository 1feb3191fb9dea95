import { freeNumber } from '../../core/free-number.ts';
import type { ContextPart } from '../../hooks/table.ts';
import type { Entry } from '../../model/records.ts';
import type { RuntimeParts } from '../parts.ts';
import { tellEntry } from '../tell.ts';
import type { Ceiling } from './budget.ts';
import type { TurnPlace } from './context.ts';
import { RECLAIMED, reclaimedPath, reclaimedText, type Taken } from './reclaimed-note.ts';
import { shownEntry, stubbed } from './stub.ts';
import type { CountTokens } from './tokens.ts';

type Parts = Pick<RuntimeParts, 'store' | 'journal'>;

/** Share of the room for results that is filled afterwards: the next turns fit in, and the beginning of their packets stays. */
const LOW_WATER = 0.5;
/** A body that frees less is left alone. */
const WORTH_TOKENS = 100;

interface Candidate extends Taken {
  readonly entry: Entry;
  /** Turns since it was shown first. */
  readonly age: number;
}

/** What is to be made room for. */
export interface Excess {
  readonly tokens: number;
  readonly ceiling: Ceiling;
  /** The provider has taught the limit: it is remembered for the run. */
  readonly learned: boolean;
}

/**
 * Takes bodies of old results out of the context, the oldest and largest first, until the packet is well under its
 * ceiling, and says so in the log: one transaction (SPEC {#reclaim}). False when nothing was left to take.
 */
export async function reclaim(
  parts: Parts,
  place: TurnPlace,
  shown: readonly ContextPart[],
  { tokens, ceiling, learned }: Excess,
  count: CountTokens,
): Promise<boolean> {
  const counted = await candidates(parts, place, shown, count);
  // While they were counted one may have been hidden or removed.
  const all = counted.filter(({ entry }) => parts.store.entries.byId(entry.id)?.visibility === 'visible');
  const fixed = tokens - all.reduce((sum, candidate) => sum + candidate.tokens, 0);
  const taken = choose(all, tokens - fixed - Math.max(0, ceiling.tokens - fixed) * LOW_WATER);
  if (taken.length === 0) return false;
  const { store, journal } = parts;
  const { run, loop, turn } = place;
  journal.commit('durable', (tx) => {
    for (const { entry } of taken) {
      const now = store.entries.byId(entry.id) ?? entry;
      const attributes = { ...now.attributes, reclaimed: true };
      tellEntry(tx, run, store.entries.update(entry.id, { visibility: 'summarized', attributes }));
    }
    const teaches = learned ? { learned_limit: ceiling.limit } : {};
    const note = store.entries.create({
      runId: run.id,
      path: freePath(parts, place),
      category: 'logging',
      status: 413,
      outcome: RECLAIMED,
      body: reclaimedText(tokens, ceiling.tokens, taken),
      attributes: { model: loop.model, taken: taken.map(({ path, tokens }) => ({ path, tokens })), ...teaches },
      turn: turn.sequence,
      loopId: loop.id,
      writer: 'server',
    });
    tellEntry(tx, run, note);
  });
  return true;
}

async function candidates(parts: Parts, place: TurnPlace, shown: readonly ContextPart[], count: CountTokens): Promise<Candidate[]> {
  const visible = shown.flatMap((part) => {
    const entry = shownEntry(parts, place.run, part);
    return entry?.visibility === 'visible' ? [{ part, entry }] : [];
  });
  const stubs = await Promise.all(visible.map(({ part, entry }) => stubbed(part, entry, 'reclaimed', count)));
  const [before, after] = await Promise.all([visible.map(({ part }) => part), stubs].map((parts) => count(parts.map(textOf))));
  const found = new Map<string, Candidate>();
  for (const [index, { part, entry }] of visible.entries()) {
    const tokens = (before?.[index] ?? 0) - (after?.[index] ?? 0);
    if (tokens < WORTH_TOKENS) continue;
    const age = place.turn.sequence - part.position[1];
    // A command may be shown twice: while it ran, and when it had ended.
    found.set(entry.path, { entry, path: entry.path, age, tokens: tokens + (found.get(entry.path)?.tokens ?? 0) });
  }
  return [...found.values()];
}

function textOf({ message }: ContextPart): string {
  return message.text;
}

/** The results of the turn before are what the model has just asked for: they go last, and the largest of them first. */
function choose(all: readonly Candidate[], excess: number): Candidate[] {
  const weight = ({ age, tokens }: Candidate) => tokens * Math.max(1, age);
  const byWeight = [...all].sort((a, b) => weight(b) - weight(a) || a.entry.id - b.entry.id);
  const taken: Candidate[] = [];
  let left = excess;
  for (const candidate of [...byWeight.filter(({ age }) => age > 1), ...byWeight.filter(({ age }) => age <= 1)]) {
    if (left <= 0) break;
    taken.push(candidate);
    left -= candidate.tokens;
  }
  return taken;
}

function freePath({ store }: Parts, { run, turn }: TurnPlace): string {
  const path = (number: number) => reclaimedPath(turn.sequence, number);
  return path(freeNumber((number) => store.entries.get(run.id, path(number)) !== undefined));
}
