import { css, html, LitElement, nothing, type PropertyValues } from 'lit';
import { keyed } from 'lit/directives/keyed.js';
import { messageOf } from '../../../src/core/errors.ts';
import { visibleLine } from '../../../src/core/visible-text.ts';
import type { RunInfo } from '../../../src/rpc/client/index.ts';
import { Watching } from '../state/observable.ts';
import type { ProjectState } from '../state/project-state.ts';
import type { RunState } from '../state/run-state.ts';
import { PRODUCERS_HREF, RUNS_HREF, runHref } from '../ui/routes.ts';
import { badge, statusStyles } from '../ui/status.ts';
import { shared } from '../ui/styles.ts';
import { countWord, runWord } from '../ui/words.ts';
import type { Composer } from './composer.ts';
import type { RunTimeline } from './timeline.ts';

/** Statuses of loops that can be aborted. */
const BUSY: ReadonlySet<number> = new Set([100, 102]);

/** One run: its head, its timeline, and the field for the next prompt. */
export class RunPage extends LitElement {
  static override properties = {
    project: { attribute: false },
    state: { attribute: false },
    path: { attribute: false },
    renaming: { state: true },
    problem: { state: true },
  };

  declare project: ProjectState;
  declare state: RunState;
  declare path: string | undefined;
  declare renaming: boolean;
  declare problem: string | undefined;

  static override styles = [
    shared,
    statusStyles,
    css`
      .about {
        color: var(--dim);
      }
      :host {
        display: grid;
        grid-template-rows: auto minmax(0, 1fr) auto;
        min-height: 0;
      }
      header {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 4px 12px;
        padding: 8px 20px;
        min-height: 49px;
        border-bottom: 1px solid var(--line);
        background: var(--surface);
      }
      h1 {
        font-size: 16px;
        max-width: 40ch;
      }
      .facts {
        display: flex;
        gap: 4px 12px;
        flex-wrap: wrap;
        font-size: 12.5px;
        color: var(--dim);
      }
      .actions {
        display: flex;
        gap: 4px;
        margin-left: auto;
      }
      .back {
        display: none;
      }
      .problem {
        flex-basis: 100%;
        color: var(--red);
      }
      footer {
        padding: 0 20px 14px;
        overflow-y: hidden;
        scrollbar-gutter: stable;
        scrollbar-width: thin;
      }
      footer > * {
        max-width: 940px;
        margin: 0 auto;
      }
      .waiting {
        display: flex;
        align-items: center;
        gap: 10px;
        margin-bottom: 8px;
        padding: 4px 6px 4px 12px;
        border-radius: 8px;
        background: var(--amber-soft);
        color: var(--amber);
      }
      .waiting button {
        margin-left: auto;
      }
      form {
        display: flex;
        gap: 6px;
      }
      @media (max-width: 720px) {
        header {
          padding: 6px 12px;
        }
        h1 {
          flex: 1 1 0;
        }
        .facts {
          order: 1;
          flex-basis: 100%;
        }
        .actions button {
          padding: 3px 8px;
        }
        .back {
          display: inline-flex;
        }
        footer {
          padding: 0 10px 10px;
        }
      }
    `,
  ];

  constructor() {
    super();
    new Watching(this, () => this.state);
    new Watching(this, () => this.project);
  }

  override willUpdate(changed: PropertyValues<this>): void {
    if (!changed.has('state')) return;
    this.renaming = false;
    this.problem = undefined;
  }

