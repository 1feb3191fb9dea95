import { css, html, type TemplateResult } from 'lit';
import { visible } from '../../../src/core/visible-text.ts';

/** Lines of a diff that are drawn; who wants the rest asks for it. */
const MAX_LINES = 400;

export const diffStyles = css`
  .diff {
    margin: 0;
    padding: 6px 0;
    border: 1px solid var(--line);
    border-radius: 6px;
    background: var(--sunken);
    overflow-x: auto;
    font: 12.5px/1.5 var(--mono);
    tab-size: 4;
  }
  .diff div {
    min-width: max-content;
    padding: 0 12px;
    white-space: pre;
  }
  .diff .added {
    background: var(--green-soft);
    color: var(--green);
  }
  .diff .removed {
    background: var(--red-soft);
    color: var(--red);
  }
  .diff summary {
    padding: 2px 12px;
    cursor: pointer;
  }
  .diff .place {
    color: var(--dim);
  }
  .diff .name {
    color: var(--dim);
    font-weight: 600;
  }
`;

/** A unified diff with its lines coloured; added and removed ones keep their signs. */
export function diffView(diff: string, label: string): TemplateResult {
  const lines = visible(diff).replace(/\n$/, '').split('\n');
  const more = lines.length - MAX_LINES;
  return html`<div class="diff" role="group" aria-label=${label} tabindex="0">
    ${lines.slice(0, MAX_LINES).map((line, index) => html`<div class=${lineClass(line, index)}>${line === '' ? ' ' : line}</div>`)}
    ${more > 0 ? html`<details><summary class="place">The other ${more.toLocaleString('en')} lines</summary>${rest(lines.slice(MAX_LINES))}</details>` : ''}
  </div>`;
}

/** Lines of one kind that follow each other are one element: there can be very many. */
function rest(lines: readonly string[]): TemplateResult[] {
  const blocks: { kind: string; lines: string[] }[] = [];
  for (const line of lines) {
    const kind = lineClass(line, MAX_LINES);
    const last = blocks.at(-1);
    if (last?.kind === kind) last.lines.push(line);
    else blocks.push({ kind, lines: [line] });
  }
  return blocks.map((block) => html`<div class=${block.kind}>${block.lines.join('\n')}</div>`);
}

function lineClass(line: string, index: number): string {
  if (index < 2 && (line.startsWith('--- ') || line.startsWith('+++ '))) return 'name';
  if (line.startsWith('+')) return 'added';
  if (line.startsWith('-')) return 'removed';
  return line.startsWith('@@') ? 'place' : '';
}
