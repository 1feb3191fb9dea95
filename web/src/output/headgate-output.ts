import { html, LitElement, nothing, type PropertyValues } from 'lit';
import { ifDefined } from 'lit/directives/if-defined.js';

import { messageOf } from '../../../src/core/errors.ts';
import type { Runtime } from '../../../src/rpc/client/index.ts';
import { copiedText } from './copied-text.ts';
import { channelFile, save } from './download.ts';
import './input-line.ts';
import { bytesWord } from '../ui/words.ts';
import { type Command, CommandWatch, stateOf } from './command-watch.ts';
import { kindOf } from './kind.ts';
import { outputColours } from './log-style.ts';
import { type Found, LogView } from './log-view.ts';
import { outputStyle } from './output-style.ts';
import { RuntimeReader } from './runtime-reader.ts';
import { SearchBar, type SearchResult } from './search-bar.ts';
import type { TerminalView } from './terminal-view.ts';
import { channelText } from './words.ts';

const HEAD_BYTES = 512;
const TICK_MS = 500;

/**
 * The output of one command, live and after its end: lines for pipes, a terminal for terminals, and input where the
 * command takes any (SPEC {#portal_output}). It reads nothing while it is out of sight.
 */
export class OutputView extends LitElement {
  static override styles = [outputColours, outputStyle];
  static override properties = {
    runtime: { attribute: false },
    run: {},
    path: {},
    fill: { type: Boolean, reflect: true },
  };

  declare runtime: Runtime | undefined;
  declare run: string;
  /** That of the log entry. */
  declare path: string;
  /** It takes the height that its place has. */
  declare fill: boolean;

