/** A pattern in which `*` stands for any characters, blanks and slashes too, and `\` takes the next one as it is. */
export interface Glob {
  /** Characters that are no wildcard. */
  readonly literals: number;
  readonly wildcards: number;
  matches(text: string): boolean;
}

/**
 * Reads a pattern. It is matched in time bounded by pattern times text: patterns that become regular expressions can
 * backtrack for hours. A `*` that follows a blank at the end also stands for nothing, blank included: `git status *` takes in
 * `git status` (SPEC {#policy_rules}).
 */
export function glob(pattern: string): Glob {
  const parts = partsOf(pattern);
  const literals = parts.reduce((sum, part) => sum + part.length, 0);
  const last = parts.at(-2);
  const bare = parts.length > 1 && parts.at(-1) === '' && last?.endsWith(' ') ? [...parts.slice(0, -2), last.slice(0, -1)] : undefined;
  return {
    literals,
    wildcards: parts.length - 1,
    matches: (text) => matchParts(parts, text) || (bare !== undefined && matchParts(bare, text)),
  };
}

/** `text` as a pattern that takes in nothing else. */
export function escapeGlob(text: string): string {
  return text.replace(/[*\\]/g, '\\$&');
}

/** The literal pieces between the wildcards; one piece is a pattern without any. */
function partsOf(pattern: string): string[] {
  const parts = [''];
  for (let at = 0; at < pattern.length; at++) {
    const char = pattern.charAt(at);
    if (char === '*') parts.push('');
    else parts[parts.length - 1] += char === '\\' && at + 1 < pattern.length ? pattern.charAt(++at) : char;
  }
  return parts;
}

/** The first piece at the begin, the last at the end, each other at the first place that is left. */
function matchParts(parts: readonly string[], text: string): boolean {
  const [first = '', ...rest] = parts;
  const last = rest.pop();
  if (last === undefined) return text === first;
  if (!text.startsWith(first) || text.length < first.length + last.length || !text.endsWith(last)) return false;
  const end = text.length - last.length;
  let at = first.length;
  for (const part of rest) {
    const found = text.indexOf(part, at);
    if (found < 0 || found + part.length > end) return false;
    at = found + part.length;
  }
  return true;
}
