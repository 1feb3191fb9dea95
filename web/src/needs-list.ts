import { css, html, LitElement, nothing } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import { visibleLine } from '../../src/core/visible-text.ts';
import type { Need } from '../../src/rpc/client/index.ts';
import { NeedsState, type PlacedNeed } from './state/needs-state.ts';
import { Watching } from './state/observable.ts';
import type { ProjectState } from './state/project-state.ts';
import { runHref } from './ui/routes.ts';
import { badge, statusStyles } from './ui/status.ts';
import { shared } from './ui/styles.ts';
import { Ticking } from './ui/ticking.ts';
import { ageWord, type StatusWord } from './ui/words.ts';

const KINDS: Readonly<Record<Need['kind'], StatusWord & { readonly many: string }>> = {
  proposal: { word: 'wants to run', many: 'Proposals', tone: 'wait' },
  question: { word: 'asks', many: 'Questions', tone: 'wait' },
  input: { word: 'waits for input', many: 'Input', tone: 'wait' },
  failure: { word: 'failed', many: 'Failures', tone: 'bad' },
};

/** What needs somebody in all projects, the oldest first, with the answers that need no look at the run (SPEC {#portal_needs}). */
export class NeedsList extends LitElement {
  static override properties = {
    token: { attribute: false },
    project: { attribute: false },
    only: { state: true },
    busy: { state: true },
  };

  declare token: string;
  /** The project that the page is bound to. */
  declare project: ProjectState;
  /** The one kind that is shown; undefined: all. */
  declare only: Need['kind'] | undefined;
  /** The need that is being answered. */
  declare busy: string | undefined;
  #state: NeedsState | undefined;
  #unwatch: (() => void) | undefined;

  static override styles = [
    shared,
    statusStyles,
    css`
      :host {
        display: grid;
        gap: 10px;
      }
      h1 {
        font-size: 22px;
        letter-spacing: -0.01em;
      }
      .filters,
      .buttons {
        display: flex;
        flex-wrap: wrap;
        gap: 6px;
      }
      .filters button[aria-pressed='true'] {
        background: var(--accent-soft);
        color: var(--accent);
        font-weight: 600;
      }
      ul {
        display: grid;
        grid-template-columns: minmax(0, 1fr);
        gap: 8px;
        max-height: 52dvh;
        overflow-y: auto;
      }
      li {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 6px 14px;
        padding: 10px 12px;
        border: 1px solid var(--line);
        border-radius: 8px;
        background: var(--surface);
      }
      .what {
        flex: 1 1 260px;
        min-width: 0;
      }
      .line {
        display: block;
      }
      .what:hover code {
        text-decoration: underline;
      }
      .facts {
        display: flex;
        flex-wrap: wrap;
        gap: 2px 12px;
        font-size: 12.5px;
        color: var(--dim);
      }
      .problem {
        color: var(--red);
      }
      @media (max-width: 720px) {
        h1 {
          font-size: 16px;
        }
        ul {
          max-height: 32dvh;
        }
      }
    `,
  ];

  constructor() {
    super();
    new Watching(this, () => this.#state);
    new Ticking(this, () => (this.#state?.needs.length ?? 0) > 0);
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#state = new NeedsState(this.token);
    this.#state.start();
    // What happens in this project is told at once.
    let waiting = this.project.waiting();
    this.#unwatch = this.project.watch(() => {
      if (waiting === this.project.waiting()) return;
      waiting = this.project.waiting();
      void this.#state?.look();
    });
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#unwatch?.();
    this.#state?.stop();
  }

  override render() {
    const needs = this.#state?.needs ?? [];
    const shown = this.only === undefined ? needs : needs.filter(({ kind }) => kind === this.only);
    const problem = this.#state?.problem;
    return html`<h1>${needs.length === 0 ? (this.#state?.loaded ? 'Nothing needs you' : 'Looking …') : `Needs you: ${needs.length}`}</h1>
      ${problem === undefined ? nothing : html`<p class="problem" role="alert">${problem}</p>`}
      ${needs.length < 2 ? nothing : this.#filters(needs)}
      ${
        shown.length === 0
          ? nothing
          : html`<ul aria-label="What needs you, in all projects">
              ${repeat(shown, keyOf, (need) => this.#row(need))}
            </ul>`
      }`;
  }

  #filters(needs: readonly PlacedNeed[]) {
    const kinds = (Object.keys(KINDS) as Need['kind'][]).filter((kind) => needs.some((need) => need.kind === kind));
    if (kinds.length < 2) return nothing;
    return html`<div class="filters" role="group" aria-label="Show">
      <button aria-pressed=${this.only === undefined} @click=${() => (this.only = undefined)}>All ${needs.length}</button>
      ${kinds.map(
        (kind) =>
          html`<button aria-pressed=${this.only === kind} @click=${() => (this.only = kind)}>
            ${KINDS[kind].many} ${needs.filter((need) => need.kind === kind).length}
          </button>`,
      )}
    </div>`;
  }

  #row(need: PlacedNeed) {
    const { kind, project, run, path, words, since, root } = need;
    const here = runHref(run, path);
    // Another project is opened by its link, as one that was sent would be.
    const href = project === this.project.name ? here : `#${new URLSearchParams({ project: root, to: here.slice(1) }).toString()}`;
    const answers = kind === 'proposal' && this.project.mayAct;
    return html`<li @keydown=${(event: KeyboardEvent) => answers && this.#onKey(event, need)}>
      <a class="what" href=${href}>
        <code class="line ellipsis">${visibleLine(words)}</code>
        <span class="facts"><span>${project}</span><span>${run}</span><span>for ${ageWord(Date.now() - since)}</span></span>
      </a>
      ${badge(KINDS[kind])}
      ${
        answers
          ? html`<span class="buttons">
              <button class="primary" aria-label="Accept ${words}" aria-keyshortcuts="a" ?disabled=${this.busy === keyOf(need)} @click=${() => this.#answer(need, 'accept')}>Accept</button>
              <button aria-label="Reject ${words}" aria-keyshortcuts="r" ?disabled=${this.busy === keyOf(need)} @click=${() => this.#answer(need, 'reject')}>Reject</button>
            </span>`
          : nothing
      }
    </li>`;
  }

  #onKey(event: KeyboardEvent, need: PlacedNeed): void {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || (event.key !== 'a' && event.key !== 'r')) return;
    event.preventDefault();
    event.stopPropagation();
    void this.#answer(need, event.key === 'a' ? 'accept' : 'reject');
  }

  async #answer(need: PlacedNeed, action: 'accept' | 'reject'): Promise<void> {
    if (this.busy !== undefined) return;
    this.busy = keyOf(need);
    await this.#state?.answer(need, action);
    this.busy = undefined;
  }
}

function keyOf({ kind, root, run, path = '' }: PlacedNeed): string {
  return `${kind} ${root} ${run} ${path}`;
}

customElements.define('headgate-needs', NeedsList);
