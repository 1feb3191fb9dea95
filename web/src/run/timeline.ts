import { html, LitElement, nothing } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import { type Item, isLive, type Runtime } from '../../../src/rpc/client/index.ts';
import { Watching } from '../state/observable.ts';
import { DRAWN, type RunState } from '../state/run-state.ts';
import { shared } from '../ui/styles.ts';
import { runWord } from '../ui/words.ts';
import type { CommandCard } from './command.ts';
import { itemLabel, itemView } from './item-view.ts';
import type { ProposalCard } from './proposal.ts';
import { timelineStyles } from './timeline-styles.ts';

/** Closer to the end than this, what is new is scrolled to, pixels. */
const NEAR_END_PX = 120;

/** A key that was meant for something else, pressed as a proposal came under it, answers nothing; milliseconds. */
const GUARD_MS = 300;

/** How the items of each kind are styled. */
const CLASSES: Readonly<Record<Item['kind'], string>> = {
  prompt: 'prompt',
  words: 'said',
  trouble: 'trouble',
  notice: 'notice',
  step: 'action',
};

/** What happened in one run, in order; the end stays in view while one is there. */
export class RunTimeline extends LitElement {
  static override properties = {
    runtime: { attribute: false },
    state: { attribute: false },
    path: { attribute: false },
    drawn: { state: true },
    toggled: { state: true },
    guarded: { state: true },
  };

  declare runtime: Runtime;
  declare state: RunState;
  /** The entry that the address names. */
  declare path: string | undefined;
  declare drawn: number;
  /** Items that the user has opened or closed, by path. */
  declare toggled: ReadonlyMap<string, boolean>;
  /** True while the proposal that keys answer has only just come under them. */
  declare guarded: boolean;
  /** Commands that ran while they were looked at: they stay open. */
  readonly #seenLive = new Set<string>();
  #atEnd = true;
  #top = 0;
  #shownPath: string | undefined;
  /** Path of the proposal that keys answer when none has the focus. */
  #underKeys: string | undefined;
  #guard: ReturnType<typeof setTimeout> | undefined;

  static override styles = [shared, timelineStyles];

