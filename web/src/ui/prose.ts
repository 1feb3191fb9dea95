import { html, type TemplateResult } from 'lit';

/** A piece of what a model said: words, or a block of code. */
interface Piece {
  readonly code: boolean;
  readonly text: string;
}

/**
 * What a model said, with its code, bold and headings marked as such. It is text in templates throughout: nothing in it becomes
 * an element, a link or a picture (SPEC {#portal_text}).
 */
export function prose(text: string): TemplateResult {
  return html`${pieces(text).map(({ code, text: words }) => (code ? html`<pre class="code" tabindex="0">${words}</pre>` : html`<div class="words">${lines(words)}</div>`))}`;
}

/** Words and fenced code in turn; a fence that is not closed goes on to the end. */
export function pieces(text: string): Piece[] {
  const found: Piece[] = [];
  let code = false;
  let lines: string[] = [];
  const end = () => {
    const whole = lines.join('\n');
    if (whole.trim() !== '') found.push({ code, text: code ? whole : whole.replace(/^\n+|\s+$/g, '') });
    lines = [];
  };
  for (const line of text.split('\n')) {
    if (/^\s*(```|~~~)/.test(line)) {
      end();
      code = !code;
    } else lines.push(line);
  }
  end();
  return found;
}

function lines(words: string): TemplateResult[] {
  return words.split('\n').map((line, index) => {
    const heading = /^#{1,6}\s+(.*)/.exec(line)?.[1];
    const shown = heading === undefined ? spans(line) : html`<strong>${heading}</strong>`;
    return index === 0 ? html`${shown}` : html`${'\n'}${shown}`;
  });
}

/** Code in backquotes and bold words of a line. */
function spans(line: string): (TemplateResult | string)[] {
  return line.split(/(`[^`]+`|\*\*[^*]+\*\*)/).map((part) => {
    if (part.length > 2 && part.startsWith('`')) return html`<code>${part.slice(1, -1)}</code>`;
    if (part.length > 4 && part.startsWith('**')) return html`<strong>${part.slice(2, -2)}</strong>`;
    return part;
  });
}
