import type { RunnerRecord } from './records.ts';

/**
 * Whether a runner takes commands of a run: one of the patterns that it registered with takes in the alias, or it has
 * none (SPEC {#runner_owner}). `*` is any number of characters and `?` is one. The time is bounded by the length of the
 * pattern times that of the alias: a pattern comes from a runner, and a regular expression made of it could backtrack.
 */
export function takesRun({ runs }: Pick<RunnerRecord, 'runs'>, alias: string): boolean {
  return runs.length === 0 || runs.some((pattern) => matches(pattern, alias));
}

function matches(pattern: string, text: string): boolean {
  let p = 0;
  let star = -1;
  let taken = 0;
  for (let i = 0; i < text.length; ) {
    if (pattern[p] === '*') {
      star = p++;
      taken = i;
    } else if (pattern[p] === '?' || pattern[p] === text[i]) {
      p++;
      i++;
    } else if (star >= 0) {
      p = star + 1;
      i = ++taken;
    } else {
      return false;
    }
  }
  while (pattern[p] === '*') p++;
  return p === pattern.length;
}
