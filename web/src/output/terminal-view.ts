import { type ITheme, Terminal } from '@xterm/xterm';
import xtermStyle from '@xterm/xterm/css/xterm.css?inline';
import { css, html, LitElement, nothing, type PropertyValues, unsafeCSS } from 'lit';
import { messageOf } from '../../../src/core/errors.ts';
import { chunkBytes } from '../../../src/rpc/client/bytes.ts';
import { RpcError, type Runtime } from '../../../src/rpc/client/index.ts';
import { InputQueue } from './input-queue.ts';
import { outputColours } from './log-style.ts';
import { DARK, LEGIBLE, LIGHT } from './palette.ts';

const SCROLLBACK_ROWS = 5000;
/** Width of the terminal's own scroll bar. */
const SCROLL_BAR_PX = 14;
const NAMES = ['black', 'red', 'green', 'yellow', 'blue', 'magenta', 'cyan', 'white'] as const;
const LEAVE = '\u001d';

/**
 * A terminal: the picture of what was written so far, then every byte from there on (SPEC {#portal_output_terminal}). It
 * answers no question of the command: several pages may look at once, and a page that looks does not type.
 *
 * @fires output-failed - `detail` is what went wrong, in words
 * @fires leave-terminal - the keys Ctrl-] and d were typed
 */
export class TerminalView extends LitElement {
  static override styles = [
    unsafeCSS(xtermStyle),
    outputColours,
    css`
      :host {
        display: block;
        background: var(--ground);
        padding: 6px 8px;
        overflow: auto;
        max-height: var(--output-height, 26rem);
      }
      :host([fill]) {
        max-height: none;
        height: 100%;
        box-sizing: border-box;
      }
      .place {
        width: max-content;
      }
      .place:focus-within {
        outline: 2px solid var(--accent);
        outline-offset: 3px;
      }
      .failure {
        color: var(--bad);
        font: 12px/18px system-ui, sans-serif;
      }
    `,
  ];
  static override properties = {
    runtime: { attribute: false },
    run: {},
    path: {},
    channel: { type: Number },
    label: {},
    interactive: { type: Boolean },
    started: { type: Boolean },
    lines: { type: Boolean },
    fill: { type: Boolean, reflect: true },
  };

  declare runtime: Runtime | undefined;
  declare run: string;
  declare path: string;
  declare channel: number;
  declare label: string;
  /** What is typed goes to the command. */
  declare interactive: boolean;
  declare started: boolean;
  /** Output of a pipe: LF begins a line at its beginning. */
  declare lines: boolean;
  declare fill: boolean;

  #terminal: Terminal | undefined;
  #stop = new AbortController();
  #input: InputQueue | undefined;
  #left = false;
  #failure = '';

  constructor() {
    super();
    this.run = '';
    this.path = '';
    this.channel = 1;
    this.label = 'terminal';
    this.interactive = false;
    this.started = true;
    this.lines = false;
    this.fill = false;
  }

  /** The size that would fill the element; undefined while it is not shown. */
  get fittingSize(): { cols: number; rows: number } | undefined {
    const terminal = this.#terminal;
    const cells = this.renderRoot.querySelector('.xterm-screen')?.getBoundingClientRect();
    if (!terminal || !cells || cells.width === 0 || cells.height === 0) return undefined;
    const { maxHeight, paddingLeft, paddingTop } = getComputedStyle(this);
    const width = this.clientWidth - 2 * Number.parseFloat(paddingLeft) - SCROLL_BAR_PX;
    const height = (this.fill ? this.clientHeight : Number.parseFloat(maxHeight)) - 2 * Number.parseFloat(paddingTop);
    const fitting = (px: number, cellPx: number) => Math.min(1000, Math.max(2, Math.floor(px / cellPx)));
    return { cols: fitting(width, cells.width / terminal.cols), rows: fitting(height, cells.height / terminal.rows) };
  }

  /** Draws in another size; the command has to be told of it by `stream/resize`. */
  resizeTo({ cols, rows }: { cols: number; rows: number }): void {
    this.#terminal?.resize(cols, rows);
  }

  /** Text of the rows above the screen and of the screen. */
  get text(): string {
    const buffer = this.#terminal?.buffer.active;
    if (!buffer) return '';
    const rows = Array.from({ length: buffer.length }, (_, row) => buffer.getLine(row)?.translateToString(true) ?? '');
    return rows.slice(0, rows.findLastIndex((row) => row !== '') + 1).join('\n');
  }

  override focus(): void {
    this.#terminal?.focus();
  }

