import { compileGlob, compileSegment } from '../core/glob.ts';

interface Rule {
  readonly takesIn: (names: readonly string[]) => boolean;
  readonly negated: boolean;
  readonly foldersOnly: boolean;
}

/** The patterns of one `.gitignore`, as gitignore(5) has them, for paths relative to its folder. */
export interface IgnoreFile {
  /** True: left out; false: taken in again; undefined: nothing is said of it. */
  verdict(names: readonly string[], folder: boolean): boolean | undefined;
}

const MAX_RULES = 2000;
/** The time of a match grows with the length of the pattern times that of the name. */
const MAX_RULE_CHARS = 256;

/** Reads a `.gitignore`; a line that is not a pattern, or is too long, is skipped. */
export function parseIgnoreFile(text: string): IgnoreFile {
  const rules = text.split('\n', MAX_RULES).flatMap(ruleOf).reverse();
  return {
    verdict(names, folder) {
      const rule = rules.find((one) => (folder || !one.foldersOnly) && one.takesIn(names));
      return rule && !rule.negated;
    },
  };
}

function ruleOf(line: string): Rule[] {
  if (line.length > MAX_RULE_CHARS) return [];
  const text = line.replace(/\r$/, '').replace(/(?<!\\)\s+$/, '');
  if (text === '' || text.startsWith('#')) return [];
  const negated = text.startsWith('!');
  const pattern = negated ? text.slice(1) : text;
  const names = pattern.replace(/^\//, '').replace(/\/$/, '').split('/');
  if (names.some((name) => name === '')) return [];
  // A slash at the beginning or in the middle ties a pattern to its folder; without one it holds in every folder below.
  const anchored = pattern.replace(/\/$/, '').includes('/');
  return [{ takesIn: anchored ? compileGlob(names, true) : anywhere(names[0] ?? ''), negated, foldersOnly: pattern.endsWith('/') }];
}

function anywhere(pattern: string): Rule['takesIn'] {
  const matches = compileSegment(pattern === '**' ? '*' : pattern, true);
  return (names) => matches(names.at(-1) ?? '');
}
