import type { ResultOf } from '../rpc/protocol/table.ts';

type TurnMeter = Pick<ResultOf<'getRun'>['turns'][number], 'usage' | 'cost'>;

/** `1,234 tokens in (1,000 cached), 56 out, cost 0.0123`; undefined where nothing is known. An unknown cost is left out. */
export function usageLine(turns: readonly TurnMeter[]): string | undefined {
  const known = turns.flatMap(({ usage }) => (usage ? [usage] : []));
  if (known.length === 0) return undefined;
  const total = (key: 'inputTokens' | 'outputTokens' | 'cachedTokens') => known.reduce((sum, usage) => sum + usage[key], 0);
  const cached = total('cachedTokens');
  const costs = turns.flatMap(({ usage, cost }) => (usage ? [cost] : []));
  const cost = costs.some((one) => one === null) ? '' : `, cost ${formatCost(costs.reduce<number>((sum, one) => sum + (one ?? 0), 0))}`;
  return `${count(total('inputTokens'))} tokens in${cached > 0 ? ` (${count(cached)} cached)` : ''}, ${count(total('outputTokens'))} out${cost}`;
}

/** A number of tokens, with its thousands apart. */
export function count(tokens: number): string {
  return tokens.toLocaleString('en-US');
}

/** Four decimals, and what is less than that with two digits. */
function formatCost(cost: number): string {
  return cost === 0 || cost >= 0.001 ? cost.toFixed(4) : cost.toPrecision(2);
}
