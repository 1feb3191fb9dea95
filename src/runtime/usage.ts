import type { Loop, Turn, TurnMeter, TurnPhase, Usage } from '../model/records.ts';

/** Turns that `getRun` returns, the last ones. */
const MAX_TURNS = 200;

/** A turn's share of what a run has cost. */
export interface TurnUsage extends TurnMeter {
  readonly turn: number;
  readonly loop: number;
  readonly phase: TurnPhase;
}

/** What a run's requests came to, as `getRun` says it (SPEC {#usage}). */
export interface RunUsage {
  readonly usage: Usage;
  /** Null when of any turn it is not known. */
  readonly cost: number | null;
  readonly turns: TurnUsage[];
}

export function runUsage(turns: readonly Turn[], loops: readonly Loop[]): RunUsage {
  const sequences = new Map(loops.map((loop) => [loop.id, loop.sequence]));
  const spent = { inputTokens: 0, outputTokens: 0, cachedTokens: 0 };
  const asked = turns.filter(({ requests, usage }) => requests > 0 || usage !== null);
  for (const { usage } of asked) {
    spent.inputTokens += usage?.inputTokens ?? 0;
    spent.outputTokens += usage?.outputTokens ?? 0;
    spent.cachedTokens += usage?.cachedTokens ?? 0;
  }
  // A request whose usage or price is unknown has cost something all the same.
  const known = asked.length > 0 && asked.every(({ cost }) => cost !== null);
  return {
    usage: spent,
    cost: known ? asked.reduce((sum, { cost }) => sum + (cost ?? 0), 0) : null,
    turns: turns.slice(-MAX_TURNS).map(({ sequence: turn, loopId, phase, usage, cost, requests, firstMs, totalMs }) => ({
      turn,
      loop: sequences.get(loopId) ?? 0,
      phase,
      usage,
      cost,
      requests,
      firstMs,
      totalMs,
    })),
  };
}
