import { parameter } from './sequence.ts';
import type { TerminalSize } from './types.ts';

/** The alternate screen of a full-screen program: a grid of the terminal's size, whose last state counts. */
export class Picture {
  readonly #size: TerminalSize;
  readonly #rows: string[];
  #row = 0;
  #col = 0;
  #saved = { row: 0, col: 0 };
  /** Bytes [from, ...) of the channel that drew it, and the raw line. */
  readonly from: number;
  readonly line: number;

  constructor(size: TerminalSize, at: { readonly from: number; readonly line: number }, copy?: Picture) {
    this.#size = size;
    this.from = at.from;
    this.line = at.line;
    this.#rows = copy ? [...copy.#rows] : [];
    if (!copy) return;
    this.#row = copy.#row;
    this.#col = copy.#col;
    this.#saved = { ...copy.#saved };
  }

  copy(): Picture {
    return new Picture(this.#size, this, this);
  }

  /** The rows, without blank ones at either end. */
  rows(): string[] {
    const rows = Array.from({ length: this.#size.rows }, (_, row) => (this.#rows[row] ?? '').trimEnd());
    const first = rows.findIndex((row) => row !== '');
    return first < 0 ? [] : rows.slice(first, rows.findLastIndex((row) => row !== '') + 1);
  }

  write(text: string): void {
    for (let rest = text; rest !== ''; ) {
      if (this.#col >= this.#size.cols) {
        this.#col = 0;
        this.newLine();
      }
      const part = rest.slice(0, this.#size.cols - this.#col);
      const old = (this.#rows[this.#row] ?? '').padEnd(this.#col);
      this.#rows[this.#row] = old.slice(0, this.#col) + part + old.slice(this.#col + part.length);
      this.#col += part.length;
      rest = rest.slice(part.length);
    }
  }

  /** One row down; at the bottom everything moves up. */
  newLine(): void {
    if (this.#row < this.#size.rows - 1) this.#row++;
    else {
      this.#rows.shift();
      this.#rows.length = Math.min(this.#rows.length, this.#size.rows);
    }
  }

  return(): void {
    this.#col = 0;
  }

  back(): void {
    this.#col = Math.max(0, Math.min(this.#col, this.#size.cols) - 1);
  }

  save(): void {
    this.#saved = { row: this.#row, col: this.#col };
  }

  restore(): void {
    this.#row = this.#saved.row;
    this.#col = this.#saved.col;
  }

  /** A CSI with this final character; what a picture does not need is ignored. */
  control(final: string, text: string): void {
    const count = Math.max(1, parameter(text, 0, 1));
    switch (final) {
      case 'H':
      case 'f':
        return this.#move(parameter(text, 0, 1) - 1, parameter(text, 1, 1) - 1);
      case 'A':
        return this.#move(this.#row - count, this.#col);
      case 'B':
      case 'e':
        return this.#move(this.#row + count, this.#col);
      case 'C':
      case 'a':
        return this.#move(this.#row, this.#col + count);
      case 'D':
        return this.#move(this.#row, this.#col - count);
      case 'E':
        return this.#move(this.#row + count, 0);
      case 'F':
        return this.#move(this.#row - count, 0);
      case 'G':
      case '`':
        return this.#move(this.#row, count - 1);
      case 'd':
        return this.#move(count - 1, this.#col);
      case 'J':
        return this.#eraseDisplay(parameter(text, 0, 0));
      case 'K':
        return this.#eraseLine(parameter(text, 0, 0));
      case 'L':
        this.#rows.length = Math.max(this.#rows.length, this.#row);
        this.#rows.splice(this.#row, 0, ...Array<string>(Math.min(count, this.#size.rows)).fill(''));
        this.#rows.length = Math.min(this.#rows.length, this.#size.rows);
        return;
      case 'M':
        this.#rows.splice(this.#row, count);
        return;
      case 'P':
        return this.#edit((row) => row.slice(0, this.#col) + row.slice(this.#col + count));
      case 'X':
        return this.#edit((row) => row.slice(0, this.#col) + ' '.repeat(Math.min(count, this.#size.cols)) + row.slice(this.#col + count));
      case '@':
        return this.#edit((row) =>
          (row.slice(0, this.#col) + ' '.repeat(Math.min(count, this.#size.cols)) + row.slice(this.#col)).slice(0, this.#size.cols),
        );
      default:
    }
  }

  #move(row: number, col: number): void {
    this.#row = Math.max(0, Math.min(this.#size.rows - 1, row));
    this.#col = Math.max(0, Math.min(this.#size.cols - 1, col));
  }

  #edit(change: (row: string) => string): void {
    this.#rows[this.#row] = change((this.#rows[this.#row] ?? '').padEnd(this.#col));
  }

  #eraseLine(how: number): void {
    if (how === 0) this.#edit((row) => row.slice(0, this.#col));
    else if (how === 1) this.#edit((row) => ' '.repeat(this.#col + 1) + row.slice(this.#col + 1));
    else this.#rows[this.#row] = '';
  }

  #eraseDisplay(how: number): void {
    if (how === 0) {
      this.#eraseLine(0);
      this.#rows.length = Math.min(this.#rows.length, this.#row + 1);
    } else if (how === 1) {
      this.#rows.fill('', 0, this.#row);
      this.#eraseLine(1);
    } else this.#rows.length = 0;
  }
}
