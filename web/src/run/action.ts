import { css, html, LitElement, nothing } from 'lit';
import { visible } from '../../../src/core/visible-text.ts';
import type { Step } from '../../../src/rpc/client/index.ts';
import { diffStyles, diffView } from '../ui/diff.ts';
import { statusBadge, statusStyles } from '../ui/status.ts';
import { shared } from '../ui/styles.ts';
import { cutNote } from './cut-note.ts';

/** An action without a command: one line, and behind it its diff or its result. */
class ActionLine extends LitElement {
  static override properties = { step: { attribute: false }, open: { type: Boolean } };

  declare step: Step;
  declare open: boolean;

  static override styles = [
    shared,
    statusStyles,
    diffStyles,
    css`
      :host {
        display: block;
      }
      header {
        display: flex;
        align-items: center;
        gap: 8px;
        min-width: 0;
      }
      .toggle {
        flex: 0 1 auto;
        min-width: 0;
        padding-left: 4px;
        border: 0;
        background: none;
        justify-content: flex-start;
      }
      .toggle:hover {
        background: var(--hover);
      }
      .mark {
        flex: none;
        width: 10px;
        color: var(--dim);
        transition: rotate 120ms;
      }
      [aria-expanded='true'] .mark {
        rotate: 90deg;
      }
      .tool {
        flex: none;
        padding: 0 6px;
        border-radius: 4px;
        background: var(--hover);
        color: var(--dim);
        font: 12px/18px var(--mono);
      }
      .added {
        color: var(--green);
      }
      .removed {
        color: var(--red);
      }
      .more {
        margin: 4px 0 4px 20px;
      }
      pre.body {
        max-height: 320px;
        overflow: auto;
        padding: 8px 12px;
        border: 1px solid var(--line);
        border-radius: 6px;
        background: var(--sunken);
        white-space: pre-wrap;
        overflow-wrap: anywhere;
      }
    `,
  ];

  override render() {
    const { step, open } = this;
    const { diff } = step.action;
    const title = visible(step.action.summary ?? step.title);
    const plain = step.status === 200;
    return html`<header>
        <button class="toggle" aria-expanded=${open ? 'true' : 'false'} @click=${() => this.toggle()}>
          <span class="mark" aria-hidden="true">▸</span><span class="tool">${step.tool}</span><span class="ellipsis">${title}</span>
        </button>
        ${plain ? nothing : statusBadge(step)}
      </header>
      ${
        open
          ? html`<div class="more">
              ${diff === undefined ? nothing : diffView(diff, `Change: ${title}`)}
              ${diff === undefined || !plain ? html`<pre class="body" tabindex="0">${step.text === '' ? title : step.text}</pre>${cutNote(step)}` : nothing}
            </div>`
          : nothing
      }`;
  }

  /** Shows what is behind the line, or hides it. */
  toggle(): void {
    this.open = !this.open;
    this.dispatchEvent(new CustomEvent('toggled', { detail: this.open }));
  }
}

customElements.define('headgate-action', ActionLine);
