/**
 * Globs in bounded time: `*` and `?` stay within a segment, `**` is any number of segments. They come from clients and
 * models, and the libraries' globs become regular expressions that can backtrack for hours.
 */

/** Alternatives that the braces of one glob may come to. */
const MAX_ALTERNATIVES = 64;

/** A test over paths, as segments. */
export type Glob = (path: readonly string[]) => boolean;

/**
 * The test that a glob is, given as segments. The time of one test is bounded by the product of the lengths of both. With
 * `classes` a name may hold `[a-z]`, `[!a-z]` and `\*`, as in a `.gitignore`; without it those are plain characters.
 */
export function compileGlob(pattern: readonly string[], classes = false): Glob {
  const segments = pattern.map((name) => (name === '**' ? ANY_SEGMENTS : compileSegment(name, classes)));
  return (path) => matchList(segments, path, ANY_SEGMENTS, (wanted, found) => wanted(found));
}

/** The test for one name of a path. */
export function compileSegment(pattern: string, classes = false): (name: string) => boolean {
  const items = classes ? (pattern.match(/\[[!^]?\]?[^\]]*\]|\\.|[^]/gu) ?? []) : [...pattern];
  if (!items.some((item) => item === '*' || item === '?' || item.length > 2 || item.startsWith('\\'))) return (name) => name === pattern;
  return (name) => matchList(items, [...name], '*', (wanted, found) => matchCharacter(wanted, found, classes));
}

const ANY_SEGMENTS = () => true;

/** True for a text that is not only itself as a glob. */
export function isGlob(text: string): boolean {
  return /[*?]|\{[^{}]*,[^{}]*\}/.test(text);
}

/**
 * The globs without braces that one with braces stands for: `a.{ts,tsx}` is `a.ts` and `a.tsx`. Braces without a comma
 * are plain characters. Undefined when there are more than 64.
 */
export function expandBraces(glob: string): string[] | undefined {
  const done: string[] = [];
  const open = [glob];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const braces = /\{([^{}]*,[^{}]*)\}/.exec(next);
    if (!braces) done.push(next);
    else {
      const [head, tail] = [next.slice(0, braces.index), next.slice(braces.index + braces[0].length)];
      for (const choice of (braces[1] ?? '').split(',').reverse()) open.push(`${head}${choice}${tail}`);
    }
    if (open.length + done.length > MAX_ALTERNATIVES) return undefined;
  }
  return done;
}

function matchCharacter(wanted: string, found: string, classes: boolean): boolean {
  if (wanted === '?' || wanted === found) return true;
  if (!classes || wanted.length < 2) return false;
  if (wanted.startsWith('\\')) return wanted.slice(1) === found;
  const negated = wanted[1] === '!' || wanted[1] === '^';
  const members = [...wanted.slice(negated ? 2 : 1, -1)];
  let among = false;
  for (let at = 0; at < members.length; at++) {
    const from = members[at] ?? '';
    const to = members[at + 1] === '-' ? members[at + 2] : undefined;
    if (to !== undefined) at += 2;
    if (found >= from && found <= (to ?? from)) among = true;
  }
  return among !== negated;
}

/** Matches items one to one, `any` with any number of them; on a mismatch only the last `any` takes one more. */
function matchList<P, T>(pattern: readonly P[], items: readonly T[], any: P, same: (wanted: P, found: T) => boolean): boolean {
  let p = 0;
  let lastAny = -1;
  let taken = 0;
  for (let i = 0; i < items.length; ) {
    const [wanted, found] = [pattern[p], items[i]];
    if (wanted === any) {
      lastAny = p++;
      taken = i;
    } else if (wanted !== undefined && found !== undefined && same(wanted, found)) {
      p++;
      i++;
    } else if (lastAny >= 0) {
      p = lastAny + 1;
      i = ++taken;
    } else {
      return false;
    }
  }
  while (pattern[p] === any) p++;
  return p === pattern.length;
}
