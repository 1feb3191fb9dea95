import { visibleLine } from './text.ts';

/** One column: its heading and whether numbers stand in it. */
export interface Column {
  readonly title: string;
  readonly right?: boolean;
}

/**
 * Rows as aligned text, two spaces between columns, no trailing blanks. The last column is cut to `width` characters
 * a line where one is given (a terminal), never otherwise.
 */
export function formatTable(columns: readonly Column[], rows: readonly (readonly string[])[], width?: number): string {
  const cells = [columns.map((column) => column.title), ...rows.map((row) => row.map(visibleLine))];
  const widths = columns.map((_, index) => Math.max(...cells.map((row) => row[index]?.length ?? 0)));
  const lines = cells.map((row) => {
    const line = row
      .map((cell, index) => (columns[index]?.right ? cell.padStart(widths[index] ?? 0) : cell.padEnd(widths[index] ?? 0)))
      .join('  ')
      .trimEnd();
    return width !== undefined && line.length > width ? `${line.slice(0, Math.max(1, width - 1))}…` : line;
  });
  return `${lines.join('\n')}\n`;
}
