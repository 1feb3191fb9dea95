import { FILE_HEADERS_ONLY, formatPatch, structuredPatch } from 'diff';

/** How long a diff may take: it is made on the thread that everything runs on. */
const MAX_MS = 250;
const MAX_CHARS = 128 * 1024;

/** A unified diff with the number of lines added and removed. */
export interface TextDiff {
  readonly diff: string;
  readonly added: number;
  readonly removed: number;
}

/** The diff from one text to another; undefined is no file. A long one is cut, and says so. */
export function unifiedDiff(path: string, before: string | undefined, after: string | undefined): TextDiff {
  const names: [string, string] = [before === undefined ? '/dev/null' : `a/${path}`, after === undefined ? '/dev/null' : `b/${path}`];
  const patch = structuredPatch(...names, before ?? '', after ?? '', undefined, undefined, { context: 3, timeout: MAX_MS });
  if (!patch) {
    const [removed, added] = [linesOf(before ?? ''), linesOf(after ?? '')];
    return { diff: `The texts differ too much for a diff: ${removed} lines become ${added}.`, added, removed };
  }
  const lines = patch.hunks.flatMap((hunk) => hunk.lines);
  const count = (sign: string) => lines.filter((line) => line.startsWith(sign)).length;
  return { diff: bounded(formatPatch(patch, FILE_HEADERS_ONLY)), added: count('+'), removed: count('-') };
}

function bounded(diff: string): string {
  if (diff.length <= MAX_CHARS) return diff;
  const head = diff.slice(0, diff.lastIndexOf('\n', MAX_CHARS) + 1 || MAX_CHARS);
  return `${head}[${linesOf(diff.slice(head.length))} more lines of this diff are left out]\n`;
}

function linesOf(text: string): number {
  return text === '' ? 0 : text.split('\n').length - (text.endsWith('\n') ? 1 : 0);
}
