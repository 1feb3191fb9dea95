import { html, LitElement, nothing, type PropertyValues } from 'lit';
import { ChannelLines } from './channel-lines.ts';
import type { ChannelReader } from './channel-reader.ts';
import { logStyle, outputColours } from './log-style.ts';
import { Row } from './row.ts';
import { ScrollMap } from './scroll-map.ts';
import { countText } from './words.ts';

const ROW_PX = 18;
/** Up to so many lines all of them are on the page, so that it can be searched and selected as any text. */
const WHOLE_LINES = 300;
/** Lines that are read beyond those that are shown. */
const AHEAD_LINES = 200;
/** Bytes of one line that are shown at most. */
const LONGER_BYTES = 256 * 1024;

/** Lines that a search has found. */
export interface Found {
  readonly lines: ReadonlySet<number>;
  /** What to mark in the lines; undefined where only lines are marked. */
  readonly mark: RegExp | undefined;
}

/**
 * The lines of one channel: as many elements as fit the view, whatever the length of the output (SPEC
 * {#portal_output_scroll}). It stays at the end while that grows, until the user scrolls away.
 *
 * @fires output-changed - there is another number of lines or bytes, or the end has come
 * @fires lines-selected - `detail` is `{first, last}`, or null
 */
export class LogView extends LitElement {
  static override styles = [outputColours, logStyle];
  static override properties = {
    reader: { attribute: false },
    label: {},
    started: { type: Boolean },
    wrap: { type: Boolean, reflect: true },
    fill: { type: Boolean, reflect: true },
    found: { attribute: false },
    current: { type: Number },
  };

  declare reader: ChannelReader | undefined;
  /** What it is, for those who do not see it. */
  declare label: string;
  /** False: the command has not been accepted, so there is nothing to read yet. */
  declare started: boolean;
  declare wrap: boolean;
  declare fill: boolean;
  declare found: Found | undefined;
  /** The line that a search stands on; 0: none. */
  declare current: number;

  #stop = new AbortController();
  #lines: ChannelLines | undefined;
  #failure: unknown;
  readonly #map = new ScrollMap(ROW_PX);
  readonly #rows = new Map<number, Row>();
  readonly #longer = new Map<number, Uint8Array>();
  #frame = 0;
  #sticky = true;
  /** The user may be dragging the scroll bar. */
  #isHeld = false;
  /** Lines there were when the user scrolled away from the end. */
  #leftAt = 0;
  #selected: { first: number; last: number } | undefined;
  #told = '';
  readonly #resized = new ResizeObserver(() => this.#schedule());

  constructor() {
    super();
    this.label = 'output';
    this.started = true;
    this.wrap = false;
    this.fill = false;
    this.current = 0;
  }

  /** The lines that are shown; undefined before there is a reader. */
  get lines(): ChannelLines | undefined {
    return this.#lines;
  }

  /** True while the end stays in view. */
  get follows(): boolean {
    return this.#sticky;
  }

