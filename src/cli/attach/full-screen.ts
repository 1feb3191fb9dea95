import { emitKeypressEvents, type Interface } from 'node:readline';
import type { Console } from '../console.ts';
import { terminalSize } from '../terminal-size.ts';
import { RawTerminal } from '../tty/raw-terminal.ts';
import type { Row, Style } from './rows.ts';

/** A key as `node:readline` tells it. */
export interface Key {
  readonly name?: string | undefined;
  readonly ctrl?: boolean;
  readonly meta?: boolean;
  /** What the terminal sent. */
  readonly sequence?: string;
}

/** A picture: its rows from the top, and where the cursor is, if it shows. */
export interface Picture {
  readonly rows: readonly Row[];
  readonly cursor?: { readonly row: number; readonly column: number } | undefined;
}

export interface FullScreenListener {
  key(key: Key): void;
  /** The picture is needed again: the size is another one, or another program had the terminal. */
  redraw(): void;
}

/** How long the system may take to stop this process after SIGTSTP, milliseconds. */
const UNSTOPPED_MS = 100;
/** How long Esc waits for the rest of a control sequence, which a terminal sends at once, milliseconds. */
const ESCAPE_MS = 30;
/** What signals that come together may take to be told, milliseconds. */
const SETTLE_MS = 20;
const ESC = '\u001b';
/** The other screen, no cursor, no wrapping (a character that is wider than thought must not push rows down), pastes marked as such. */
const ENTER = `${ESC}[?1049h${ESC}[?25l${ESC}[?7l${ESC}[?2004h`;
const LEAVE = `${ESC}[m${ESC}[?2004l${ESC}[?7h${ESC}[?25h${ESC}[?1049l`;
const SGR: Readonly<Record<Style, number>> = { bold: 1, dim: 2, inverse: 7, red: 31, green: 32, yellow: 33, cyan: 36 };

/**
 * A terminal whose other screen is ours: draws pictures, of which only rows that changed are written, and gives the terminal back
 * whatever ends the process, kill -9 apart (SPEC {#attach_terminal}).
 */
export class FullScreen {
  readonly #console: Console;
  readonly #listener: FullScreenListener;
  readonly #raw: RawTerminal;
  readonly #colored: boolean;
  #drawn: string[] = [];
  #writing = false;
  #next: Picture | undefined;
  #inside = false;
  /** Suspended: it is not taken again. */
  #stay = () => {};
  readonly #onKey = (_text: string | undefined, key: Key) => this.#listener.key(key);
  readonly #onResize = () => this.redraw();
  readonly #onContinue = () => {
    // A stopped process gets no SIGWINCH.
    process.kill(process.pid, 'SIGWINCH');
    this.redraw();
  };
  readonly #restore = () => this.leave();

  constructor(console: Console, listener: FullScreenListener) {
    this.#console = console;
    this.#listener = listener;
    this.#raw = new RawTerminal(console.stdin());
    this.#colored = console.outColors.isColorSupported;
  }

  get size(): { cols: number; rows: number } {
    return terminalSize(this.#console);
  }

  /** Takes the terminal. */
  enter(): void {
    this.#stay();
    if (this.#inside) return;
    this.#inside = true;
    const input = this.#console.stdin();
    process.on('exit', this.#restore);
    process.on('uncaughtExceptionMonitor', this.#restore);
    process.on('SIGCONT', this.#onContinue);
    this.#console.out.stream.on('resize', this.#onResize);
    this.#raw.enter();
    // Nothing else of an interface is looked at.
    emitKeypressEvents(input, { escapeCodeTimeout: ESCAPE_MS } as unknown as Interface);
    input.on('keypress', this.#onKey);
    input.resume();
    void this.#console.out.write(ENTER);
    this.redraw();
  }

  /** Gives it back, for good where it was suspended; again: harmless. */
  leave(): void {
    this.#stay();
    if (!this.#inside) return;
    this.#inside = false;
    const input = this.#console.stdin();
    process.off('exit', this.#restore);
    process.off('uncaughtExceptionMonitor', this.#restore);
    process.off('SIGCONT', this.#onContinue);
    this.#console.out.stream.off('resize', this.#onResize);
    input.off('keypress', this.#onKey);
    input.pause();
    this.#next = undefined;
    void this.#console.out.write(LEAVE);
    this.#raw.restore();
  }

  /** Stops the process as Ctrl-Z does, with the terminal given back, and takes it again when it goes on. */
  suspend(): void {
    this.leave();
    // The system does not stop a process group that no shell could continue (POSIX, orphaned process group); then it goes on at once.
    let timer = setTimeout(() => goOn(), UNSTOPPED_MS);
    // A signal that ends us may have come with the one that continues us, and goes first: the terminal belongs to the shell then.
    const goOn = () => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        this.enter();
        this.#onContinue();
      }, SETTLE_MS);
    };
    process.on('SIGCONT', goOn);
    this.#stay = () => {
      process.off('SIGCONT', goOn);
      clearTimeout(timer);
    };
    // The whole job, as the terminal itself would do it.
    process.kill(0, 'SIGTSTP');
  }

  /** Draws a picture, soon: while one is being written only the newest of the next is kept. */
  draw(picture: Picture): void {
    this.#next = picture;
    if (!this.#writing) void this.#write();
  }

  async #write(): Promise<void> {
    this.#writing = true;
    try {
      for (let picture = this.#next; picture && this.#inside; picture = this.#next) {
        this.#next = undefined;
        await this.#console.out.write(this.#changes(picture));
      }
    } finally {
      this.#writing = false;
    }
  }

  /** Everything is drawn again, whatever is on the screen. */
  redraw(): void {
    this.#drawn = [];
    this.#listener.redraw();
  }

  #changes({ rows, cursor }: Picture): string {
    const { rows: height } = this.size;
    const whole = this.#drawn.length === 0 ? `${ESC}[m${ESC}[2J` : '';
    const now = Array.from({ length: height }, (_, index) => this.#paint(rows[index] ?? []));
    const changed = now.map((text, index) => (text === this.#drawn[index] ? '' : `${ESC}[${index + 1};1H${ESC}[K${text}`)).join('');
    this.#drawn = now;
    const at = cursor ? `${ESC}[${cursor.row + 1};${cursor.column + 1}H${ESC}[?25h` : '';
    return changed === '' && !cursor ? '' : `${whole}${ESC}[?25l${changed}${at}`;
  }

  #paint(row: Row): string {
    return row
      .map(({ text, styles = [], sgr, column }) => {
        const at = column === undefined ? '' : `${ESC}[${column + 1}G`;
        // Inverse is no colour.
        const own = styles.filter((style) => this.#colored || style === 'inverse').map((style) => SGR[style]);
        const codes = sgr !== undefined && this.#colored ? [...own, sgr] : own;
        return codes.length === 0 ? `${at}${text}` : `${at}${ESC}[${codes.join(';')}m${text}${ESC}[m`;
      })
      .join('');
  }
}
