import { html, nothing, type TemplateResult } from 'lit';
import { bytesWord } from '../ui/words.ts';

/** Says that a text is not here to its end. */
export function cutNote({ isCut, bytes }: { readonly isCut: boolean; readonly bytes: number }): TemplateResult | typeof nothing {
  return isCut ? html`<p class="dim">The text goes on; all of it has ${bytesWord(bytes)}.</p>` : nothing;
}
