import { css, html, LitElement } from 'lit';
import { shared } from './ui/styles.ts';

/** Every key of the portal and what it does. */
const KEYS = [
  ['j  k', 'next and previous item, or run'],
  ['Enter', 'open the run; show or hide output'],
  ['a', 'accept the proposal, or answer the question'],
  ['r', 'reject it, with a reason if you like'],
  ['m', 'accept it and allow the same from now on'],
  ['f', 'reject it and deny the same from now on'],
  ['c', 'cancel the running command'],
  ['n', 'write a prompt'],
  ['/', 'filter the runs'],
  ['g', 'list of runs'],
  ['p', 'running commands'],
  ['Esc', 'leave a field'],
  ['?', 'this list'],
] as const;

/** The keys, in a dialog. */
export class Help extends LitElement {
  static override styles = [
    shared,
    css`
      dialog {
        width: min(440px, calc(100vw - 32px));
        padding: 20px 24px;
        border: 1px solid var(--line);
        border-radius: 12px;
        background: var(--surface);
        color: var(--text);
      }
      dialog::backdrop {
        background: rgb(0 0 0 / 40%);
      }
      h2 {
        margin-bottom: 12px;
        font-size: 16px;
      }
      dl {
        display: grid;
        grid-template-columns: max-content 1fr;
        gap: 6px 16px;
        margin-bottom: 16px;
      }
      dt {
        font-family: var(--mono);
        color: var(--accent);
        white-space: pre;
      }
    `,
  ];

  override render() {
    return html`<dialog aria-labelledby="title">
      <h2 id="title">Keys</h2>
      <dl>
        ${KEYS.map(([key, what]) => html`<dt>${key}</dt><dd>${what}</dd>`)}
      </dl>
      <form method="dialog"><button>Close</button></form>
    </dialog>`;
  }

  /** Shows the dialog. */
  show(): void {
    this.renderRoot.querySelector('dialog')?.showModal();
  }
}

customElements.define('headgate-help', Help);
