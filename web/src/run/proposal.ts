import { css, html, LitElement, nothing } from 'lit';
import { messageOf } from '../../../src/core/errors.ts';
import { visible, visibleLine } from '../../../src/core/visible-text.ts';
import { type Action, placeLine, RpcError, type Runtime, type Step } from '../../../src/rpc/client/index.ts';
import { diffStyles, diffView } from '../ui/diff.ts';
import { shared } from '../ui/styles.ts';

/** Lines and characters of a text that are shown at first. */
const LINES = 12;
const CHARS = 1200;

/** The beginning of a text, and in words how much more there is; without `more` it is the whole. */
function beginning(text: string): { readonly shown: string; readonly more?: string } {
  const lines = text.split('\n');
  const shown = lines.slice(0, LINES).join('\n').slice(0, CHARS);
  const left = lines.length - shown.split('\n').length;
  if (shown.length === text.length) return { shown };
  return { shown, more: left > 0 ? `${left} more ${left === 1 ? 'line' : 'lines'}` : `${text.length - shown.length} more characters` };
}

/** A proposal that waits for an answer: what would happen, where, and the buttons that answer it. */
export class ProposalCard extends LitElement {
  static override properties = {
    runtime: { attribute: false },
    step: { attribute: false },
    run: {},
    guarded: { type: Boolean, reflect: true },
    rejecting: { state: true },
    whole: { state: true },
    busy: { state: true },
    problem: { state: true },
  };

  declare runtime: Runtime;
  declare step: Step;
  declare run: string;
  /** Keys do not answer it yet: it has only just come under them. */
  declare guarded: boolean;
  declare rejecting: boolean;
  /** The rest of a long command is shown too. */
  declare whole: boolean;
  declare busy: boolean;
  declare problem: string | undefined;

  static override styles = [
    shared,
    diffStyles,
    css`
      :host {
        display: grid;
        gap: 10px;
        padding: 12px 14px;
        border: 1px solid var(--amber);
        border-radius: 8px;
        background: var(--surface);
        box-shadow: var(--shadow);
      }
      header {
        display: flex;
        flex-wrap: wrap;
        align-items: baseline;
        gap: 4px 10px;
      }
      h2 {
        font-size: 13px;
        color: var(--amber);
      }
      .command {
        padding: 8px 12px;
        border-radius: 6px;
        background: var(--sunken);
        border: 1px solid var(--line);
        white-space: pre-wrap;
        overflow-wrap: anywhere;
      }
      .more {
        color: var(--amber);
        font-weight: 600;
      }
      .question {
        font-size: 15px;
        white-space: pre-wrap;
        overflow-wrap: anywhere;
      }
      .side {
        display: grid;
        grid-template-columns: max-content 1fr;
        gap: 2px 10px;
        font-size: 12.5px;
      }
      .side dt {
        color: var(--dim);
      }
      .side dd {
        overflow-wrap: anywhere;
      }
      .row {
        display: flex;
        flex-wrap: wrap;
        gap: 8px;
      }
      form.row input {
        flex: 1 1 220px;
        min-width: 0;
      }
      .added {
        color: var(--green);
      }
      .removed {
        color: var(--red);
      }
      .problem {
        color: var(--red);
      }
      button.accept {
        border-color: var(--accent);
        background: var(--accent);
        color: var(--on-accent);
        font-weight: 600;
      }
      kbd {
        transition: opacity 120ms;
      }
      :host([guarded]) kbd {
        opacity: 0.3;
      }
      button.accept:hover {
        background: var(--accent-strong);
      }
    `,
  ];

  override render() {
    const { title, action } = this.step;
    const { question, command, diff } = action;
    const summary = visible(action.summary ?? title);
    return html`<header>
        <h2>${question ? 'A question for you' : wish(this.step)}</h2>
        ${question || command !== undefined ? nothing : html`<span class="mono">${summary}</span>`}
      </header>
      ${question ? html`<p class="question">${summary}</p>` : nothing}
      ${command === undefined ? nothing : this.#command(visible(command))}
      ${diff === undefined ? nothing : diffView(diff, `Change: ${summary}`)} ${this.#side(action)}
      ${this.problem === undefined ? nothing : html`<p class="problem" role="alert">${this.problem}</p>`}
      ${this.#answers(action)}`;
  }

