import { visibleLine } from './text.ts';

/** One column: its heading, whether numbers stand in it, and whether it is never cut, because people copy it or decide on it. */
export interface Column {
  readonly title: string;
  readonly right?: boolean;
  readonly whole?: boolean;
}

/** Of what is longer than this a column that is not cut shows the beginning and the end, and says how much is between them. */
const WHOLE_CHARS = 4000;
const HEAD_CHARS = 2500;
const TAIL_CHARS = 1000;
/** What a column keeps when the terminal is too narrow. */
const LEAST_CHARS = 8;
const GAP = 2;

/**
 * Rows as aligned text, two spaces between columns, no trailing blanks. Where a `width` is given (a terminal) and the rows are
 * longer, the last column is cut first, then the widest of the others, but for those that are whole (SPEC {#cli_tables}).
 */
export function formatTable(columns: readonly Column[], rows: readonly (readonly string[])[], width?: number): string {
  const cells = [
    columns.map((column) => column.title),
    ...rows.map((row) => row.map((cell, index) => shownCell(visibleLine(cell), columns[index]))),
  ];
  const widths = columns.map((_, index) => Math.max(...cells.map((row) => row[index]?.length ?? 0)));
  if (width !== undefined) shrink(columns, widths, width);
  const lines = cells.map((row) =>
    row
      .map((cell, index) => {
        const room = widths[index] ?? 0;
        const shown = cell.length > room ? `${cell.slice(0, Math.max(0, room - 1))}…` : cell;
        return columns[index]?.right ? shown.padStart(room) : shown.padEnd(room);
      })
      .join(' '.repeat(GAP))
      .trimEnd(),
  );
  return `${lines.join('\n')}\n`;
}

/** The brackets are not part of the text, in which they would be escaped. */
function shownCell(text: string, column: Column | undefined): string {
  if (!column?.whole || text.length <= WHOLE_CHARS) return text;
  const more = text.length - HEAD_CHARS - TAIL_CHARS;
  return `${text.slice(0, HEAD_CHARS)}⟨${more} more characters⟩${text.slice(-TAIL_CHARS)}`;
}

function shrink(columns: readonly Column[], widths: number[], width: number): void {
  let excess = widths.reduce((sum, one) => sum + one, GAP * (widths.length - 1)) - width;
  const flexible = columns.map((_, index) => index).filter((index) => !columns[index]?.right && !columns[index]?.whole);
  const last = columns.length - 1;
  const order = flexible.sort((a, b) => Number(b === last) - Number(a === last) || (widths[b] ?? 0) - (widths[a] ?? 0));
  for (const index of order) {
    const room = widths[index] ?? 0;
    const cut = Math.max(0, Math.min(excess, room - LEAST_CHARS));
    widths[index] = room - cut;
    excess -= cut;
  }
}