  /** Shows line `number` (from 1) in the middle of the view. */
  goTo(number: number): void {
    this.#sticky = false;
    this.#leftAt = this.#lines?.count ?? 0;
    const index = Math.max(0, Math.min(number, this.#leftAt) - 1);
    const view = this.#view;
    if (!view) return;
    if (this.#isWhole) {
      this.#draw();
      const row = this.#rows.get(index)?.element;
      if (row) view.scrollTop = row.offsetTop - view.clientHeight / 2;
    } else {
      this.#map.moveTo(
        this.wrap ? (index / Math.max(1, this.#leftAt)) * this.#map.maxTopPx : index * ROW_PX - view.clientHeight / 2 + ROW_PX,
      );
      this.#setScrollTop(view);
    }
    this.#schedule();
    this.requestUpdate();
  }

  /** Shows the end, and stays there. */
  goToEnd(): void {
    this.#sticky = true;
    this.#schedule();
    this.requestUpdate();
  }

  override connectedCallback(): void {
    super.connectedCallback();
    if (this.reader) this.#begin(this.reader);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#stop.abort();
    this.#resized.disconnect();
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    this.#lines = undefined;
  }

  protected override updated(changed: PropertyValues<this>): void {
    if (changed.has('reader') && this.reader && this.isConnected) this.#begin(this.reader);
    const view = this.#view;
    if (view) this.#resized.observe(view);
    this.#schedule();
  }

  override render() {
    const lines = this.#lines;
    const count = lines?.count ?? 0;
    const news = count - this.#leftAt;
    const failure = this.#failure ?? lines?.failure;
    return html`
      <div
        class="view"
        part="view"
        tabindex="0"
        role="region"
        aria-label=${this.label}
        @scroll=${this.#onScroll}
        @wheel=${{ handleEvent: (event: WheelEvent) => event.deltaY < 0 && this.#leave(), passive: true }}
        @pointerdown=${() => (this.#isHeld = true)}
        @pointerup=${() => (this.#isHeld = false)}
        @pointercancel=${() => (this.#isHeld = false)}
        @touchmove=${{ handleEvent: () => this.#leave(), passive: true }}
        @keydown=${this.#onKey}
        @click=${this.#onClick}
      >
        <div class="space"><div class="window"><div class="rows"></div></div></div>
      </div>
      ${
        lines?.isKnown && count === 0 && !failure
          ? html`<div class="note">${lines.end ? 'It wrote nothing here.' : 'Nothing has been written yet.'}</div>`
          : nothing
      }
      ${failure ? html`<div class="note failure" role="alert">${failure instanceof Error ? failure.message : String(failure)}</div>` : nothing}
      ${
        this.#sticky || count === 0
          ? nothing
          : html`<button class="pill" type="button" @click=${() => this.goToEnd()}>
              ${news > 0 ? `↓ ${countText(news)} new ${news === 1 ? 'line' : 'lines'}` : '↓ to the end'}
            </button>`
      }
    `;
  }

  get #view(): HTMLElement | null {
    return this.renderRoot.querySelector('.view');
  }

  /** All lines are on the page. */
  get #isWhole(): boolean {
    return (this.#lines?.count ?? 0) <= WHOLE_LINES;
  }

  #begin(reader: ChannelReader): void {
    this.#stop.abort();
    this.#stop = new AbortController();
    this.#rows.clear();
    this.#longer.clear();
    this.renderRoot.querySelector('.rows')?.replaceChildren();
    const { signal } = this.#stop;
    const lines = new ChannelLines(reader, () => this.#schedule(), signal);
    this.#lines = lines;
    this.#failure = undefined;
    lines.follow(this.started).catch((error: unknown) => {
      if (signal.aborted) return;
      this.#failure = error;
      this.requestUpdate();
    });
  }

  #schedule(): void {
    if (this.#frame !== 0 || !this.isConnected) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      this.#draw();
    });
  }

  #draw(): void {
    const view = this.#view;
    const lines = this.#lines;
    if (!view || !lines) return;
    const count = lines.count;
    const isWhole = this.#isWhole;
    const space = view.querySelector<HTMLElement>('.space');
    const frame = view.querySelector<HTMLElement>('.window');
    const rows = view.querySelector<HTMLElement>('.rows');
    if (!space || !frame || !rows) return;
    view.style.setProperty('--digits', String(Math.max(3, String(count).length)));
    if (isWhole) {
      space.style.height = '';
      frame.style.height = '';
      rows.style.transform = '';
      this.#place(rows, 0, count);
      if (this.#sticky) view.scrollTop = view.scrollHeight;
    } else {
      space.style.height = `${Math.min(count * ROW_PX, this.#map.heightPx || ROW_PX)}px`;
      const viewPx = view.clientHeight;
      this.#map.resize(count, viewPx);
      if (this.#sticky) this.#map.moveTo(Number.POSITIVE_INFINITY);
      space.style.height = `${this.#map.heightPx}px`;
      frame.style.height = `${viewPx}px`;
      this.#setScrollTop(view);
      this.#placeWindow(rows, viewPx, count);
    }
    this.#tell();
  }

  /** Places the lines in view. Lines of equal height have a fixed place; wrapped ones are laid out around the line at the scrolled-to share of the output. */
  #placeWindow(rows: HTMLElement, viewPx: number, count: number): void {
    const top = this.#map.topPx;
    if (!this.wrap) {
      const from = Math.floor(top / ROW_PX);
      this.#place(rows, from, Math.min(count, Math.ceil((top + viewPx) / ROW_PX)));
      rows.style.transform = `translateY(${from * ROW_PX - top}px)`;
      return;
    }
    const { progress } = this.#map;
    const anchor = Math.min(count - 1, Math.floor(progress * count));
    const around = Math.ceil(viewPx / ROW_PX) + 1;
    this.#place(rows, Math.max(0, anchor - around), Math.min(count, anchor + around));
    const row = this.#rows.get(anchor)?.element;
    if (!row) return;
    const anchorPx = row.offsetTop - rows.offsetTop + (progress * count - anchor) * row.offsetHeight;
    rows.style.transform = `translateY(${progress * viewPx - anchorPx}px)`;
  }