  override render() {
    return html`<div class="place" role="group" aria-label=${this.label} @keydown=${(event: Event) => event.stopPropagation()}></div>
      ${this.#failure === '' ? nothing : html`<div class="failure" role="alert">${this.#failure}</div>`}`;
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#stop.abort();
    this.#terminal?.dispose();
    this.#terminal = undefined;
  }

  protected override updated(changed: PropertyValues<this>): void {
    if (!this.runtime || !this.isConnected) return;
    if (!this.#terminal || ['runtime', 'run', 'path', 'channel', 'started'].some((name) => (changed as Map<string, unknown>).has(name)))
      this.#begin(this.runtime);
    if (this.#terminal) {
      this.#terminal.options.disableStdin = !this.interactive;
      this.#terminal.options.cursorInactiveStyle = this.interactive ? 'outline' : 'none';
    }
  }

  #begin(runtime: Runtime): void {
    const place = this.renderRoot.querySelector<HTMLElement>('.place');
    if (!place) return;
    this.#stop.abort();
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    this.#terminal?.dispose();
    const scheme = matchMedia('(prefers-color-scheme: dark)');
    const terminal = new Terminal({
      scrollback: SCROLLBACK_ROWS,
      fontSize: 13,
      fontFamily: getComputedStyle(this).getPropertyValue('--mono'),
      theme: themeOf(this, scheme.matches),
      convertEol: this.lines,
      minimumContrastRatio: LEGIBLE,
      linkHandler: { activate: () => {} },
      logLevel: 'off',
    });
    scheme.addEventListener('change', () => (terminal.options.theme = themeOf(this, scheme.matches)), { signal });
    this.#terminal = terminal;
    silence(terminal);
    terminal.open(place);
    this.#input = new InputQueue(runtime, this.run, this.path, (why) => this.#tell(why));
    terminal.onData((data) => this.#type(data));
    // What is not text is the mouse beyond column 95, in a coding that hardly anything asks for.
    terminal.onBinary((data) => /^[\0-\x7f]*$/.test(data) && this.#type(data));
    this.#draw(runtime, terminal, signal).catch((error: unknown) => {
      if (signal.aborted) return;
      this.#failure = messageOf(error);
      this.requestUpdate();
    });
  }

  async #draw(runtime: Runtime, terminal: Terminal, signal: AbortSignal): Promise<void> {
    const { run, path, channel } = this;
    let from = 0;
    if (this.started) {
      const read = { run, path, channel, format: 'screen', lines: { last: 1 }, replay: true } as const;
      try {
        const { to, screen } = await runtime.look('stream/read', read, { signal });
        if (screen) {
          terminal.resize(screen.cols, screen.rows);
          await written(terminal, chunkBytes(screen.replay ?? '', 'base64'));
        }
        from = to;
      } catch (error) {
        // Nothing to draw yet: it comes with the acceptance.
        if (!(error instanceof RpcError) || error.kind !== 'stream_not_open') throw error;
      }
    }
    for await (const { bytes } of runtime.follow(run, path, { channel, from, signal })) {
      if (signal.aborted) return;
      await written(terminal, bytes);
    }
  }

  /** Keys go to the command; Ctrl-] and then d leave the terminal, for keyboard users. */
  #type(data: string): void {
    if (!this.interactive) return;
    const wasLeft = this.#left;
    this.#left = !wasLeft && data === LEAVE;
    if (this.#left) return;
    if (wasLeft && data === 'd') {
      this.#terminal?.blur();
      this.dispatchEvent(new CustomEvent('leave-terminal'));
      return;
    }
    this.#input?.type(wasLeft && data !== LEAVE ? LEAVE + data : data);
  }

  #tell(why: string): void {
    this.dispatchEvent(new CustomEvent('output-failed', { detail: why }));
  }
}

/** Resolves when the terminal has drawn it, so that no more is kept than a piece. */
function written(terminal: Terminal, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve) => terminal.write(bytes, resolve));
}

/** Removes the replies that a terminal sends by itself: what it is, where its cursor is, its modes, colours and size. */
function silence({ parser }: Terminal): void {
  const nothingToSay = () => true;
  for (const id of [
    { final: 'c' },
    { prefix: '>', final: 'c' },
    { prefix: '=', final: 'c' },
    { final: 'n' },
    { prefix: '?', final: 'n' },
    { intermediates: '$', final: 'p' },
    { prefix: '?', intermediates: '$', final: 'p' },
    { prefix: '>', final: 'q' },
    { prefix: '?', final: 'u' },
    { final: 't' },
  ]) {
    parser.registerCsiHandler(id, nothingToSay);
  }
  parser.registerDcsHandler({ intermediates: '$', final: 'q' }, nothingToSay);
  for (const colour of [4, 10, 11, 12]) parser.registerOscHandler(colour, (data) => data.includes('?'));
  parser.registerEscHandler({ final: 'Z' }, nothingToSay);
}

/** The colours that the element has, as a terminal takes them. */
function themeOf(element: Element, isDark: boolean): ITheme {
  const style = getComputedStyle(element);
  const [background, foreground, chosen] = ['--sunken', '--text', '--accent-soft'].map((name) => style.getPropertyValue(name).trim());
  const colours = isDark ? DARK : LIGHT;
  const theme: Record<string, string> = {
    background: background ?? '',
    foreground: foreground ?? '',
    cursor: foreground ?? '',
    cursorAccent: background ?? '',
    selectionBackground: chosen ?? '',
  };
  for (const [index, name] of NAMES.entries()) {
    theme[name] = colours[index] ?? '';
    theme[`bright${name[0]?.toUpperCase()}${name.slice(1)}`] = colours[index + 8] ?? '';
  }
  return theme;
}

customElements.define('headgate-terminal', TerminalView);
