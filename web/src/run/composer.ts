import { css, html, LitElement, nothing } from 'lit';
import { live } from 'lit/directives/live.js';
import { defined } from '../../../src/core/defined.ts';
import { messageOf } from '../../../src/core/errors.ts';
import type { Draft } from '../state/drafts.ts';
import { Watching } from '../state/observable.ts';
import type { ProjectState } from '../state/project-state.ts';
import { shared } from '../ui/styles.ts';

/** Before the name of an agent in the list of models; no alias of a model has a colon. */
const AGENT = 'agent:';

function driverOf(choice: string): { agent: string } | { model: string } {
  return choice.startsWith(AGENT) ? { agent: choice.slice(AGENT.length) } : { model: choice };
}

/** Where people write what the agent shall do: in a run, or to begin one. Tells with the event `sent` in which run. */
export class Composer extends LitElement {
  static override properties = {
    project: { attribute: false },
    run: { attribute: false },
    model: { attribute: false },
    agent: { attribute: false },
    working: { type: Boolean },
  };

  declare project: ProjectState;
  /** The run that goes on; undefined: a new one. */
  declare run: string | undefined;
  /** Model of the run. */
  declare model: string | undefined;
  /** The agent that drives the run, where it is not the built-in loop. */
  declare agent: string | undefined;
  /** The model of the run is at work: it is told what is sent, and begins nothing else (SPEC {#portal_prompts}). */
  declare working: boolean;

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
    this.working = false;
    new Watching(this, () => this.project);
  }

  override render() {
    if (!this.project.mayAct) return html`<p class="dim">Your token may look and change nothing.</p>`;
    const { text, mode, problem, busy, ...draft } = this.#draft;
    const models = this.project.models;
    const model = draft.model ?? this.model ?? (models.find(({ alias }) => alias !== 'scripted') ?? models[0])?.alias;
    // The run's own may be younger than the list, or removed from it.
    const aliases = [...new Set([...models.map(({ alias }) => alias), ...(model === undefined || model.startsWith(AGENT) ? [] : [model])])];
    return html`<form @submit=${this.#onSubmit}>
      <textarea
        name="prompt"
        required
        rows="1"
        aria-label=${this.run === undefined ? 'What shall the agent do?' : `What shall the agent do next in ${this.run}?`}
        placeholder=${this.working && this.agent === undefined ? 'Tell the model something; it reads it in its next turn' : mode === 'act' ? 'What shall the agent do?' : 'Ask something; the agent looks, and changes nothing'}
        .value=${live(text)}
        @input=${this.#onInput}
        @keydown=${this.#onKey}
      ></textarea>
      ${problem === undefined ? nothing : html`<p class="problem" role="alert">${problem}</p>`}
      <div class="row">
        <fieldset aria-label="Mode">
          ${(['act', 'ask'] as const).map(
            (one) => html`<label title=${one === 'act' ? 'It may propose commands and changes' : 'It may only look'}>
              <input type="radio" name="mode" value=${one} .checked=${live(mode === one)} @change=${() => this.#change({ mode: one })} />${one === 'act' ? 'Act' : 'Ask'}
            </label>`,
          )}
        </fieldset>
        ${this.agent === undefined ? this.#drivers(aliases, model) : html`<span class="dim" title="Agent">${this.agent}</span>`}
        <button class="primary" ?disabled=${busy}>Send</button>
      </div>
    </form>`;
  }

  get #draft(): Draft {
    return this.project.drafts.of(this.run);
  }

  #change(change: Partial<Draft>, draft = this.#draft): void {
    Object.assign(draft, change);
    this.requestUpdate();
  }

  /** The models, and for a new run the agents of others. */
  #drivers(aliases: readonly string[], model: string | undefined) {
    const option = (value: string, word: string) => html`<option value=${value} ?selected=${value === model}>${word}</option>`;
    const agents = this.run === undefined ? this.project.agents.filter(({ installed }) => installed) : [];
    return html`<select aria-label="Model" .value=${live(model ?? '')} @change=${this.#onModel}>
      ${aliases.map((alias) => option(alias, alias))}
      ${agents.length === 0 ? nothing : html`<optgroup label="Agents">${agents.map(({ agent }) => option(`${AGENT}${agent}`, agent))}</optgroup>`}
    </select>`;
  }

  override focus(): void {
    this.renderRoot.querySelector('textarea')?.focus();
  }

  readonly #onModel = (event: Event) => {
    this.#change({ model: (event.target as HTMLSelectElement).value });
  };

  readonly #onInput = (event: Event) => {
    this.#change({ text: (event.target as HTMLTextAreaElement).value });
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
    const { run } = this;
    const draft = this.#draft;
    const { text, mode } = draft;
    if (text.trim() === '' || draft.busy) return;
    const model = run === undefined ? form.querySelector('select')?.value : draft.model;
    this.#change({ busy: true, problem: undefined });
    try {
      const sent = await (run !== undefined && this.working && this.agent === undefined
        ? this.#tell(run, text)
        : this.project.runtime.call(mode, {
            prompt: text,
            ...defined({ run }),
            ...(model === undefined || model === '' || model === this.model ? {} : driverOf(model)),
          }));
      // What was typed meanwhile is the next prompt; the next new run begins as the first.
      if (draft.text === text) this.#change({ text: '', ...(run === undefined ? { mode: 'act', model: undefined } : {}) }, draft);
      // A user who looks at another run by now stays there.
      if (run === this.run) this.dispatchEvent(new CustomEvent('sent', { detail: sent.run, bubbles: true, composed: true }));
    } catch (error) {
      this.#change({ problem: messageOf(error) }, draft);
    }
    this.#change({ busy: false }, draft);
  }

  async #tell(run: string, message: string): Promise<{ run: string }> {
    return await this.project.runtime.call('run/inject', { run, message });
  }
}

customElements.define('headgate-composer', Composer);
