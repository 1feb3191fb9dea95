import { html, LitElement, nothing, type PropertyValues } from 'lit';
import { messageOf } from '../../../src/core/errors.ts';
import { SECRET_PROMPT } from '../../../src/core/secret-prompt.ts';
import type { Runtime } from '../../../src/rpc/client/index.ts';
import { InputQueue } from './input-queue.ts';
import { outputColours } from './log-style.ts';
import { outputStyle } from './output-style.ts';

/** A line of input for a command; what is secret is not shown here, nor stored anywhere (SPEC {#portal_output_input}). */
export class InputLine extends LitElement {
  static override styles = [outputColours, outputStyle];
  static override properties = {
    runtime: { attribute: false },
    run: {},
    path: {},
    prompt: {},
    waiting: { type: Boolean },
  };

  declare runtime: Runtime | undefined;
  declare run: string;
  declare path: string;
  /** What the command has asked, where it waits. */
  declare prompt: string | undefined;
  declare waiting: boolean;

  #queue: InputQueue | undefined;
  #isSecret = false;
  #isOpen = false;
  #said = '';
  #failure = '';

  constructor() {
    super();
    this.run = '';
    this.path = '';
    this.waiting = false;
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has('prompt') && this.prompt !== undefined) this.#isSecret = SECRET_PROMPT.test(this.prompt);
    if (changed.has('waiting')) this.#said = '';
    if (this.runtime && (changed.has('runtime') || changed.has('run') || changed.has('path')))
      this.#queue = new InputQueue(this.runtime, this.run, this.path, (what) => this.#say(what));
  }

  override render() {
    if (!this.waiting && !this.#isOpen) {
      return html`<div class="bar input">
        <button type="button" @click=${this.#open}>Send input …</button><span class="size" role="status">${this.#said}</span>
      </div>`;
    }
    return html`<form class="bar input" @submit=${this.#submit}>
        ${this.prompt ? html`<span class="prompt">${this.prompt}</span>` : nothing}
        <input
          type=${this.#isSecret ? 'password' : 'text'}
          name="text"
          aria-label=${this.prompt ? `Input: ${this.prompt}` : 'Input for the command'}
          autocomplete="off"
          autocapitalize="off"
          spellcheck="false"
        />
        <label><input type="checkbox" .checked=${this.#isSecret} @change=${this.#setSecret} />secret</label>
        <button class="do" type="submit">Send line</button>
        <button type="button" title="What reads the input gets its end" @click=${() => this.#send('end')}>End of input</button>
        <span class="size" role="status">${this.#said}</span>
      </form>
      ${this.#failure === '' ? nothing : html`<div class="trouble" role="alert">${this.#failure}</div>`}`;
  }

  #open = () => {
    this.#isOpen = true;
    this.requestUpdate();
    void this.updateComplete.then(() => this.renderRoot.querySelector<HTMLInputElement>('input[name=text]')?.focus());
  };

  #setSecret = (event: Event) => {
    this.#isSecret = event.target instanceof HTMLInputElement && event.target.checked;
    this.requestUpdate();
  };

  #submit = (event: SubmitEvent) => {
    event.preventDefault();
    const field = this.renderRoot.querySelector<HTMLInputElement>('input[name=text]');
    if (!field) return;
    const text = field.value;
    field.value = '';
    void this.#send({ text, secret: this.#isSecret });
  };

  async #send(input: { text: string; secret: boolean } | 'end'): Promise<void> {
    this.#failure = '';
    this.#say('');
    try {
      await this.#queue?.line(input);
      this.#say('sent');
    } catch (error) {
      this.#failure = messageOf(error);
      this.#say('');
    }
  }

  #say(what: string): void {
    this.#said = what;
    this.requestUpdate();
  }
}

customElements.define('headgate-input', InputLine);
