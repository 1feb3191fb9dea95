/** Longer names are no typing mistakes, and comparing them costs their length squared. */
const MAX_CHARS = 64;

/** A sentence with the names that the caller may have meant, the nearest first; empty when none is near. */
export function nearest(name: string, names: readonly string[]): string {
  const given = name.slice(0, MAX_CHARS).toLowerCase();
  const near = names
    .map((one) => ({ one, distance: distance(given, one.toLowerCase()) }))
    .filter(({ one, distance }) => distance <= Math.max(1, Math.floor(one.length / 3)) || contains(given, one))
    .sort((a, b) => a.distance - b.distance)
    .slice(0, 3)
    .map(({ one }) => `"${one}"`);
  return near.length === 0 ? '' : `Did you mean ${near.join(' or ')}? `;
}

/** One name is a word of the other: `run_sh`, `get_file`. */
function contains(given: string, name: string): boolean {
  return given.split(/[^a-z0-9]+/).includes(name) || name.split('_').includes(given);
}

/** Letters to put in, take out or change (Levenshtein). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