  constructor() {
    super();
    this.drawn = DRAWN;
    this.toggled = new Map();
    this.guarded = false;
    new Watching(this, () => this.state);
    this.addEventListener('scroll', () => this.#scrolled());
    this.#resized.observe(this);
  }

  /** Output grows inside of items, without anything else being drawn. */
  readonly #resized = new ResizeObserver(() => this.#keepEnd());

  override willUpdate(): void {
    if (!this.hasUpdated) this.#atEnd = this.path === undefined;
    this.#reach();
    this.#guardKeys();
  }

  /** Draws as far back as the entry that the address names. */
  #reach(): void {
    if (this.path === undefined || !this.state.loaded || this.#shownPath === this.path) return;
    const at = this.state.items.findIndex(({ id }) => id === this.path);
    if (at >= 0) this.drawn = Math.max(this.drawn, this.state.items.length - at + 10);
    else if (this.state.hasEarlier && this.state.failure === undefined) void this.state.readEarlier();
  }

  #guardKeys(): void {
    const oldest = this.state.items.slice(-this.drawn).find((item) => item.kind === 'step' && item.state === 'proposed')?.id;
    if (oldest === this.#underKeys) return;
    this.#underKeys = oldest;
    this.guarded = oldest !== undefined;
    clearTimeout(this.#guard);
    this.#guard = setTimeout(() => (this.guarded = false), GUARD_MS);
  }

  override render() {
    const { items, loaded, failure } = this.state;
    if (failure !== undefined) return html`<p class="empty" role="alert">${failure}</p>`;
    if (!loaded) return html`<p class="empty" role="status">Reading the run …</p>`;
    const before = Math.max(0, items.length - this.drawn);
    const shown = items.slice(before);
    return html`<div class="column">
      ${
        before > 0 || this.state.hasEarlier
          ? html`<button class="more" @click=${() => void this.#drawMore()}>
              ${this.state.hasEarlier ? `Show ${DRAWN} items before` : `Show ${Math.min(before, DRAWN)} of the ${before.toLocaleString('en')} items before`}
            </button>`
          : nothing
      }
      ${items.length === 0 ? html`<p class="empty">Nothing has happened yet.</p>` : nothing}
      <div class="feed" role="feed" aria-label="What happened in ${this.state.run}">
        ${repeat(
          shown,
          ({ id }) => id,
          (item, index) => this.#item(item, shown[index - 1], before + index + 1, items.length),
        )}
      </div>
      ${this.#end()}
    </div>`;
  }

  override updated(): void {
    const column = this.renderRoot.querySelector('.column');
    if (column) this.#resized.observe(column);
    if (this.path !== undefined && this.#shownPath !== this.path && this.#element(this.path)) {
      this.#shownPath = this.path;
      this.#element(this.path)?.scrollIntoView({ block: 'center' });
      this.#element(this.path)?.focus({ preventScroll: true });
    } else this.#keepEnd();
  }

  /** Moves the focus by so many items, from the last one when none has it. */
  move(by: number): void {
    const elements = [...this.renderRoot.querySelectorAll<HTMLElement>('.item[data-path]')];
    const now = elements.findIndex((element) => element.matches(':focus-within'));
    const next = elements[now < 0 ? elements.length - 1 : Math.min(elements.length - 1, Math.max(0, now + by))];
    next?.focus();
    next?.scrollIntoView({ block: 'nearest' });
  }

  /** The proposal that has the focus, else the oldest that waits. */
  proposal(): ProposalCard | undefined {
    return this.#card<ProposalCard>('headgate-proposal', 0);
  }

  /** The same for keys: none while they may have been meant for something else. */
  answerable(): ProposalCard | undefined {
    const card = this.proposal();
    return card?.guarded && !card.closest('.item')?.matches(':focus-within') ? undefined : card;
  }

  /** The command that has the focus, else the newest that runs. */
  command(): CommandCard | undefined {
    const focused = this.renderRoot.querySelector<CommandCard>('.item:focus-within headgate-command');
    if (focused) return focused;
    return [...this.renderRoot.querySelectorAll<CommandCard>('headgate-command')].findLast((card) => card.live);
  }

  /** Opens or closes the item that has the focus. */
  toggle(): void {
    this.renderRoot.querySelector<CommandCard>('.item:focus :is(headgate-command, headgate-action)')?.toggle();
  }

  #card<T extends HTMLElement>(name: string, at: number): T | undefined {
    return this.renderRoot.querySelector<T>(`.item:focus-within ${name}`) ?? [...this.renderRoot.querySelectorAll<T>(name)].at(at);
  }

  #item(item: Item, before: Item | undefined, position: number, size: number) {
    const { id, kind } = item;
    const open = this.#isOpen(item, position === size);
    if (open && item.kind === 'step' && item.channels.length === 0) this.state.readText(item);
    // What is being said is read out once it is whole.
    const isSaid = item.kind === 'words' && item.live;
    const turned = item.turn > 0 && item.turn !== before?.turn;
    return html`${turned ? html`<div class="turn" aria-hidden="true">turn ${item.turn}</div>` : nothing}
      <article
        class="item ${CLASSES[kind]} ${isSaid ? 'saying' : ''}"
        data-path=${id}
        tabindex="-1"
        aria-label=${itemLabel(item)}
        aria-posinset=${position}
        aria-setsize=${this.state.hasEarlier ? -1 : size}
        ?data-target=${id === this.path}
        aria-hidden=${isSaid ? 'true' : nothing}
      >
        ${itemView(item, {
          runtime: this.runtime,
          run: this.state.run,
          open,
          guarded: this.guarded && id === this.#underKeys,
          toggled: (now) => {
            this.toggled = new Map(this.toggled).set(id, now);
          },
        })}
      </article>`;
  }

  /** What runs is open and stays so; of what is over the last item, and what the user opened. */
  #isOpen(item: Item, last: boolean): boolean {
    if (item.kind !== 'step') return false;
    const { id, channels } = item;
    const live = isLive(item);
    if (live) this.#seenLive.add(id);
    const byItself = live || this.#seenLive.has(id) || id === this.path || (last && channels.length > 0);
    return this.toggled.get(id) ?? byItself;
  }

  #end() {
    const { info } = this.state;
    if (!info) return nothing;
    if (info.status === 102 && this.state.isThinking) return html`<p class="end live" role="status">The model is thinking …</p>`;
    if (info.status === 102 || info.status === 202 || info.status === 100) return nothing;
    const { word, tone } = runWord(info.status, info.outcome);
    return html`<p class="end ${tone}">${word}</p>`;
  }

  async #drawMore(): Promise<void> {
    if (this.state.hasEarlier && this.state.items.length < this.drawn + DRAWN) await this.state.readEarlier();
    const bottom = this.scrollHeight - this.scrollTop;
    this.drawn += DRAWN;
    // What was looked at stays where it was.
    await this.updateComplete;
    this.scrollTop = this.scrollHeight - bottom;
  }

  /** The end is left by scrolling up only: what has grown meanwhile is no wish to stay. */
  #scrolled(): void {
    const isNear = this.scrollHeight - this.scrollTop - this.clientHeight < NEAR_END_PX;
    if (isNear) this.#atEnd = true;
    else if (this.scrollTop < this.#top) this.#atEnd = false;
    this.#top = this.scrollTop;
  }

  #keepEnd(): void {
    if (this.#atEnd) this.scrollTop = this.scrollHeight;
  }

  #element(path: string): HTMLElement | undefined {
    return [...this.renderRoot.querySelectorAll<HTMLElement>('.item')].find(({ dataset }) => dataset['path'] === path);
  }
}

customElements.define('headgate-timeline', RunTimeline);
