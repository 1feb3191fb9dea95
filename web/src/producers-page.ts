import { css, html, LitElement, nothing } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import { messageOf } from '../../src/core/errors.ts';
import { visibleLine } from '../../src/core/visible-text.ts';
import { Watching } from './state/observable.ts';
import type { Producer, ProjectState } from './state/project-state.ts';
import { RUNS_HREF, runHref } from './ui/routes.ts';
import { badge, statusStyles } from './ui/status.ts';
import { shared } from './ui/styles.ts';
import { ageWord, bytesWord, type StatusWord } from './ui/words.ts';

/** Sizes and ages are in no event; they are asked for so often while the page is visible, milliseconds. */
const LOOK_AGAIN_MS = 2000;
const SIGNALS = ['INT', 'TERM', 'HUP', 'QUIT', 'USR1', 'USR2', 'STOP', 'CONT', 'KILL'];

/** What runs in all runs of the project, and the buttons that signal and end it. */
export class ProducersPage extends LitElement {
  static override properties = { project: { attribute: false }, problem: { state: true } };

  declare project: ProjectState;
  declare problem: string | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;

  static override styles = [
    shared,
    statusStyles,
    css`
      :host {
        display: block;
        overflow-y: auto;
        padding: 0 20px 20px;
      }
      header {
        display: flex;
        align-items: center;
        gap: 12px;
        min-height: 49px;
      }
      h1 {
        font-size: 16px;
      }
      .back {
        display: none;
      }
      .problem {
        margin-bottom: 8px;
        color: var(--red);
      }
      ul {
        display: grid;
        grid-template-columns: minmax(0, 1fr);
        gap: 8px;
        max-width: 980px;
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
      .command {
        flex: 1 1 320px;
        min-width: 0;
      }
      .line {
        display: block;
      }
      .command:hover code {
        text-decoration: underline;
      }
      .facts {
        display: flex;
        flex-wrap: wrap;
        gap: 2px 12px;
        font-size: 12.5px;
        color: var(--dim);
      }
      .buttons {
        display: flex;
        gap: 6px;
      }
      .empty {
        padding: 48px 0;
        text-align: center;
        color: var(--dim);
      }
      @media (max-width: 720px) {
        :host {
          padding: 0 12px 12px;
        }
        .back {
          display: inline-flex;
        }
        .command {
          flex-basis: 100%;
        }
      }
    `,
  ];

  constructor() {
    super();
    new Watching(this, () => this.project);
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.project.refreshProducers();
    this.#timer = setInterval(() => this.project.refreshProducers(), LOOK_AGAIN_MS);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearInterval(this.#timer);
  }

  override render() {
    const { producers } = this.project;
    return html`<header>
        <a class="back" href=${RUNS_HREF} aria-label="All runs">←</a>
        <h1>Running commands</h1>
        <span class="dim">${producers.length}</span>
      </header>
      ${this.problem === undefined ? nothing : html`<p class="problem" role="alert">${this.problem}</p>`}
      ${producers.length === 0 ? html`<p class="empty">No command runs in this project.</p>` : nothing}
      <ul>
        ${repeat(
          producers,
          ({ run, path }) => `${run} ${path}`,
          (producer) => this.#row(producer),
        )}
      </ul>`;
  }

  #row(producer: Producer) {
    const { run, path, command, backend, runner, waitsFor, channels, ageMs, lastOutputAt, leftover } = producer;
    const bytes = channels.reduce((sum, channel) => sum + channel.bytes, 0);
    return html`<li>
      <a class="command" href=${runHref(run, path)}>
        <code class="line ellipsis">$ ${visibleLine(command)}</code>
        <span class="facts">
          <span>${run}</span>
          <span>${backend}${runner === 'embedded' ? '' : ` on ${runner}`}</span>
          <span>for ${ageWord(ageMs)}</span>
          <span>${bytesWord(bytes)}</span>
          ${lastOutputAt === null ? nothing : html`<span>last output ${ageWord(Date.now() - lastOutputAt)} ago</span>`}
          ${waitsFor === null ? nothing : html`<span>${waitsFor}</span>`}
          ${leftover === null ? nothing : html`<span>${leftoverText(leftover)}</span>`}
        </span>
      </a>
      ${badge(wordOf(producer))}
      ${this.project.mayAct ? this.#buttons(producer) : nothing}
    </li>`;
  }

  #buttons(producer: Producer) {
    const { command } = producer;
    return html`<span class="buttons">
        <select aria-label="Send a signal to ${command}" @change=${(event: Event) => this.#signal(producer, event)}>
          <option value="">Signal …</option>
          ${SIGNALS.map((signal) => html`<option>${signal}</option>`)}
        </select>
        <button class="danger" aria-label="Cancel ${command}" @click=${() => this.#cancel(producer)}>Cancel</button>
      </span>`;
  }

  #signal({ run, path }: Producer, event: Event): void {
    const select = event.target as HTMLSelectElement;
    const signal = select.value;
    select.value = '';
    if (signal !== '') void this.#do(() => this.project.runtime.call('stream/signal', { run, path, signal }));
  }

  #cancel({ run, path }: Producer): void {
    void this.#do(() => this.project.runtime.call('stream/cancel', { run, path, reason: 'cancelled in the portal' }));
  }

  async #do(work: () => Promise<unknown>): Promise<void> {
    this.problem = undefined;
    try {
      await work();
    } catch (error) {
      this.problem = messageOf(error);
    }
    this.project.refreshProducers();
  }
}

function wordOf({ leftover, waiting, state }: Producer): StatusWord {
  if (leftover) return { word: 'leftover', tone: 'wait' };
  return waiting === true ? { word: 'waits for input', tone: 'wait' } : { word: state, tone: 'live' };
}

/** What runs on of a command that has ended: `its command has ended; pid 41, 42; 12 B since`. */
function leftoverText({ processes, bytes, limit }: NonNullable<Producer['leftover']>): string {
  const pids = processes.length === 0 ? '' : `; pid ${processes.join(', ')}`;
  return `its command has ended${pids}; ${bytesWord(bytes)} since${limit === null ? '' : `, over its limit of ${limit}`}`;
}

customElements.define('headgate-producers', ProducersPage);