  #watch: CommandWatch | undefined;
  #readers = new Map<number, RuntimeReader>();
  /** Channels that were chosen; undefined: those that have something. */
  #chosen: ReadonlySet<number> | undefined;
  #asTerminal: boolean | undefined;
  #wrap = false;
  #isSearching = false;
  #result: SearchResult | undefined;
  readonly #kinds = new Map<number, string | undefined>();
  #trouble = '';
  #note = '';
  #selected: { channel: number; first: number; last: number } | undefined;
  #isSeen = false;
  #download: AbortController | undefined;
  #tick: ReturnType<typeof setInterval> | undefined;
  readonly #sight = new IntersectionObserver(
    (entries) => {
      const isSeen = entries.at(-1)?.isIntersecting ?? false;
      if (isSeen === this.#isSeen) return;
      // A view that was scrolled away from the end keeps its place.
      if (!isSeen && [...this.#logs()].some(({ follows }) => !follows)) return;
      if (!isSeen) this.style.minHeight = `${this.offsetHeight}px`;
      this.#isSeen = isSeen;
      this.requestUpdate();
    },
    { rootMargin: '300px' },
  );

  constructor() {
    super();
    this.run = '';
    this.path = '';
    this.fill = false;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#sight.observe(this);
    this.#tick = setInterval(() => {
      if (this.#watch?.command?.state === 'running') this.requestUpdate();
    }, TICK_MS);
    if (this.hasUpdated) this.#begin();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#sight.disconnect();
    clearInterval(this.#tick);
    this.#watch?.close();
    this.#watch = undefined;
    this.#download?.abort();
    this.#isSeen = false;
  }

  protected override updated(changed: PropertyValues<this>): void {
    if (changed.has('runtime') || changed.has('run') || changed.has('path')) this.#begin();
    if (this.#isSeen && this.style.minHeight !== '' && this.#logs().length > 0) requestAnimationFrame(() => (this.style.minHeight = ''));
  }

  override render() {
    const command = this.#watch?.command;
    const isTerminal = this.#asTerminal ?? command?.tty ?? false;
    return html`<div class="whole" @keydown=${this.#onKey}>
      ${this.#bar(command, isTerminal)}
      ${
        this.#isSearching
          ? html`<headgate-search
              .readers=${this.#shownReaders()}
              @search-result=${(event: CustomEvent<SearchResult>) => this.#found(event.detail)}
              @search-line=${(event: CustomEvent<number>) => this.#logs()[0]?.goTo(event.detail)}
              @search-closed=${this.#closeSearch}
            ></headgate-search>`
          : nothing
      }
      <div class="panes">${this.#isSeen && command ? this.#followed(command).map((channel) => this.#pane(command, channel, isTerminal)) : nothing}</div>
      ${
        command && stateOf(command, Date.now()).isLive && command.stdin && !command.tty && this.runtime?.mayAct
          ? html`<headgate-input
              .runtime=${this.runtime}
              run=${this.run}
              path=${this.path}
              prompt=${ifDefined(this.#watch?.waiting?.prompt)}
              ?waiting=${this.#watch?.waiting !== undefined}
            ></headgate-input>`
          : nothing
      }
      ${this.#trouble === '' ? nothing : html`<div class="trouble" role="alert">${this.#trouble}</div>`}
    </div>`;
  }

  #bar(command: Command | undefined, isTerminal: boolean) {
    if (!command) return html`<div class="bar"><span class="state"><span class="dot"></span>not started</span></div>`;
    const state = stateOf(command, Date.now());
    const shown = new Set(this.#shown());
    const tabs = command.channels.length > 1 || !command.tty;
    return html`<div class="bar">
      ${
        tabs
          ? command.channels.map(
              ({ channel, bytes }) =>
                html`<button type="button" aria-pressed=${shown.has(channel)} @click=${() => this.#toggle(channel)}>
                  ${channelText(channel, command.tty)} <span class="size">${bytesWord(this.#bytesOf(channel, bytes))}</span>
                </button>`,
            )
          : nothing
      }
      <span class="state ${state.kind}" role=${state.isLive ? nothing : 'status'}><span class="dot"></span><span class="how">${state.text}</span></span>
      ${this.#watch?.waiting ? html`<span class="badge">waits for input</span>` : nothing}
      <span class="grow"></span>
      <span class="size" role="status">${this.#note}</span>
      ${
        isTerminal
          ? state.isLive && command.tty
            ? html`<button type="button" title="The terminal of the command gets the size of this window, for everybody" @click=${this.#resize}>Fit size</button>`
            : nothing
          : html`<button type="button" aria-pressed=${this.#isSearching} title="/" @click=${this.#search}>Find</button>
              <button type="button" aria-pressed=${this.#wrap} @click=${this.#toggleWrap}>Wrap</button>`
      }
      <button type="button" aria-pressed=${isTerminal} title="Show it as a terminal does, or line by line" @click=${() => this.#setTerminal(!isTerminal)}>
        Terminal
      </button>
      <button type="button" @click=${this.#copy}>
        ${this.#selected ? `Copy ${this.#selected.first === this.#selected.last ? 'line' : 'lines'}` : 'Copy'}
      </button>
      <button type="button" @click=${this.#save}>${this.#download ? 'Stop' : 'Download'}</button>
    </div>`;
  }

  get #terminal(): TerminalView | null {
    return this.renderRoot.querySelector<TerminalView>('headgate-terminal');
  }

  #pane(command: Command, channel: number, isTerminal: boolean) {
    const name = channelText(channel, command.tty);
    const label = `${name} of ${command.command}`;
    const kind = this.#kinds.get(channel);
    const several = this.#shown().length > 1;
    const body = () => {
      if (isTerminal) {
        // A terminal weighs more than the rest of the page: it comes when one is shown.
        import('./terminal-view.ts').catch((error: unknown) => (this.#trouble = messageOf(error)));
        return html`<headgate-terminal
          .runtime=${this.runtime}
          run=${this.run}
          path=${this.path}
          channel=${channel}
          label=${`${label}${command.tty ? '. Keys go to the command; Ctrl+] and then d leave it' : ''}`}
          started
          ?lines=${!command.tty}
          ?fill=${this.fill}
          ?interactive=${command.tty && command.stdin && stateOf(command, 0).isLive}
          @output-failed=${(event: CustomEvent<string>) => this.#fail(event.detail)}
          @leave-terminal=${() => this.renderRoot.querySelector<HTMLElement>('button[aria-pressed=true]')?.focus()}
        ></headgate-terminal>`;
      }
      if (kind !== undefined) {
        return html`<div class="about">
          ${kind === 'binary' ? 'This is no text' : `This is ${kind}`}, ${bytesWord(this.#bytesOf(channel, command.channels.find((one) => one.channel === channel)?.bytes ?? 0))}.
          <button type="button" @click=${() => this.#showBinary(channel)}>Show it all the same</button>
        </div>`;
      }
      const found = this.#result;
      return html`<headgate-log
        .reader=${this.#readerOf(channel)}
        .found=${found ? this.#foundIn(found, channel) : undefined}
        current=${found?.current?.channel === channel ? found.current.line : 0}
        label=${label}
        started
        data-channel=${channel}
        ?wrap=${this.#wrap}
        ?fill=${this.fill}
        @output-changed=${() => this.#outputChanged(channel)}
        @lines-selected=${(event: CustomEvent<{ first: number; last: number } | null>) => {
          this.#selected = event.detail ? { channel, ...event.detail } : undefined;
          this.requestUpdate();
        }}
      ></headgate-log>`;
    };
    return html`<div class="pane" ?hidden=${!this.#shown().includes(channel)}>${several ? html`<span class="name ${channel === 2 ? 'err' : ''}">${name}</span>` : nothing}${body()}</div>`;
  }

  #begin(): void {
    this.#watch?.close();
    this.#watch = undefined;
    this.#readers = new Map();
    this.#kinds.clear();
    this.#chosen = undefined;
    this.#asTerminal = undefined;
    this.#result = undefined;
    this.#trouble = '';
    if (!this.runtime || this.path === '' || !this.isConnected) return;
    this.#watch = new CommandWatch(this.runtime, this.run, this.path, () => {
      for (const { channel, bytes } of this.#watch?.command?.channels ?? []) if (bytes > 0) this.#learnKind(channel);
      this.requestUpdate();
    });
    this.requestUpdate();
  }

  #logs(): LogView[] {
    return [...this.renderRoot.querySelectorAll('headgate-log')].filter((one) => one instanceof LogView);
  }

  #readerOf(channel: number): RuntimeReader | undefined {
    if (!this.runtime) return undefined;
    const known = this.#readers.get(channel);
    if (known) return known;
    const reader = new RuntimeReader(this.runtime, { run: this.run, path: this.path, channel });
    this.#readers.set(channel, reader);
    return reader;
  }

  #shownReaders(): ReadonlyMap<number, RuntimeReader> {
    return new Map(
      this.#shown()
        .flatMap((channel) => [[channel, this.#readerOf(channel)] as const])
        .filter((one): one is [number, RuntimeReader] => one[1] !== undefined),
    );
  }

  /** Channels that are to be seen: those that were chosen, else those that have something, else the first. */
  #shown(): number[] {
    const channels = this.#watch?.command?.channels ?? [];
    const seen = channels.filter(({ channel, bytes }) => this.#chosen?.has(channel) ?? this.#bytesOf(channel, bytes) > 0);
    return (seen.length > 0 ? seen : channels.slice(0, 1)).map(({ channel }) => channel);
  }

  /** Channels that are followed: those that are seen, and while the command runs those that may still bring something. */
  #followed({ channels, state }: Command): number[] {
    const seen = this.#shown();
    if (this.#chosen || state !== 'running') return seen;
    return channels.map(({ channel }) => channel).filter((channel) => seen.includes(channel) || channel <= 2);
  }

  #bytesOf(channel: number, known: number): number {
    const log = this.#logs().find(({ dataset }) => dataset['channel'] === String(channel));
    return Math.max(known, log?.lines?.bytes ?? 0);
  }

  #toggle(channel: number): void {
    const next = new Set(this.#shown());
    if (!next.delete(channel)) next.add(channel);
    if (next.size > 0) this.#chosen = next;
    this.requestUpdate();
  }

  #outputChanged(channel: number): void {
    if (!this.#kinds.has(channel) && this.#bytesOf(channel, 0) > 0) this.#learnKind(channel);
    this.requestUpdate();
  }

  /** Looks whether a channel holds text, once. */
  #learnKind(channel: number): void {
    if (this.#kinds.has(channel) || this.#watch?.command?.tty) return;
    this.#kinds.set(channel, undefined);
    this.#readerOf(channel)
      ?.read({ from: 0, maxBytes: HEAD_BYTES })
      .then(({ data }) => {
        const kind = kindOf(data);
        if (kind === undefined) return;
        this.#kinds.set(channel, kind);
        this.requestUpdate();
      })
      .catch(() => this.#kinds.delete(channel));
  }

  #showBinary(channel: number): void {
    this.#kinds.set(channel, undefined);
    this.requestUpdate();
  }

  #foundIn({ hits, mark }: SearchResult, channel: number): Found {
    return { lines: new Set(hits.filter((hit) => hit.channel === channel).map(({ line }) => line)), mark };
  }

  #found(result: SearchResult): void {
    const before = this.#result?.current;
    this.#result = result;
    this.requestUpdate();
    const { current } = result;
    if (!current || (before?.line === current.line && before.channel === current.channel)) return;
    this.#logs()
      .find(({ dataset }) => dataset['channel'] === String(current.channel))
      ?.goTo(current.line);
  }

  #search = () => {
    if (this.#isSearching) return this.#closeSearch();
    this.#isSearching = true;
    this.requestUpdate();
    void this.updateComplete.then(() => {
      const bar = this.renderRoot.querySelector('headgate-search');
      if (bar instanceof SearchBar) void bar.updateComplete.then(() => bar.focus());
    });
  };

  #closeSearch = () => {
    this.#isSearching = false;
    this.#result = undefined;
    this.requestUpdate();
    this.#logs()[0]?.renderRoot.querySelector<HTMLElement>('.view')?.focus();
  };

  #toggleWrap = () => {
    this.#wrap = !this.#wrap;
    this.requestUpdate();
  };

  #setTerminal(isTerminal: boolean): void {
    this.#asTerminal = isTerminal;
    this.#isSearching = false;
    this.requestUpdate();
  }

  #onKey = (event: KeyboardEvent) => {
    const { target } = event;
    const isTyping = event.composedPath().some((one) => one instanceof HTMLInputElement || one instanceof HTMLTextAreaElement);
    if (event.key !== '/' || isTyping || event.ctrlKey || event.metaKey || event.altKey || !(target instanceof Element)) return;
    if (this.#logs().length === 0) return;
    event.preventDefault();
    event.stopPropagation();
    if (!this.#isSearching) this.#search();
  };

  #resize = async () => {
    const terminal = this.#terminal;
    const size = terminal?.fittingSize;
    if (!terminal || !size || !this.runtime) return;
    try {
      await this.runtime.call('stream/resize', { run: this.run, path: this.path, ...size });
      terminal.resizeTo(size);
      this.#say(`${size.cols} x ${size.rows}`);
    } catch (error) {
      this.#fail(messageOf(error));
    }
  };

  #copy = async () => {
    try {
      await navigator.clipboard.writeText(await this.#copied());
      this.#say('copied');
    } catch (error) {
      this.#fail(`nothing was copied: ${messageOf(error)}`);
    }
  };

  /** The selected lines, else all of the first channel that is shown. Throws when that is too much. */
  async #copied(): Promise<string> {
    if (this.#terminal) return this.#terminal.text;
    const reader = this.#readerOf(this.#selected?.channel ?? this.#shown()[0] ?? 1);
    if (!reader) throw new Error('there is no output');
    return copiedText(reader, this.#selected);
  }

  #save = async () => {
    if (this.#download) return this.#download.abort();
    const download = new AbortController();
    this.#download = download;
    try {
      for (const channel of this.#shown()) {
        const reader = this.#readerOf(channel);
        if (!reader) continue;
        const file = await channelFile(reader, download.signal, (done) => this.#say(`${Math.floor(done * 100)} %`));
        save(file, `${this.path.split('/').at(-1)}_${channel}.log`);
      }
      this.#say('');
    } catch (error) {
      if (!download.signal.aborted) this.#fail(messageOf(error));
    } finally {
      this.#download = undefined;
      this.requestUpdate();
    }
  };

  #say(note: string): void {
    this.#note = note;
    this.#trouble = '';
    this.requestUpdate();
  }

  #fail(trouble: string): void {
    this.#note = '';
    this.#trouble = trouble;
    this.requestUpdate();
  }
}

customElements.define('headgate-output', OutputView);
