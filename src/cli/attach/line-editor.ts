import { visibleLine } from '../text.ts';
import type { Key } from './full-screen.ts';
import { cutRow, type Row, rowWidth, span, widthOf } from './rows.ts';

/** What a key did to a line. */
export type Edited = 'edited' | 'done' | 'given up' | 'end of input';

/** A line that is typed, on one row. Line ends of what is pasted stay in it. */
export class LineEditor {
  readonly #label: string;
  #before = '';
  #after = '';
  /** Shown as one star a character. */
  isSecret: boolean;
  #isPasting = false;

  constructor(label: string, { text = '', isSecret = false } = {}) {
    this.#label = label;
    this.#before = text;
    this.isSecret = isSecret;
  }

  get text(): string {
    return this.#before + this.#after;
  }

  /** Takes a key in. */
  press(key: Key): Edited {
    if (key.name === 'paste-start' || key.name === 'paste-end') {
      this.#isPasting = key.name === 'paste-start';
      return 'edited';
    }
    if (this.#isPasting) {
      this.#insert((key.sequence ?? '').replaceAll('\r', '\n'));
      return 'edited';
    }
    if (key.ctrl) return this.#control(key.name);
    switch (key.name) {
      case 'return':
      case 'enter':
        return 'done';
      case 'escape':
        return 'given up';
      case 'backspace':
        this.#before = [...this.#before].slice(0, -1).join('');
        return 'edited';
      case 'delete':
        this.#after = [...this.#after].slice(1).join('');
        return 'edited';
      case 'left':
        this.#move([...this.#before].length - 1);
        return 'edited';
      case 'right':
        this.#move([...this.#before].length + 1);
        return 'edited';
      case 'home':
        this.#move(0);
        return 'edited';
      case 'end':
        this.#move(Infinity);
        return 'edited';
      default:
        if (!key.meta) this.#insert(key.sequence ?? '');
        return 'edited';
    }
  }

  /** The row of it, and the column of the cursor. */
  row(columns: number): { row: Row; column: number } {
    const shown = (text: string) => (this.isSecret ? '*'.repeat([...text].length) : visibleLine(text));
    const label = cutRow([span(this.#label, 'bold')], columns - 10);
    const width = rowWidth(label);
    const room = Math.max(1, columns - width - 1);
    // Of a long line the part around the cursor.
    let before = shown(this.#before);
    while (widthOf(before) > room - 1) before = before.slice(Math.max(1, Math.floor(before.length / 4)));
    const row = cutRow([...label, span(before), span(shown(this.#after))], columns);
    return { row, column: width + widthOf(before) };
  }

  #control(name: string | undefined): Edited {
    switch (name) {
      case 'c':
      case 'g':
        return 'given up';
      case 'd':
        return this.text === '' ? 'end of input' : 'edited';
      case 'u':
        this.#before = '';
        return 'edited';
      case 'w':
        this.#before = this.#before.replace(/\S*\s*$/, '');
        return 'edited';
      case 'k':
        this.#after = '';
        return 'edited';
      case 'a':
        this.#move(0);
        return 'edited';
      case 'e':
        this.#move(Infinity);
        return 'edited';
      case 'j':
        return 'done';
      case 'h':
        this.#before = [...this.#before].slice(0, -1).join('');
        return 'edited';
      default:
        return 'edited';
    }
  }

  #insert(text: string): void {
    // Keys that stand for no text come as control sequences.
    if (!text.startsWith('\u001b')) this.#before += text.replace(/[\u0000-\u0008\u000b-\u001f\u007f]/g, '');
  }

  #move(to: number): void {
    const all = [...this.text];
    const at = Math.max(0, Math.min(all.length, to));
    this.#before = all.slice(0, at).join('');
    this.#after = all.slice(at).join('');
  }
}
