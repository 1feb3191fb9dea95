import { css, html, LitElement, nothing } from 'lit';
import { messageOf } from '../../../src/core/errors.ts';
import { visible } from '../../../src/core/visible-text.ts';
import { isLeftover, isOver, leftoverLine, placeLine, type Runtime, type Step } from '../../../src/rpc/client/index.ts';
import '../output/headgate-output.ts';
import { statusBadge, statusStyles } from '../ui/status.ts';
import { shared } from '../ui/styles.ts';
import { durationWord } from '../ui/words.ts';
import './receipt.ts';

/** A command of a run: what it is, how it is, its output, and the button that ends it. */
export class CommandCard extends LitElement {
  static override properties = {
    runtime: { attribute: false },
    step: { attribute: false },
    run: {},
    open: { type: Boolean },
    receipt: { state: true },
    problem: { state: true },
  };

  declare runtime: Runtime;
  declare step: Step;
  declare run: string;
  /** True while its output is shown. */
  declare open: boolean;
  declare receipt: boolean;
  declare problem: string | undefined;

  static override styles = [
    shared,
    statusStyles,
    css`
      :host {
        display: block;
        border: 1px solid var(--line);
        border-radius: 8px;
        background: var(--surface);
        overflow: hidden;
      }
      header {
        display: flex;
        align-items: center;
        gap: 8px;
        padding: 4px 8px 4px 4px;
      }
      .toggle {
        flex: 1;
        min-width: 0;
        justify-content: flex-start;
        border: 0;
        background: none;
        text-align: left;
      }
      .toggle .mark {
        flex: none;
        width: 10px;
        color: var(--dim);
        transition: rotate 120ms;
      }
      .toggle[aria-expanded='true'] .mark {
        rotate: 90deg;
      }
      .place {
        padding: 0 12px 6px 30px;
        font-size: 12.5px;
      }
      .whole {
        margin: 0 12px 8px;
        padding: 8px 12px;
        max-height: 240px;
        overflow: auto;
        border-radius: 6px;
        background: var(--sunken);
        white-space: pre-wrap;
        overflow-wrap: anywhere;
      }
      headgate-output {
        border-width: 1px 0 0;
        border-radius: 0;
      }
      headgate-receipt {
        margin: 8px;
      }
      .problem {
        padding: 0 12px 8px;
        color: var(--red);
      }
      @media (max-width: 720px) {
        header > .dim {
          display: none;
        }
      }
    `,
  ];

  /** True while it, or something that it has left, runs. */
  get live(): boolean {
    return !isOver(this.step) || isLeftover(this.step);
  }

  override render() {
    const { step, open, live } = this;
    const command = visible(step.title);
    const place = placeLine(step.action);
    const left = step.action.leftover;
    const many = command.includes('\n');
    // The output says how the command is, while it is shown.
    const told = open && step.channels.length > 0;
    return html`<header>
        <button class="toggle" aria-expanded=${open ? 'true' : 'false'} @click=${() => this.toggle()}>
          <span class="mark" aria-hidden="true">▸</span><code class="ellipsis">$ ${command.split('\n', 1)[0]}${many ? ' …' : ''}</code>
        </button>
        ${step.durationMs === undefined || told ? nothing : html`<span class="dim">${durationWord(step.durationMs)}</span>`}
        ${told ? nothing : statusBadge(step)}
        ${live && this.runtime.mayAct ? html`<button class="danger" aria-keyshortcuts="c" @click=${() => this.cancel()}>Cancel <kbd>c</kbd></button>` : nothing}
        ${
          left?.isCancelled || (step.state === 'cancelled' && !told)
            ? html`<button class="quiet" aria-expanded=${this.receipt ? 'true' : 'false'} @click=${() => (this.receipt = !this.receipt)}>Receipt</button>`
            : nothing
        }
      </header>
      ${left === undefined ? nothing : html`<p class="place dim">${leftoverLine(left)}</p>`}
      ${place === undefined ? nothing : html`<p class="place dim mono">${visible(place)}</p>`}
      ${this.problem === undefined ? nothing : html`<p class="problem" role="alert">${this.problem}</p>`}
      ${this.receipt ? html`<headgate-receipt .runtime=${this.runtime} run=${this.run} path=${step.id}></headgate-receipt>` : nothing}
      ${open && many ? html`<pre class="whole" tabindex="0" aria-label="Whole command">${command}</pre>` : nothing}
      ${
        told
          ? html`<headgate-output
              .runtime=${this.runtime}
              .run=${this.run}
              .path=${step.id}
              @show-receipt=${() => (this.receipt = true)}
            ></headgate-output>`
          : nothing
      }`;
  }

  /** Shows the output, or hides it. */
  toggle(): void {
    this.open = !this.open;
    this.dispatchEvent(new CustomEvent('toggled', { detail: this.open }));
  }

  /** Ends the command with its whole tree, and shows what became of it. */
  async cancel(): Promise<void> {
    if (!this.runtime.mayAct) return;
    this.problem = undefined;
    try {
      await this.runtime.call('stream/cancel', { run: this.run, path: this.step.id, reason: 'cancelled in the portal' });
      this.receipt = true;
    } catch (error) {
      this.problem = messageOf(error);
    }
  }
}

customElements.define('headgate-command', CommandCard);
