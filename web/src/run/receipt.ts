import { css, html, LitElement, nothing } from 'lit';
import { messageOf } from '../../../src/core/errors.ts';
import type { Runtime } from '../../../src/rpc/client/index.ts';
import type { ResultOf } from '../../../src/rpc/protocol/table.ts';
import { shared } from '../ui/styles.ts';

type Receipt = NonNullable<ResultOf<'stream/receipt'>['receipt']>;

/** Between two looks at a kill that is under way, milliseconds. */
const LOOK_AGAIN_MS = 400;

/** What became of a command whose end was asked for: who asked, the signals, what is dead, what escaped (SPEC {#receipt}). */
class ReceiptView extends LitElement {
  static override properties = {
    runtime: { attribute: false },
    run: {},
    path: {},
    receipt: { state: true },
    problem: { state: true },
  };

  declare runtime: Runtime;
  declare run: string;
  declare path: string;
  declare receipt: Receipt | null | undefined;
  declare problem: string | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  static override styles = [
    shared,
    css`
      :host {
        display: block;
        padding: 8px 12px;
        border: 1px solid var(--line);
        border-radius: 6px;
        background: var(--sunken);
        font-size: 12.5px;
      }
      h2 {
        margin: 0 0 4px;
        font-size: 12.5px;
      }
      dl {
        display: grid;
        grid-template-columns: max-content 1fr;
        gap: 2px 12px;
      }
      dt {
        color: var(--dim);
      }
      dd {
        overflow-wrap: anywhere;
      }
      .good {
        color: var(--green);
      }
      .bad {
        color: var(--red);
      }
    `,
  ];

  override connectedCallback(): void {
    super.connectedCallback();
    void this.#look();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearTimeout(this.#timer);
  }

  override render() {
    const { receipt } = this;
    if (this.problem !== undefined) return html`<p class="bad">${this.problem}</p>`;
    if (receipt === undefined) return html`<p class="dim">Reading the receipt …</p>`;
    if (receipt === null) return html`<p class="dim">Nobody asked for its end: there is no receipt.</p>`;
    const { signals, confirmedDead, escaped, requestedBy, requestedAt, reason, finishedAt } = receipt;
    return html`<h2>Receipt of the cancel</h2>
      <dl>
        <dt>asked by</dt>
        <dd>${requestedBy}, ${new Date(requestedAt).toLocaleTimeString()}</dd>
        ${reason === null ? nothing : html`<dt>reason</dt><dd>${reason}</dd>`}
        <dt>signals</dt>
        <dd>
          ${
            signals.length === 0
              ? 'none was needed'
              : signals.map(
                  ({ signal, at, pids }) =>
                    html`<div><strong>${signal}</strong> after ${Math.max(0, at - requestedAt)} ms to <span class="mono">${pids.join(' ')}</span></div>`,
                )
          }
        </dd>
        <dt>confirmed dead</dt>
        <dd class=${confirmedDead.length > 0 ? 'good' : ''}>${count(confirmedDead)}</dd>
        <dt>escaped</dt>
        <dd class=${escaped.length > 0 ? 'bad' : ''}>${count(escaped)}</dd>
      </dl>
      ${finishedAt === null ? html`<p role="status">Under way …</p>` : nothing}`;
  }

  async #look(): Promise<void> {
    try {
      ({ receipt: this.receipt } = await this.runtime.look('stream/receipt', { run: this.run, path: this.path }));
    } catch (error) {
      this.problem = messageOf(error);
      return;
    }
    if (this.receipt?.finishedAt === null && this.isConnected) this.#timer = setTimeout(() => void this.#look(), LOOK_AGAIN_MS);
  }
}

function count(pids: readonly number[]) {
  return pids.length === 0 ? 'none' : html`${pids.length}: <span class="mono">${pids.join(' ')}</span>`;
}

customElements.define('headgate-receipt', ReceiptView);