  #answers(action: Action) {
    if (!this.runtime.mayAct) return html`<p class="dim">Another client answers: your token may look and change nothing.</p>`;
    if (action.question) return this.#questionForm(action.question.options);
    return this.rejecting ? this.#rejectForm() : this.#buttons(action);
  }

  /** Accepts it, or moves to the field of its answer. */
  accept(): void {
    if (this.step.action.question) this.#field()?.focus();
    else void this.#answer('accept');
  }

  /** Asks for the reason of a rejection. */
  reject(): void {
    if (this.step.action.question) return void this.#answer('reject');
    this.rejecting = true;
    void this.updateComplete.then(() => this.#field()?.focus());
  }

  /** Accepts or rejects it and all that its rules cover; without rules it says so. */
  remember(action: 'accept' | 'reject'): void {
    if (this.step.action.rules[action].length > 0) void this.#answer(action, { remember: true });
    else this.problem = 'No narrow rule can be made of this one; answer it without remembering.';
  }

  /** A long one does not hide its end: what is left out is said, and shown when it is asked for. */
  #command(command: string) {
    const { shown, more } = this.whole ? { shown: command } : beginning(command);
    return html`<pre class="command" tabindex="0" aria-label="Command">${shown}</pre>
      ${more === undefined ? nothing : html`<p class="more">Not all of it: <button @click=${() => (this.whole = true)}>${more}</button></p>`}`;
  }

  #side(action: Action) {
    const { reason, rules } = action;
    const place = placeLine(action);
    return html`<dl class="side">
      ${place === undefined ? nothing : html`<dt>in</dt><dd class="mono">${visibleLine(place)}</dd>`}
      ${reason === undefined ? nothing : html`<dt>asked because</dt><dd>${visibleLine(reason)}</dd>`}
      ${rules.accept.map((rule) => html`<dt>can be allowed</dt><dd class="mono">${visibleLine(rule)}</dd>`)}
      ${rules.reject.map((rule) => html`<dt>can be denied</dt><dd class="mono">${visibleLine(rule)}</dd>`)}
    </dl>`;
  }

  #buttons({ rules }: Action) {
    return html`<div class="row">
      <button class="accept" ?disabled=${this.busy} aria-keyshortcuts="a" @click=${() => this.accept()}>Accept <kbd>a</kbd></button>
      <button ?disabled=${this.busy} aria-keyshortcuts="r" @click=${() => this.reject()}>Reject <kbd>r</kbd></button>
      ${
        rules.accept.length === 0
          ? nothing
          : html`<button class="quiet" ?disabled=${this.busy} aria-keyshortcuts="m" @click=${() => this.remember('accept')}>
              Accept and allow from now on <kbd>m</kbd>
            </button>`
      }
      ${
        rules.reject.length === 0
          ? nothing
          : html`<button class="quiet" ?disabled=${this.busy} aria-keyshortcuts="f" @click=${() => this.remember('reject')}>
              Reject and deny from now on <kbd>f</kbd>
            </button>`
      }
    </div>`;
  }

  #rejectForm() {
    return html`<form class="row" @submit=${this.#onReject} @keydown=${this.#onEscape}>
      <input name="words" aria-label="Reason for the rejection" placeholder="Why not, or what instead? The model reads it." autocomplete="off" />
      <button class="danger" ?disabled=${this.busy}>Reject</button>
      <button type="button" class="quiet" @click=${() => this.#stopRejecting()}>Back</button>
    </form>`;
  }

  #questionForm(options: readonly string[]) {
    return html`${
      options.length === 0
        ? nothing
        : html`<div class="row" role="group" aria-label="Answers to choose from">
          ${options.map((option) => html`<button ?disabled=${this.busy} @click=${() => this.#answer('accept', { output: option })}>${visibleLine(option)}</button>`)}
        </div>`
    }
      <form class="row" @submit=${this.#onAnswer} @keydown=${this.#onEscape}>
        <input name="words" required aria-label="Your answer" placeholder=${options.length === 0 ? 'Your answer' : 'Or another answer'} autocomplete="off" />
        <button class="accept" ?disabled=${this.busy}>Answer <kbd>a</kbd></button>
        <button type="button" class="quiet" ?disabled=${this.busy} @click=${() => this.#answer('reject')}>Do not answer <kbd>r</kbd></button>
      </form>`;
  }

  readonly #onReject = (event: SubmitEvent) => {
    event.preventDefault();
    const output = wordsOf(event);
    void this.#answer('reject', output === '' ? {} : { output });
  };

  readonly #onAnswer = (event: SubmitEvent) => {
    event.preventDefault();
    void this.#answer('accept', { output: wordsOf(event) });
  };

  readonly #onEscape = (event: KeyboardEvent) => {
    if (event.key !== 'Escape') return;
    event.stopPropagation();
    this.#stopRejecting();
    this.parentElement?.focus();
  };

  #stopRejecting(): void {
    this.rejecting = false;
  }

  #field(): HTMLInputElement | null {
    return this.renderRoot.querySelector('input');
  }

  async #answer(action: 'accept' | 'reject', more: { output?: string; remember?: true } = {}): Promise<void> {
    if (this.busy || !this.runtime.mayAct) return;
    this.busy = true;
    this.problem = undefined;
    try {
      await this.runtime.call('run/resolve', { run: this.run, resolution: { path: this.step.id, action, ...more } });
    } catch (error) {
      // Another client was faster: the entry says how.
      if (!(error instanceof RpcError && error.kind === 'proposal_resolved')) this.problem = messageOf(error);
    }
    this.busy = false;
  }
}

/** What a proposal that is no question would do, as a heading. */
function wish({ tool, action: { command, diff, change } }: Step): string {
  if (command !== undefined) return 'Wants to run a command';
  return diff === undefined && change === undefined ? `Wants to use ${tool}` : 'Wants to change a file';
}

function wordsOf(event: SubmitEvent): string {
  const words = new FormData(event.target as HTMLFormElement).get('words');
  return typeof words === 'string' ? words.trim() : '';
}

customElements.define('headgate-proposal', ProposalCard);
