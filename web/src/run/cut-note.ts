import { html, nothing, type TemplateResult } from 'lit';
import type { Entry } from '../state/timeline.ts';
import { bytesWord } from '../ui/words.ts';

/** Says that the text of an entry is not here to its end. */
export function cutNote({ truncated, bytes }: Entry): TemplateResult | typeof nothing {
  return truncated ? html`<p class="dim">The text goes on; all of it has ${bytesWord(bytes)}.</p>` : nothing;
}
