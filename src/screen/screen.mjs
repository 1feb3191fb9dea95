import serialize from '@xterm/addon-serialize';
import headless from '@xterm/headless';
import { looksOf } from './looks.mjs';

/** Rows above the screen that are kept. */
export const SCROLLBACK_ROWS = 10_000;
/** Cells above the screen that a replay has at most: more would take seconds, and seconds of every reader. */
const REPLAY_CELLS = 200_000;
const PARSE_BYTES = 64 * 1024;
/** Characters of the rows in HTML. */
const HTML_CHARS = 4 * 1024 * 1024;
const HTML_ROW = /<div><span>(.*)<\/span><\/div><\/div><\/pre>/s;

/**
 * Size of a terminal, in cells.
 * @typedef {{ readonly cols: number, readonly rows: number }} ScreenSize
 */

/**
 * A piece of a row: what it shows, and the parameters of the control sequence SGR (ECMA-48) that gives it its looks; '' for plain text.
 * @typedef {{ readonly text: string, readonly sgr: string }} Piece
 */

/**
 * Where the cursor is, 0 for the first column and the first row of the screen.
 * @typedef {{ readonly col: number, readonly row: number }} Cursor
 */

/**
 * What a terminal of a given size shows after certain bytes (SPEC {#screen}). It sends nothing back: a terminal that is only
 * looked at must not talk to the command. Dispose of it.
 */
export class Screen {
  /** @type {headless.Terminal} */
  #terminal;
  #serialize = new serialize.SerializeAddon();
  /** The first row that was drawn; disposed of once there were more rows than are kept. */
  #first;

  /**
   * @param {ScreenSize} size
   * @param {number} [scrollback] rows above the screen that are kept
   * @param {boolean} [pipes] output of pipes: LF begins a line at its beginning
   */
  constructor({ cols, rows }, scrollback = SCROLLBACK_ROWS, pipes = false) {
    this.#terminal = new headless.Terminal({ cols, rows, scrollback, convertEol: pipes, allowProposedApi: true, logLevel: 'off' });
    this.#terminal.loadAddon(this.#serialize);
    this.#first = this.#terminal.registerMarker(0);
  }

  /**
   * Plays bytes on; resolves when they are drawn. Gives way to other work meanwhile.
   *
   * @param {Uint8Array} bytes
   * @returns {Promise<void>}
   */
  async write(bytes) {
    for (let at = 0; at < bytes.length; at += PARSE_BYTES) {
      await new Promise((resolve) => this.#terminal.write(bytes.subarray(at, at + PARSE_BYTES), () => resolve(undefined)));
    }
  }

  /**
   * Changes the size, as the terminal itself does: rows that are too long are wrapped again.
   *
   * @param {ScreenSize} size
   */
  resize({ cols, rows }) {
    this.#terminal.resize(cols, rows);
  }

  /** The rows above the screen and those of the screen, as text without trailing blanks; empty ones at the end are left out. @returns {string[]} */
  text() {
    const { active } = this.#terminal.buffer;
    const rows = Array.from({ length: active.length }, (_, row) => active.getLine(row)?.translateToString(true).trimEnd() ?? '');
    return rows.slice(0, rows.findLastIndex((row) => row !== '') + 1);
  }

  /**
   * One row of `text` in its looks.
   *
   * @param {number} row
   * @returns {Piece[]}
   */
  pieces(row) {
    const line = this.#terminal.buffer.active.getLine(row);
    /** @type {{ text: string, sgr: string }[]} */
    const pieces = [];
    const cell = this.#terminal.buffer.active.getNullCell();
    const end = line?.translateToString(true).trimEnd().length ? line.length : 0;
    for (let column = 0; column < end && line?.getCell(column, cell); column++) {
      // The second half of a wide character.
      if (cell.getWidth() === 0) continue;
      const sgr = looksOf(cell);
      const last = pieces.at(-1);
      const text = cell.getChars() || ' ';
      if (last?.sgr === sgr) last.text += text;
      else pieces.push({ text, sgr });
    }
    const last = pieces.at(-1);
    if (last?.sgr === '') last.text = last.text.trimEnd();
    return pieces;
  }

  /** The rows of the screen alone, all of them. @returns {string[]} */
  visible() {
    const { active } = this.#terminal.buffer;
    return Array.from(
      { length: this.#terminal.rows },
      (_, row) =>
        active
          .getLine(active.baseY + row)
          ?.translateToString(true)
          .trimEnd() ?? '',
    );
  }

  /** @returns {Cursor} */
  get cursor() {
    const { cursorX, cursorY } = this.#terminal.buffer.active;
    return { col: cursorX, row: cursorY };
  }

  /** Rows above the screen: where the screen begins in `text`. */
  get rowsAbove() {
    return this.#terminal.buffer.active.baseY;
  }

  /** True while a full-screen program has the terminal: its alternate screen, which has no rows above. */
  get isAlternate() {
    return this.#terminal.buffer.active.type === 'alternate';
  }

  /**
   * What draws the same on an empty terminal of this size, `scrollback` rows above the screen included: as many as 200,000 cells.
   *
   * @param {number} [scrollback]
   * @returns {string}
   */
  replay(scrollback = Math.floor(REPLAY_CELLS / this.#terminal.cols)) {
    // The library moves the cursor back from where the last row ended, one short when that was filled to its edge, and
    // origin mode and the alternate screen move it once more.
    return `${this.#serialize.serialize({ scrollback })}${this.#toCursor()}`;
  }

  /**
   * The rows above the screen and those of the screen as HTML, a `div` each, with their colours; empty ones at the end are
   * left out, and with `cut` the first ones too, where it would be too long or there were more rows than are kept.
   *
   * @returns {{ html: string, cut: boolean }}
   */
  html() {
    /** @type {string[]} */
    const rows = [];
    let chars = 0;
    let row = this.text().length - 1;
    for (; row >= 0 && chars < HTML_CHARS; row--) {
      // A row at a time: the library carries the colours of a row's end into the next one without saying so.
      const whole = this.#serialize.serializeAsHTML({ range: { startLine: row, endLine: row, startCol: 0 } });
      const html = `<div><span>${HTML_ROW.exec(whole)?.[1] ?? ''}</span></div>`.replace(
        /(<span>[^<]*[^< ]|<span>) +<\/span><\/div>$/,
        '$1</span></div>',
      );
      rows.push(html);
      chars += html.length;
    }
    return { html: rows.reverse().join('\n'), cut: row >= 0 || this.#first?.isDisposed === true };
  }

  dispose() {
    this.#terminal.dispose();
  }

  #toCursor() {
    const { col, row } = this.cursor;
    const { cols, buffer } = this.#terminal;
    if (col < cols) return `\x1b[${row + 1};${col + 1}H`;
    // Behind the edge, about to wrap: only a character in the last cell brings it there.
    const line = buffer.active.getLine(buffer.active.baseY + row);
    const isWide = line?.getCell(cols - 1)?.getWidth() === 0;
    const last = isWide ? cols - 2 : cols - 1;
    return `\x1b[${row + 1};${last + 1}H${line?.getCell(last)?.getChars() || ' '}`;
  }
}
