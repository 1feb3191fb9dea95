/** Lines and characters of a text that are shown at first. */
const LINES = 12;
const CHARS = 1200;

/** The beginning of a text, and in words how much more there is; without `more` it is the whole. */
export function beginning(text: string): { readonly shown: string; readonly more?: string } {
  const lines = text.split('\n');
  const shown = lines.slice(0, LINES).join('\n').slice(0, CHARS);
  const left = lines.length - shown.split('\n').length;
  if (shown.length === text.length) return { shown };
  return { shown, more: left > 0 ? `${left} more ${left === 1 ? 'line' : 'lines'}` : `${text.length - shown.length} more characters` };
}
