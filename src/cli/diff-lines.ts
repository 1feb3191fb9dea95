import { visibleLine } from './text.ts';

/** Lines of a diff that are shown; a client that shows more has it whole. */
const MAX_LINES = 200;

/** A colour for a text, as picocolors has them. */
type Paint = (text: string) => string;

/** The lines of a proposal's diff for a terminal, without its control characters; a long one is cut, and says so. */
export function diffLines(diff: string, colors: { readonly green: Paint; readonly red: Paint; readonly cyan: Paint }): string[] {
  const lines = diff.replace(/\n$/, '').split('\n');
  const shown = lines.slice(0, MAX_LINES).map((line) => {
    const text = visibleLine(line);
    if (line.startsWith('+')) return colors.green(text);
    if (line.startsWith('-')) return colors.red(text);
    return line.startsWith('@@') ? colors.cyan(text) : text;
  });
  return lines.length > MAX_LINES ? [...shown, `... ${lines.length - MAX_LINES} more lines`] : shown;
}