  override render() {
    const { state, project } = this;
    const waiting = project.waiting(state.run);
    return html`<header>
        <a class="back" href=${RUNS_HREF} aria-label="All runs">←</a>
        ${this.renaming ? this.#renameForm() : html`<h1 class="ellipsis">${state.run}</h1>${this.#title(state)}`}
        ${state.info ? this.#facts(state.info) : nothing}
        ${project.mayAct ? this.#actions() : nothing}
        ${this.problem === undefined ? nothing : html`<p class="problem" role="alert">${this.problem}</p>`}
      </header>
      ${keyed(state.run, html`<headgate-timeline .runtime=${project.runtime} .state=${state} .path=${this.path}></headgate-timeline>`)}
      <footer>
        ${
          waiting === 0
            ? nothing
            : html`<div class="waiting" role="status">
                ${waiting === 1 ? 'One proposal waits' : `${waiting} proposals wait`} for ${project.mayAct ? 'your' : 'an'} answer
                <button class="quiet" @click=${() => this.#showProposal()}>Show</button>
              </div>`
        }
        <headgate-composer .project=${project} .run=${state.run} .model=${state.info?.model} .agent=${state.info?.agent} ?working=${state.info?.status === 102 || state.info?.status === 202}></headgate-composer>
      </footer>`;
  }

  get timeline(): RunTimeline | null {
    return this.renderRoot.querySelector('headgate-timeline');
  }

  /** Moves to the field for the next prompt. */
  write(): void {
    this.renderRoot.querySelector<Composer>('headgate-composer')?.focus();
  }

  #facts({ status, outcome, model, agent, context, turn, usage, cost, producers, waiting }: RunInfo) {
    const { inputTokens, outputTokens } = usage;
    return html`<div class="facts">
        ${badge(runWord(status, outcome))}
        <span title=${agent === undefined ? 'Model' : 'Agent'}>${agent ?? model}</span>
        <span>turn ${turn}</span>
        <span title="Tokens read and written by the model"
          ><span aria-hidden="true">↑</span> ${countWord(inputTokens)} <span aria-hidden="true">↓</span> ${countWord(outputTokens)}
          <span class="hidden-text">tokens</span></span
        >
        ${context === undefined ? nothing : html`<span title="Of the agent's context">${countWord(context.used)} of ${countWord(context.size)} tokens</span>`}
        ${cost === null ? nothing : html`<span title="Cost of all turns">${cost.toFixed(cost < 1 ? 4 : 2)}</span>`}
        ${producers.length === 0 ? nothing : html`<a href=${PRODUCERS_HREF}>${producers.length} running</a>`}
        ${waiting.length === 0 ? nothing : html`<a href=${runHref(this.state.run, waiting[0])}>waits for input</a>`}
      </div>`;
  }

  #actions() {
    return html`<div class="actions">
          ${this.state.info?.loops.some(({ status }) => BUSY.has(status)) ? html`<button class="danger" @click=${() => this.#abort()}>Abort</button>` : nothing}
          ${this.renaming ? nothing : html`<button class="quiet" @click=${() => this.#rename()}>Rename</button>`}
          <button class="quiet" title="Copies the run as it is now into a new one" @click=${() => this.#fork()}>Fork</button>
    </div>`;
  }

  #title({ info, run }: RunState) {
    const { title = null } = info ?? {};
    return title && title !== run ? html`<span class="about ellipsis">${visibleLine(title)}</span>` : nothing;
  }

  #renameForm() {
    return html`<form @submit=${this.#onRename} @keydown=${(event: KeyboardEvent) => event.key === 'Escape' && this.#stopRenaming()}>
      <input name="name" aria-label="New name of the run" required pattern="[A-Za-z0-9][A-Za-z0-9._\\-]{0,63}" title="Letters, digits, . _ -" .value=${this.state.run} />
      <button class="primary">Rename</button><button type="button" class="quiet" @click=${() => this.#stopRenaming()}>Back</button>
    </form>`;
  }

  #rename(): void {
    this.renaming = true;
    void this.updateComplete.then(() => this.renderRoot.querySelector('input')?.select());
  }

  #stopRenaming(): void {
    this.renaming = false;
  }

  #showProposal(): void {
    const card = this.timeline?.proposal();
    const oldest = this.project.oldestProposal(this.state.run);
    // One that is not drawn is shown as any other item that an address names.
    if (!card && oldest !== undefined) location.hash = runHref(this.state.run, oldest);
    card?.scrollIntoView({ block: 'center' });
    card?.closest<HTMLElement>('.item')?.focus({ preventScroll: true });
  }

  readonly #onRename = (event: SubmitEvent) => {
    event.preventDefault();
    const name = new FormData(event.target as HTMLFormElement).get('name');
    if (typeof name !== 'string' || name === this.state.run) return this.#stopRenaming();
    void this.#do(async () => {
      await this.project.runtime.call('run/rename', { run: this.state.run, name });
      this.renaming = false;
      this.project.refreshRuns();
      location.replace(runHref(name));
    });
  };

  #abort(): void {
    void this.#do(() => this.project.runtime.call('run/abort', { run: this.state.run }));
  }

  #fork(): void {
    void this.#do(async () => {
      const { run } = await this.project.runtime.call('run/fork', { run: this.state.run });
      this.project.refreshRuns();
      location.hash = runHref(run);
    });
  }

  async #do(work: () => Promise<unknown>): Promise<void> {
    const { state } = this;
    this.problem = undefined;
    try {
      await work();
    } catch (error) {
      if (state === this.state) this.problem = messageOf(error);
    }
  }
}

customElements.define('headgate-run', RunPage);
