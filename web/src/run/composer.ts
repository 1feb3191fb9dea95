import { css, html, LitElement, nothing } from 'lit';
import { live } from 'lit/directives/live.js';
import { messageOf } from '../../../src/core/errors.ts';
import { Watching } from '../state/observable.ts';
import type { ProjectState } from '../state/project-state.ts';
import { shared } from '../ui/styles.ts';

/** Where people write what the agent shall do: in a run, or to begin one. Tells with the event `sent` in which run. */
export class Composer extends LitElement {
  static override properties = {
    project: { attribute: false },
    run: { attribute: false },
    model: { attribute: false },
    mode: { state: true },
    chosen: { state: true },
    busy: { state: true },
    problem: { state: true },
  };

  declare project: ProjectState;
  /** The run that goes on; undefined: a new one. */
  declare run: string | undefined;
  /** Model of the run. */
  declare model: string | undefined;
  declare mode: 'act' | 'ask';
  declare chosen: string | undefined;
  declare busy: boolean;
  declare problem: string | undefined;

  static override styles = [
    shared,
    css`
      :host {
        display: block;
      }
      form {
        display: grid;
        gap: 8px;
        padding: 10px;
        border: 1px solid var(--line-strong);
        border-radius: 10px;
        background: var(--surface);
      }
      form:has(textarea:focus) {
        border-color: var(--focus);
        box-shadow: 0 0 0 1px var(--focus);
      }
      textarea {
        width: 100%;
        min-height: 44px;
        max-height: 40dvh;
        padding: 2px 4px;
        border: 0;
        background: none;
        resize: none;
        field-sizing: content;
        outline: none;
      }
      textarea:focus-visible {
        outline: none;
      }
      .row {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 8px;
      }
      fieldset {
        display: flex;
        margin: 0;
        padding: 0;
        border: 1px solid var(--line-strong);
        border-radius: 6px;
        overflow: hidden;
      }
      fieldset label {
        padding: 3px 10px;
        cursor: pointer;
      }
      fieldset label:has(:checked) {
        background: var(--accent-soft);
        color: var(--accent);
        font-weight: 600;
      }
      fieldset label:has(:focus-visible) {
        outline: 2px solid var(--focus);
        outline-offset: -2px;
      }
      fieldset input {
        position: absolute;
        opacity: 0;
        pointer-events: none;
        min-height: 0;
      }
      select {
        max-width: 180px;
      }
      .primary {
        margin-left: auto;
      }
      .problem {
        color: var(--red);
      }
    `,
  ];

  constructor() {
    super();
    this.mode = 'act';
    new Watching(this, () => this.project);
  }

  override render() {
    const models = this.project.models;
    const model = this.chosen ?? this.model ?? (models.find(({ alias }) => alias !== 'scripted') ?? models[0])?.alias;
    // The run's own may be younger than the list, or removed from it.
    const aliases = [...new Set([...models.map(({ alias }) => alias), ...(model === undefined ? [] : [model])])];
    return html`<form @submit=${this.#onSubmit}>
      <textarea
        name="prompt"
        required
        rows="1"
        aria-label=${this.run === undefined ? 'What shall the agent do?' : `What shall the agent do next in ${this.run}?`}
        placeholder=${this.mode === 'act' ? 'What shall the agent do?' : 'Ask something; the agent looks, and changes nothing'}
        @keydown=${this.#onKey}
      ></textarea>
      ${this.problem === undefined ? nothing : html`<p class="problem" role="alert">${this.problem}</p>`}
      <div class="row">
        <fieldset aria-label="Mode">
          ${(['act', 'ask'] as const).map(
            (mode) => html`<label title=${mode === 'act' ? 'It may propose commands and changes' : 'It may only look'}>
              <input type="radio" name="mode" value=${mode} .checked=${this.mode === mode} @change=${() => (this.mode = mode)} />${mode === 'act' ? 'Act' : 'Ask'}
            </label>`,
          )}
        </fieldset>
        <select aria-label="Model" .value=${live(model ?? '')} @change=${this.#onModel}>
          ${aliases.map((alias) => html`<option value=${alias} ?selected=${alias === model}>${alias}</option>`)}
        </select>
        <button class="primary" ?disabled=${this.busy}>Send</button>
      </div>
    </form>`;
  }

  override focus(): void {
    this.renderRoot.querySelector('textarea')?.focus();
  }

  readonly #onModel = (event: Event) => {
    this.chosen = (event.target as HTMLSelectElement).value;
  };

  readonly #onKey = (event: KeyboardEvent) => {
    if (event.key === 'Escape') (event.target as HTMLElement).blur();
    // While an input method composes, Enter takes what it offers.
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    (event.target as HTMLTextAreaElement).form?.requestSubmit();
  };

  readonly #onSubmit = (event: SubmitEvent) => {
    event.preventDefault();
    void this.#send(event.target as HTMLFormElement);
  };

  async #send(form: HTMLFormElement): Promise<void> {
    const data = new FormData(form);
    const prompt = data.get('prompt');
    if (typeof prompt !== 'string' || prompt.trim() === '' || this.busy) return;
    const model = form.querySelector('select')?.value;
    this.busy = true;
    this.problem = undefined;
    try {
      const { run } = await this.project.runtime.call(this.mode, {
        prompt,
        ...(this.run === undefined ? {} : { run: this.run }),
        ...(model === undefined || model === '' || model === this.model ? {} : { model }),
      });
      const field = form.querySelector('textarea');
      if (field) field.value = '';
      this.dispatchEvent(new CustomEvent('sent', { detail: run, bubbles: true, composed: true }));
    } catch (error) {
      this.problem = messageOf(error);
    }
    this.busy = false;
  }
}

customElements.define('headgate-composer', Composer);
