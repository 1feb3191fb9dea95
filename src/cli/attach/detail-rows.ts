import { type Item, leftoverLine, placeLine, type Step } from '../../rpc/client/index.ts';
import { diffLines } from '../diff-lines.ts';
import { ruleLines } from '../remembered-rules.ts';
import { formatDuration, visibleLine } from '../text.ts';
import { shortState } from './item-rows.ts';
import { type Row, type Style, span, wrap, wrapVisible } from './rows.ts';

/** Rows of a command line above its output; the rest of it can be scrolled to in a step without output. */
const COMMAND_ROWS = 3;
const plain = { green: String, red: String, cyan: String };

/** The details of an item. Those of a step with output are short, and leave the room to the output. */
export function detailRows(item: Item, columns: number, now: number): Row[] {
  switch (item.kind) {
    case 'prompt':
    case 'words':
    case 'trouble':
    case 'notice':
      return wrapVisible(item.text.trim(), columns).map((line) => [span(line)]);
    case 'step':
      return stepRows(item, columns, now);
  }
}

function stepRows(step: Step, columns: number, now: number): Row[] {
  const hasOutput = step.channels.length > 0;
  const title = wrapVisible(step.title, columns);
  const head = hasOutput && title.length > COMMAND_ROWS ? [...title.slice(0, COMMAND_ROWS - 1), '...'] : title;
  const rows: Row[] = head.map((line) => [span(line, 'bold')]);
  const lines = (text: string, ...styles: Style[]) => {
    for (const line of wrap(text, columns)) rows.push([span(line, ...styles)]);
  };
  const by = step.by === undefined ? '' : `, ${step.state === 'rejected' ? 'rejected' : 'accepted'} by ${visibleLine(step.by)}`;
  const reason = step.reason === undefined ? '' : `: ${visibleLine(step.reason)}`;
  lines(`${visibleLine(step.tool)}: ${shortState(step, now)}${reason}${by}`, step.state === 'failed' ? 'red' : 'dim');
  const place = placeLine(step.action);
  if (place !== undefined) lines(`in ${visibleLine(place)}`, 'yellow');
  if (step.waiting && step.waiting.prompt !== '')
    lines(`waits for input after ${JSON.stringify(visibleLine(step.waiting.prompt))}`, 'yellow');
  const left = step.action.leftover;
  if (left) lines(leftoverLine(left), left.isOpen ? 'yellow' : 'dim');
  if (step.receipt) for (const line of receiptLines(step.receipt)) lines(line);
  if (step.state === 'proposed') proposalRows(step, rows, lines);
  if (hasOutput) return rows;
  lines(visibleLine(step.id), 'dim');
  const { diff } = step.action;
  if (diff !== undefined) rows.push(...diffRows(diff));
  else if (step.text.trim() !== '' && !step.text.startsWith('$ '))
    for (const line of wrapVisible(step.text, columns)) rows.push([span(line)]);
  return rows;
}

function proposalRows(step: Step, rows: Row[], lines: (text: string, ...styles: Style[]) => void): void {
  const { question, reason, rules } = step.action;
  for (const option of question?.options ?? []) lines(`- ${visibleLine(option)}`);
  if (reason !== undefined) lines(`asked because ${visibleLine(reason)}`, 'dim');
  for (const line of ruleLines(rules)) lines(line.trim(), 'dim');
  if (rows.length > 0) lines('');
}

function diffRows(diff: string): Row[] {
  return diffLines(diff, plain).map((line) => {
    if (line.startsWith('+')) return [span(line, 'green')];
    if (line.startsWith('-')) return [span(line, 'red')];
    return line.startsWith('@@') ? [span(line, 'cyan')] : [span(line)];
  });
}

/** What a receipt says, in words (SPEC {#receipt}). */
export function receiptLines(receipt: NonNullable<Step['receipt']>): string[] {
  const { requestedBy, requestedAt, signals, confirmedDead, escaped, finishedAt } = receipt;
  const sent = signals.map(({ signal, at, pids }) => `${signal} to ${pids.length} after ${formatDuration(at - requestedAt)}`);
  return [
    `cancel asked for by ${visibleLine(requestedBy)}${sent.length === 0 ? '' : `; ${sent.join(', ')}`}`,
    finishedAt === null
      ? 'its processes are being ended'
      : `${confirmedDead.length} processes confirmed gone, ${escaped.length === 0 ? 'none escaped' : `escaped: pid ${escaped.join(', ')}`}`,
  ];
}
