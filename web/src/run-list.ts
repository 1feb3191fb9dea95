import { css, html, LitElement, nothing } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import { visibleLine } from '../../src/core/visible-text.ts';
import { Watching } from './state/observable.ts';
import type { ProjectState, RunRow } from './state/project-state.ts';
import { runHref } from './ui/routes.ts';
import { statusStyles } from './ui/status.ts';
import { shared } from './ui/styles.ts';
import { Ticking } from './ui/ticking.ts';
import { ageWord, runWord } from './ui/words.ts';

/** The runs of the project, newest first, with what waits in each. */
export class RunList extends LitElement {
  static override properties = { project: { attribute: false }, current: { attribute: false }, filter: { state: true } };

  declare project: ProjectState;
  /** Alias of the run that is shown. */
  declare current: string | undefined;
  declare filter: string;

  static override styles = [
    shared,
    statusStyles,
    css`
      :host {
        display: grid;
        grid-template-rows: auto minmax(0, 1fr);
        min-height: 0;
      }
      .search {
        padding: 8px 12px;
      }
      .search input {
        width: 100%;
      }
      ul {
        overflow-y: auto;
        padding: 0 8px 8px;
      }
      a {
        display: grid;
        grid-template-columns: 8px minmax(0, 1fr) auto;
        gap: 0 10px;
        align-items: center;
        padding: 6px 8px;
        border-radius: 6px;
        content-visibility: auto;
        contain-intrinsic-size: auto 50px;
      }
      a:hover {
        background: var(--hover);
      }
      a[aria-current] {
        background: var(--accent-soft);
      }
      .name {
        font-weight: 600;
      }
      .below {
        grid-column: 2 / 4;
        display: flex;
        gap: 8px;
        font-size: 12px;
        color: var(--dim);
        white-space: nowrap;
      }
      .below .age {
        margin-left: auto;
      }
      .count {
        min-width: 18px;
        padding: 0 5px;
        border-radius: 9px;
        background: var(--amber-soft);
        color: var(--amber);
        font-size: 12px;
        font-weight: 600;
        text-align: center;
      }
      .empty {
        padding: 16px;
        color: var(--dim);
      }
    `,
  ];

  constructor() {
    super();
    this.filter = '';
    new Watching(this, () => this.project);
    new Ticking(this, () => true);
  }

  override render() {
    const words = this.filter.toLowerCase().split(/\s+/);
    const rows = this.project.runs.filter(({ run, title, model, agent = model }) =>
      words.every((word) => `${run} ${title ?? ''} ${agent}`.toLowerCase().includes(word)),
    );
    return html`<div class="search">
        <input
          type="search"
          aria-label="Filter runs"
          placeholder="Filter runs"
          aria-keyshortcuts="/"
          .value=${this.filter}
          @input=${(event: InputEvent) => (this.filter = (event.target as HTMLInputElement).value)}
          @keydown=${this.#onKey}
        />
      </div>
      <ul>
        ${rows.length === 0 ? html`<li class="empty">${this.filter === '' ? 'No runs yet.' : 'No run matches.'}</li>` : nothing}
        ${repeat(
          rows,
          ({ run }) => run,
          (row) => this.#row(row),
        )}
      </ul>`;
  }

  /** Moves to the filter. */
  search(): void {
    this.renderRoot.querySelector('input')?.focus();
  }

  /** Moves the focus by so many runs. */
  move(by: number): void {
    const links = [...this.renderRoot.querySelectorAll('a')];
    const now = links.findIndex((link) => link.matches(':focus'));
    links[now < 0 ? 0 : Math.min(links.length - 1, Math.max(0, now + by))]?.focus();
  }

  readonly #onKey = (event: KeyboardEvent) => {
    if (event.key === 'Escape') {
      this.filter = '';
      (event.target as HTMLElement).blur();
    } else if (event.key === 'Enter' || event.key === 'ArrowDown') {
      event.preventDefault();
      this.move(0);
    }
  };

  #row({ run, title, status, outcome, model, agent = model, updatedAt }: RunRow) {
    const { word, tone } = runWord(status, outcome);
    const waiting = this.project.waiting(run);
    return html`<li>
      <a href=${runHref(run)} aria-current=${run === this.current ? 'page' : nothing}>
        <span class="dot ${tone}" aria-hidden="true"></span>
        <span class="name ellipsis" title=${title ?? run}>${title ? visibleLine(title) : run}</span>
        ${waiting === 0 ? html`<span></span>` : html`<span class="count" title="${waiting} waiting for an answer">${waiting}<span class="hidden-text"> waiting</span></span>`}
        <span class="below"><span>${word}</span>${title ? html`<span class="ellipsis">${run}</span>` : nothing}<span class="ellipsis">${agent}</span><span class="age">${ageWord(Date.now() - updatedAt)}</span></span>
      </a>
    </li>`;
  }
}

customElements.define('headgate-run-list', RunList);