  /** Makes the elements of `rows` those of the lines `from` to `to`. */
  #place(rows: HTMLElement, from: number, to: number): void {
    const lines = this.#lines;
    if (!lines) return;
    lines.want(from - AHEAD_LINES, Math.min(lines.count, to + AHEAD_LINES));
    for (const [index, row] of this.#rows) {
      if (index >= from && index < to) continue;
      row.element.remove();
      this.#rows.delete(index);
    }
    let next = rows.firstElementChild;
    for (let index = from; index < to; index++) {
      let row = this.#rows.get(index);
      if (!row) {
        row = new Row(index + 1);
        this.#rows.set(index, row);
      }
      if (row.element === next) next = next.nextElementSibling;
      else rows.insertBefore(row.element, next);
      const number = index + 1;
      row.show({
        number,
        line: lines.line(index),
        longer: this.#longer.get(index),
        isHit: this.found?.lines.has(number) ?? false,
        isCurrent: this.current === number,
        isSelected: this.#selected !== undefined && number >= this.#selected.first && number <= this.#selected.last,
        mark: this.found?.mark,
      });
    }
  }

  #setScrollTop(view: HTMLElement): void {
    if (Math.abs(view.scrollTop - this.#map.scrollTop) >= 1) view.scrollTop = this.#map.scrollTop;
  }

  #tell(): void {
    const lines = this.#lines;
    const told = `${lines?.bytes} ${lines?.isKnown} ${lines?.end !== undefined} ${String(lines?.failure)}`;
    if (told === this.#told) return;
    this.#told = told;
    this.requestUpdate();
    this.dispatchEvent(new CustomEvent('output-changed'));
  }

  /** The user scrolls up: the end is not held in view any more. */
  #leave(): void {
    if (!this.#sticky) return;
    this.#sticky = false;
    this.#leftAt = this.#lines?.count ?? 0;
    this.requestUpdate();
  }

  #onScroll = () => {
    const view = this.#view;
    if (!view) return;
    // While the end is held in view the place is ours: the browser scrolls by itself when the content grows or a scroll bar comes.
    const isOurs = this.#sticky && !this.#isHeld;
    let atEnd: boolean;
    if (this.#isWhole) {
      if (isOurs && !this.#lines?.end) return;
      atEnd = view.scrollHeight - view.clientHeight - view.scrollTop <= ROW_PX / 2;
    } else {
      if (isOurs) return this.#schedule();
      if (Math.abs(view.scrollTop - this.#map.scrollTop) < 1) return;
      this.#map.scrolled(view.scrollTop);
      this.#setScrollTop(view);
      atEnd = this.#map.atEnd;
    }
    if (atEnd && !this.#sticky) this.goToEnd();
    else if (!atEnd) this.#leave();
    this.#schedule();
  };

  #onKey = (event: KeyboardEvent) => {
    if (['ArrowUp', 'PageUp', 'Home'].includes(event.key) || (event.key === ' ' && event.shiftKey)) this.#leave();
    if (event.key === 'End') this.goToEnd();
    if (event.key === 'Home' && !this.#isWhole) this.goTo(1);
    if (event.key === 'Escape' && this.#selected) this.#select(undefined);
  };

  #onClick = (event: MouseEvent) => {
    if (!(event.target instanceof HTMLElement)) return;
    const { line, more } = event.target.dataset;
    if (more !== undefined) void this.#showMore(Number(more) - 1);
    if (line === undefined) return;
    const number = Number(line);
    const from = event.shiftKey && this.#selected ? this.#selected.first : number;
    this.#select({ first: Math.min(from, number), last: Math.max(from, number) });
  };

  #select(lines: { first: number; last: number } | undefined): void {
    this.#selected = lines;
    this.#schedule();
    this.dispatchEvent(new CustomEvent('lines-selected', { detail: lines ?? null }));
  }

  async #showMore(index: number): Promise<void> {
    const line = this.#lines?.line(index);
    if (!line || !this.reader) return;
    const maxBytes = Math.min(line.length ?? LONGER_BYTES, LONGER_BYTES);
    try {
      const { data } = await this.reader.read({ from: line.offset, maxBytes: Math.max(1, maxBytes) }, this.#stop.signal);
      this.#longer.set(index, data);
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      this.#failure = error;
      this.requestUpdate();
    }
    this.#schedule();
  }
}

customElements.define('headgate-log', LogView);
