import { FILE_HEADERS_ONLY, formatPatch, type StructuredPatchHunk, structuredPatch } from 'diff';

/** Lines that differ, of two texts that are compared: time grows with their square, and everything else runs on this thread too. */
const MAX_EDITS = 400;
/** Characters that are compared. */
const MAX_COMPARED = 256 * 1024;
const MAX_CHARS = 128 * 1024;
const CONTEXT = 3;

/** A unified diff with the number of lines added and removed. */
export interface TextDiff {
  readonly diff: string;
  readonly added: number;
  readonly removed: number;
}

/** What differs between two texts, and the lines around it; each part is whole lines. */
interface Difference {
  readonly before: string;
  readonly removed: string;
  readonly added: string;
  readonly after: string;
  /** Lines in front of `before`. */
  readonly skipped: number;
}

interface Hunks {
  readonly hunks: readonly StructuredPatchHunk[];
  readonly added: number;
  readonly removed: number;
}

/**
 * The diff from one text to another; undefined is no file. A long one is cut, and says so. Of texts with too many differences to compare them, all
 * lines from the first to the last that differs go, and the new ones come.
 */
export function unifiedDiff(path: string, before: string | undefined, after: string | undefined): TextDiff {
  const difference = differenceOf(before ?? '', after ?? '');
  const { hunks, added, removed } = compared(difference) ?? replaced(difference);
  const diff = formatPatch(
    {
      oldFileName: before === undefined ? '/dev/null' : `a/${path}`,
      newFileName: after === undefined ? '/dev/null' : `b/${path}`,
      oldHeader: undefined,
      newHeader: undefined,
      hunks: [...hunks],
    },
    FILE_HEADERS_ONLY,
  );
  const unchanged = hunks.reduce((lines, { oldLines }) => lines + oldLines, -removed);
  return { diff: bounded(diff, 2 + hunks.length + unchanged + removed + added), added, removed };
}

function differenceOf(old: string, now: string): Difference {
  const shorter = Math.min(old.length, now.length);
  let same = 0;
  while (same < shorter && old.charCodeAt(same) === now.charCodeAt(same)) same++;
  const start = lineStart(old, same);
  let end = 0;
  while (end < shorter - start && old.charCodeAt(old.length - 1 - end) === now.charCodeAt(now.length - 1 - end)) end++;
  const isLine = (text: string) => text.length - end === start || text[text.length - end - 1] === '\n';
  const from = old.length - end;
  const tail = isLine(old) && isLine(now) ? from : lineEnd(old, from);
  let [head, last] = [start, tail];
  for (let line = 0; line < CONTEXT; line++) [head, last] = [lineStart(old, head - 1), lineEnd(old, last)];
  return {
    before: old.slice(head, start),
    removed: old.slice(start, tail),
    added: now.slice(start, now.length - (old.length - tail)),
    after: old.slice(tail, last),
    skipped: linesOf(old.slice(0, head)),
  };
}

/** The smallest difference; undefined where that takes too long. */
function compared({ before, removed, added, after, skipped }: Difference): Hunks | undefined {
  if (removed === added) return { hunks: [], added: 0, removed: 0 };
  if (removed === '' || added === '' || removed.length + added.length > MAX_COMPARED) return undefined;
  const options = { context: CONTEXT, maxEditLength: MAX_EDITS };
  const patch = structuredPatch('', '', before + removed + after, before + added + after, undefined, undefined, options);
  if (!patch) return undefined;
  const lines = patch.hunks.flatMap((hunk) => hunk.lines);
  const count = (sign: string) => lines.filter((line) => line.startsWith(sign)).length;
  const hunks = patch.hunks.map((hunk) => ({ ...hunk, oldStart: hunk.oldStart + skipped, newStart: hunk.newStart + skipped }));
  return { hunks, added: count('+'), removed: count('-') };
}

/** One hunk, in which all that may differ does; no more of its lines than are shown. */
function replaced({ before, removed, added, after, skipped }: Difference): Hunks {
  const [same, gone, come] = [linesOf(before) + linesOf(after), linesOf(removed), linesOf(added)];
  const hunk = {
    oldStart: skipped + 1,
    oldLines: same + gone,
    newStart: skipped + 1,
    newLines: same + come,
    lines: [...marked(' ', before), ...marked('-', removed), ...marked('+', added), ...marked(' ', after)],
  };
  return { hunks: [hunk], added: come, removed: gone };
}

function marked(sign: string, text: string): string[] {
  if (text === '') return [];
  const lines = text.slice(0, MAX_CHARS).split('\n');
  if (lines.at(-1) === '') lines.pop();
  return [...lines.map((line) => sign + line), ...(text.endsWith('\n') ? [] : ['\\ No newline at end of file'])];
}

function bounded(diff: string, lines: number): string {
  if (diff.length <= MAX_CHARS) return diff;
  const head = diff.slice(0, diff.lastIndexOf('\n', MAX_CHARS) + 1 || MAX_CHARS);
  return `${head}[${lines - linesOf(head)} more lines of this diff are left out]\n`;
}

function lineStart(text: string, at: number): number {
  return at <= 0 ? 0 : text.lastIndexOf('\n', at - 1) + 1;
}

function lineEnd(text: string, from: number): number {
  return text.indexOf('\n', from) + 1 || text.length;
}

function linesOf(text: string): number {
  let lines = 0;
  for (let at = 0; at < text.length; lines++) at = lineEnd(text, at);
  return lines;
}
