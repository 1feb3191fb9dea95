import type { KillRequest } from '../../model/ports/backend.ts';
import type { KillReceipt, SignalSent } from '../../model/records.ts';

/** The receipt of a kill by what KILL_SH has said of it, its end being `finishedAt` of our clock. */
export function receiptOf(
  { requestedBy, reason }: Pick<KillRequest, 'requestedBy' | 'reason'>,
  requestedAt: number,
  finishedAt: number,
  records: readonly (readonly string[])[],
): KillReceipt {
  const ended = Number(records.findLast(([word]) => word === 'done')?.[1] ?? 0);
  // Their clock is not ours: what counts is how long before the end it was.
  const at = (time: string): number => Math.max(requestedAt, finishedAt - (ended - Number(time)) * 10);
  const signals: SignalSent[] = [];
  for (const [word, name = '', time = '', ...pids] of records) {
    if (word !== 'signal') continue;
    const sent = { signal: `SIG${name}`, at: at(time), pids: pids.map(Number) };
    const last = signals.at(-1);
    if (last?.signal === sent.signal) signals[signals.length - 1] = { ...last, pids: [...new Set([...last.pids, ...sent.pids])] };
    else signals.push(sent);
  }
  const pidsOf = (word: string): number[] => [
    ...new Set(records.filter(([name]) => name === word).flatMap(([, ...pids]) => pids.map(Number))),
  ];
  const escaped =
    records
      .filter(([name]) => name === 'escaped')
      .at(-1)
      ?.slice(1)
      .map(Number) ?? [];
  return {
    requestedBy,
    reason,
    requestedAt,
    signals,
    confirmedDead: pidsOf('dead').filter((pid) => !escaped.includes(pid)),
    escaped,
    finishedAt,
  };
}
