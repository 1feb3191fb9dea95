import type { RunModel } from '../../rpc/client/index.ts';
import { formatStatus, visibleLine } from '../text.ts';
import { usageLine } from '../usage-line.ts';
import { spread } from './item-rows.ts';
import { type Row, span } from './rows.ts';

/** How a run stands and what it has used; in a narrow terminal the one comes before the other. */
export function titleRow(alias: string, { run, meters, proposals, running }: RunModel, isConnected: boolean, columns: number): Row {
  const counts = [
    ...(proposals.length > 0 ? [`${proposals.length} to answer`] : []),
    ...(running.length > 0 ? [`${running.length} running`] : []),
  ].join(', ');
  const title = run.title && run.title !== alias ? `: ${visibleLine(run.title)}` : '';
  const left = [
    ` ${alias}${cut(title, columns)}`,
    formatStatus(run.status),
    run.agent ?? run.model,
    ...(counts === '' ? [] : [counts]),
  ].join('  ');
  const used = usageLine(meters);
  const right = !isConnected ? ' connection lost ' : used === undefined ? ' ' : ` ${used} `;
  if (columns < left.length + right.length && isConnected) return [span(left, 'inverse')];
  return spread([span(left)], [span(right)], columns).map((piece) => ({ ...piece, styles: ['inverse'] }));
}

/** A title leaves room for the rest: it has a third of the row at most. */
function cut(title: string, columns: number): string {
  const most = Math.floor(columns / 3);
  return title.length <= most ? title : `${title.slice(0, Math.max(0, most - 1)).trimEnd()}…`;
}
