import { html, LitElement, nothing } from 'lit';
import { messageOf } from '../../../src/core/errors.ts';
import type { ChannelReader } from './channel-reader.ts';
import { outputColours } from './log-style.ts';
import { patternOf, type Query, searchChannel } from './output-search.ts';
import { outputStyle } from './output-style.ts';
import { plainLine } from './styled-text.ts';
import { countText } from './words.ts';

/** Hits that are listed; all of them can be walked through. */
const LISTED = 200;

/** A line that was found. */
export interface ChannelHit {
  readonly channel: number;
  readonly line: number;
  readonly text: string;
}

/** What a search has found so far, and where it stands. */
export interface SearchResult {
  readonly hits: readonly ChannelHit[];
  readonly current: ChannelHit | undefined;
  /** What to mark in lines; undefined for a regular expression, which marks whole lines. */
  readonly mark: RegExp | undefined;
}

/**
 * Looks for words in the output, on the server (SPEC {#portal_output_search}).
 *
 * @fires search-result - `detail` is a `SearchResult`
 * @fires search-line - `detail` is the number of a line to go to
 * @fires search-closed
 */
export class SearchBar extends LitElement {
  static override styles = [outputColours, outputStyle];
  static override properties = { readers: { attribute: false } };

  /** Channels that are searched, in this order. */
  declare readers: ReadonlyMap<number, ChannelReader>;

  #query: Query = { text: '', isPattern: false };
  #hits: ChannelHit[] = [];
  #at = -1;
  #done = 1;
  #isCut = false;
  #failure = '';
  #stop = new AbortController();

  constructor() {
    super();
    this.readers = new Map();
  }

  override focus(): void {
    this.renderRoot.querySelector<HTMLInputElement>('input[type=search]')?.focus();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#stop.abort();
  }

  override render() {
    const isSought = this.#query.text !== '';
    return html`
      <form class="bar search" role="search" @submit=${this.#submit} @keydown=${this.#onKey}>
        <input type="search" name="text" aria-label="Find in output" placeholder="Find in output, or :line" autocomplete="off" spellcheck="false" />
        <label><input type="checkbox" name="pattern" />regular expression</label>
        <span class="size" role="status">${this.#failure === '' ? this.#stateText(isSought) : nothing}</span>
        <button type="button" ?disabled=${this.#hits.length === 0} title="Shift+Enter" @click=${() => this.#step(-1)}>Previous</button>
        <button type="submit" title="Enter">${isSought ? 'Next' : 'Find'}</button>
        <button type="button" title="Escape" @click=${this.#close}>Close</button>
      </form>
      ${this.#failure === '' ? nothing : html`<div class="trouble" role="alert">${this.#failure}</div>`}
      ${this.#hits.length === 0 ? nothing : this.#list()}
    `;
  }

  #list() {
    return html`<div class="hits" aria-label="Lines that were found">
      ${this.#hits
        .slice(0, LISTED)
        .map(
          ({ channel, line, text }, index) =>
            html`<button type="button" aria-current=${index === this.#at ? 'true' : 'false'} @click=${() => this.#goTo(index)}>${
              this.readers.size > 1 ? `${channel}:` : ''
            }${line}: ${plainLine(text).slice(0, 300)}</button>`,
        )}
      ${this.#hits.length > LISTED ? html`<div class="about">and ${countText(this.#hits.length - LISTED)} more; Next goes through all of them</div>` : nothing}
    </div>`;
  }

  #stateText(isSought: boolean): string {
    if (!isSought) return '';
    const count = `${countText(this.#hits.length)}${this.#isCut ? ' or more' : ''}`;
    const found = this.#hits.length === 0 ? 'no line' : `${this.#at + 1} of ${count}`;
    return this.#done < 1 ? `${found}, searching … ${Math.floor(this.#done * 100)} %` : found;
  }

  #submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (!(event.target instanceof HTMLFormElement)) return;
    const data = new FormData(event.target);
    const text = String(data.get('text') ?? '');
    const line = /^:(\d+)$/.exec(text.trim())?.[1];
    if (line !== undefined) {
      this.dispatchEvent(new CustomEvent('search-line', { detail: Number(line) }));
      return;
    }
    const query = { text, isPattern: data.get('pattern') !== null };
    if (query.text === this.#query.text && query.isPattern === this.#query.isPattern && this.#hits.length > 0) this.#step(1);
    else void this.#search(query);
  };

  #onKey = (event: KeyboardEvent) => {
    if (event.key === 'Escape') this.#close();
    else if (event.key === 'Enter' && event.shiftKey) {
      event.preventDefault();
      this.#step(-1);
    }
  };

  #close = () => {
    this.#stop.abort();
    this.dispatchEvent(new CustomEvent('search-closed'));
  };

  async #search(query: Query): Promise<void> {
    this.#stop.abort();
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    this.#query = query;
    this.#hits = [];
    this.#at = -1;
    this.#isCut = false;
    this.#failure = '';
    this.#tell();
    if (query.text === '') return;
    try {
      let searched = 0;
      for (const [channel, reader] of this.readers) {
        const before = this.#hits;
        for await (const { hits, done, isCut } of searchChannel(reader, query, signal)) {
          this.#hits = [...before, ...hits.map(({ line, text }) => ({ channel, line, text }))];
          this.#done = (searched + done) / this.readers.size;
          this.#isCut ||= isCut;
          if (this.#at < 0 && this.#hits.length > 0) this.#at = 0;
          this.#tell();
        }
        searched++;
      }
    } catch (error) {
      if (signal.aborted) return;
      this.#failure = messageOf(error);
    }
    if (signal.aborted) return;
    this.#done = 1;
    this.#tell();
  }

  #step(by: number): void {
    const count = this.#hits.length;
    if (count > 0) this.#goTo((this.#at + by + count) % count);
  }

  #goTo(index: number): void {
    this.#at = index;
    this.#tell();
  }

  #tell(): void {
    this.requestUpdate();
    const { text, isPattern } = this.#query;
    const result: SearchResult = {
      hits: this.#hits,
      current: this.#hits[this.#at],
      mark: isPattern || text === '' ? undefined : new RegExp(patternOf(this.#query), 'g'),
    };
    this.dispatchEvent(new CustomEvent('search-result', { detail: result }));
  }
}

customElements.define('headgate-search', SearchBar);
