import { cutRow, fitRow, type Row, rowWidth, span } from './rows.ts';

/** A part of the screen. */
export interface Pane {
  readonly columns: number;
  readonly rows: number;
}

/** How the screen is divided; a pane that has no room has no rows. */
export interface Panes {
  readonly timeline: Pane;
  readonly detail: Pane;
  readonly side: 'beside' | 'below';
}

/** Columns from which on the details stand beside the timeline, and rows from which on they stand below it. */
const BESIDE_COLUMNS = 120;
const BELOW_ROWS = 12;
/** Columns of the timeline where the details stand beside it. */
export function timelineColumns(cols: number): number {
  return cols >= BESIDE_COLUMNS ? Math.floor(cols * 0.45) : cols;
}

/** Title, message and keys. */
const FRAME_ROWS = 3;

/** Divides a screen for a timeline of so many rows; `open` gives all the room to the details. */
export function panesOf({ cols, rows }: { cols: number; rows: number }, open: boolean, timelineRows: number): Panes {
  const room = Math.max(1, rows - FRAME_ROWS);
  if (open) return { timeline: { columns: 0, rows: 0 }, detail: { columns: cols, rows: Math.max(0, room - 1) }, side: 'below' };
  if (cols >= BESIDE_COLUMNS) {
    const columns = timelineColumns(cols);
    return { timeline: { columns, rows: room }, detail: { columns: cols - columns - 2, rows: room - 1 }, side: 'beside' };
  }
  if (rows < BELOW_ROWS) return { timeline: { columns: cols, rows: room }, detail: { columns: cols, rows: 0 }, side: 'below' };
  const above = Math.min(timelineRows, Math.floor((room - 1) / 2));
  return { timeline: { columns: cols, rows: above }, detail: { columns: cols, rows: room - 1 - above }, side: 'below' };
}

/** What stands where. */
export interface Parts {
  readonly title: Row;
  readonly timeline: readonly Row[];
  /** Stands over the details. */
  readonly caption: Row;
  readonly detail: readonly Row[];
  readonly message: Row;
  readonly keys: Row;
}

/** The rows of the whole screen. */
export function compose(panes: Panes, { title, timeline, caption, detail, message, keys }: Parts, cols: number): Row[] {
  const top = fitRow(title, cols, 'inverse');
  const bottom = [message, keys];
  const right = panes.detail.rows === 0 ? [] : [rule(caption, panes.detail.columns), ...padded(detail, panes.detail.rows)];
  const left = padded(timeline, panes.timeline.rows);
  if (panes.side === 'below') return [top, ...left, ...right, ...bottom].map((row) => cutRow(row, cols));
  const column = panes.timeline.columns;
  const rows = left.map((row, index): Row => {
    const [first, ...rest] = cutRow(right[index] ?? [], panes.detail.columns);
    const beside = first === undefined ? [] : [{ ...first, column: column + 2 }, ...rest];
    return [...cutRow(row, column), { text: '│', styles: ['dim'], column }, ...beside];
  });
  return [top, ...rows, ...bottom.map((row) => cutRow(row, cols))];
}

/** Where the first row of the details is, and their first column. */
export function detailOrigin(panes: Panes): { row: number; column: number } {
  return panes.side === 'beside' ? { row: 2, column: panes.timeline.columns + 2 } : { row: panes.timeline.rows + 2, column: 0 };
}

/** Which rows of a list are shown so that those from `first` to `last` are among them; `top` is what was shown before. */
export function scrolled(top: number, rows: number, height: number, first: number, last: number): number {
  const most = Math.max(0, rows - height);
  const shown = Math.min(Math.max(top, last - height + 1), first);
  return Math.max(0, Math.min(most, shown));
}

function rule(caption: Row, columns: number): Row {
  const text = cutRow([span('── ', 'dim'), ...caption, span(' ')], columns);
  return [...text, span('─'.repeat(Math.max(0, columns - rowWidth(text))), 'dim')];
}

function padded(rows: readonly Row[], height: number): Row[] {
  return Array.from({ length: height }, (_, index) => rows[index] ?? []);
}
