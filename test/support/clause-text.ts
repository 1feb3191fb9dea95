import { ROOT } from '../../scripts/lib/root.mjs';
import { readSpec } from '../../scripts/lib/spec-pages.mjs';

/** The text of one clause of the specification, without its heading. Throws for one that no page has. */
export function clauseText(id: string): string {
  for (const { text } of readSpec(ROOT)) {
    const [, found] = new RegExp(`^## .*\\{#${id}\\}\\n([\\s\\S]*?)(?=^## |(?![\\s\\S]))`, 'm').exec(text) ?? [];
    if (found !== undefined) return found;
  }
  throw new Error(`no page of docs/spec has the clause {#${id}}`);
}
