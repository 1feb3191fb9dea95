import { type Item, isOver, type RunModel, type Step, stateWord } from '../../rpc/client/index.ts';
import { formatDuration, visibleLine } from '../text.ts';
import { usageLine } from '../usage-line.ts';
import { fitRow, head, type Row, rowWidth, type Span, type Style, span, widthOf, wrapVisible } from './rows.ts';

/** Rows of a text that are shown in the timeline; the details have it whole. */
const TEXT_ROWS = 8;
const PROMPT_ROWS = 3;

/** Rows of a timeline, and for each the item that it belongs to. */
export interface TimelineRows {
  readonly rows: readonly Row[];
  readonly owners: readonly (string | undefined)[];
}

/** All rows of a timeline in so many columns; the selected item's are marked. `now` is for what still runs (SPEC {#attach_timeline}). */
export function timelineRows(timeline: RunModel, columns: number, selected: string | undefined, now: number): TimelineRows {
  const rows: Row[] = [];
  const owners: (string | undefined)[] = [];
  let turn = 0;
  for (const item of timeline.items) {
    if (item.turn > turn && item.kind !== 'prompt') {
      turn = item.turn;
      rows.push(turnRow(timeline, turn));
      owners.push(undefined);
    }
    for (const row of itemRows(item, columns - 2, now)) {
      const mark = item.id === selected ? span('> ', 'bold') : span('  ');
      rows.push([mark, ...row]);
      owners.push(item.id);
    }
  }
  const { run } = timeline;
  if (run.phase === 'asking' && run.status === 102 && !timeline.items.some((item) => item.kind === 'words' && item.live)) {
    if (run.turn > turn) {
      rows.push(turnRow(timeline, run.turn));
      owners.push(undefined);
    }
    rows.push([span('  the model is thinking ...', 'dim')]);
    owners.push(undefined);
  }
  return { rows, owners };
}

function turnRow(timeline: RunModel, turn: number): Row {
  const meters = timeline.meters.filter((meter) => meter.turn === turn);
  const used = usageLine(meters);
  return [span(`turn ${turn}`, 'cyan'), ...(used === undefined ? [] : [span(`  ${used}`, 'dim')])];
}

function itemRows(item: Item, columns: number, now: number): Row[] {
  switch (item.kind) {
    case 'prompt':
      return textRows(item.text, columns - 2, PROMPT_ROWS).map((line, index) => [
        span(index === 0 ? '» ' : '  ', 'cyan'),
        span(line, 'bold'),
      ]);
    case 'words':
      return textRows(item.text, columns, TEXT_ROWS).map((line) => [span(line)]);
    case 'trouble':
      return textRows(item.text, columns, TEXT_ROWS).map((line) => [span(line, 'red')]);
    case 'notice':
      return textRows(item.level === 'info' ? item.text : `${item.level}: ${item.text}`, columns, TEXT_ROWS).map((line) => [
        span(line, item.level === 'error' ? 'red' : 'yellow'),
      ]);
    case 'step':
      return [stepRow(item, columns, now)];
  }
}

/** `$ make test              exit 0, 4.2 s`; what does not fit is cut from the title, and counted of what waits for an answer. */
function stepRow(step: Step, columns: number, now: number): Row {
  const style = stepStyle(step);
  const state = shortState(step, now);
  const room = Math.max(8, columns - widthOf(state) - 2);
  const title = step.state === 'proposed' ? decidedOn(step.title, room - 2) : visibleLine(firstLine(step.title));
  const left = fitRow([span(`${glyph(step)} `, style), span(title)], room);
  return [...left, span(`  ${state}`, style)];
}

/** A title of a proposal, where there may be no room for the details: all on one line, what is left out counted (SPEC {#proposals}). */
function decidedOn(title: string, columns: number): string {
  const line = visibleLine(title);
  if (widthOf(line) <= columns) return line;
  const shown = head(line, columns - widthOf(`⟨${line.length} more⟩`));
  return `${shown}⟨${line.length - shown.length} more⟩`;
}

/** How a step stands, and for how long. */
export function shortState(step: Step, now: number): string {
  const { startedAt, durationMs } = step;
  const ms = isOver(step) ? durationMs : startedAt === undefined ? undefined : now - startedAt;
  return [stateWord(step), ...(ms === undefined ? [] : [formatDuration(ms)])].join(', ');
}

function glyph(step: Step): string {
  if (step.state === 'proposed') return '?';
  if (step.state === 'queued' || step.state === 'accepted') return '·';
  const isCommand = step.action.command !== undefined;
  if (step.state === 'rejected' || step.state === 'cancelled') return '-';
  if (step.state === 'failed') return '!';
  return isCommand ? '$' : '+';
}

function stepStyle({ state }: Step): Style {
  switch (state) {
    case 'proposed':
    case 'cancelling':
      return 'yellow';
    case 'running':
    case 'accepted':
      return 'green';
    case 'failed':
      return 'red';
    case 'queued':
    case 'done':
    case 'rejected':
    case 'cancelled':
      return 'dim';
  }
}

function textRows(text: string, columns: number, most: number): string[] {
  // A long text is not wrapped whole on every picture.
  const lines = wrapVisible(text.trim().slice(0, columns * most * 4), columns);
  return lines.length <= most ? lines : [...lines.slice(0, most - 1), '... (Enter shows all)'];
}

function firstLine(text: string): string {
  const trimmed = text.trim();
  const end = trimmed.indexOf('\n');
  return end < 0 ? trimmed : `${trimmed.slice(0, end)} ...`;
}

/** Left and right on one row; the left one is cut. */
export function spread(left: readonly Span[], right: readonly Span[], columns: number): Row {
  const room = Math.max(0, columns - rowWidth(right));
  return [...fitRow(left, room), ...right];
}
