/**
 * One line of output as runs of text with a look: colours and attributes of SGR (ECMA-48 8.3.117), what carriage returns,
 * backspaces and erasing have left of it, and characters that print nothing made visible. Everything else that a
 * terminal would act upon is left out.
 */

/** A colour: one of the 16 of the theme, or red, green and blue as a CSS colour. */
export type Colour = number | string;

/** How a run of text looks. */
export interface Look {
  readonly fg?: Colour;
  readonly bg?: Colour;
  readonly bold?: true;
  readonly dim?: true;
  readonly italic?: true;
  readonly underline?: true;
  readonly strike?: true;
  readonly inverse?: true;
  /** The text stands for something that cannot be shown: a control character, or a byte that is no UTF-8. */
  readonly escaped?: true;
}

/** Text of one look. */
export interface Run {
  readonly text: string;
  readonly look: Look;
}

const CR = 13;
const PLAIN: Look = {};
const ESCAPED: Look = { escaped: true };

/** What `decodeLine` makes of a byte that is no UTF-8: a lone surrogate, as in Python's `surrogateescape`. */
const ESCAPED_BYTE = 0xdc00;
const fatal = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The text of some bytes; each byte that is no UTF-8 becomes a lone surrogate that `styledText` shows as `\xNN`. */
export function decodeLine(bytes: Uint8Array): string {
  try {
    return fatal.decode(bytes);
  } catch {
    return decodeBroken(bytes);
  }
}

function decodeBroken(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; ) {
    const length = characterLength(bytes, at);
    if (length === 0) text += String.fromCharCode(ESCAPED_BYTE + (bytes[at++] ?? 0));
    else {
      text += fatal.decode(bytes.subarray(at, at + length));
      at += length;
    }
  }
  return text;
}

/** Bytes of the character that begins at `at` (RFC 3629); 0 where none does. */
function characterLength(bytes: Uint8Array, at: number): number {
  const lead = bytes[at] ?? 0;
  if (lead < 0x80) return 1;
  const length = lead >= 0xc2 && lead <= 0xdf ? 2 : lead >= 0xe0 && lead <= 0xef ? 3 : lead >= 0xf0 && lead <= 0xf4 ? 4 : 0;
  if (length === 0 || at + length > bytes.length) return 0;
  try {
    fatal.decode(bytes.subarray(at, at + length));
    return length;
  } catch {
    return 0;
  }
}

/** ESC and CSI sequences, control strings, and whatever else does not print; bidirectional controls could show a text in another order than it has. */
const SPECIAL =
  /\u001b(?:\[([0-?]*)[ -/]*([@-~])|[\]PX^_][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[ -/]*[0-~]?)|[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]/gu;

/** Bytes of a line, without its LF, as it is to be shown. */
export function styledLine(bytes: Uint8Array): Run[] {
  return styledText(decodeLine(bytes.at(-1) === CR ? bytes.subarray(0, -1) : bytes));
}

/** A line, without its LF, as it is to be shown. */
export function styledText(line: string): Run[] {
  if (line.search(SPECIAL) < 0) return line === '' ? [] : [{ text: line, look: PLAIN }];
  const cells = new Cells();
  let look = PLAIN;
  let at = 0;
  for (const match of line.matchAll(SPECIAL)) {
    cells.write(line.slice(at, match.index), look);
    at = match.index + match[0].length;
    const [token, params = '', final] = match;
    if (token === '\r') cells.moveTo(0);
    else if (token === '\b') cells.moveBy(-1);
    else if (!token.startsWith('\u001b')) cells.write(named(token), ESCAPED);
    else if (final === 'm') look = withSgr(look, params);
    else if (final === 'K') cells.erase(params);
    else if (final === 'G') cells.moveTo(Math.max(1, Number(params) || 1) - 1);
    else if (final === 'C' || final === 'D') cells.moveBy((final === 'C' ? 1 : -1) * Math.max(1, Number(params) || 1));
  }
  cells.write(line.slice(at), look);
  return cells.runs();
}

/** The text of a line as it is shown, without its look. */
export function plainLine(line: string): string {
  return textOf(styledText(line));
}

/** The same of its bytes. */
export function shownLine(bytes: Uint8Array): string {
  return textOf(styledLine(bytes));
}

function textOf(runs: readonly Run[]): string {
  return runs.map(({ text }) => text).join('');
}

/** How a character that prints nothing is shown: `\xNN` for a control character of ASCII or a byte, `\u{NNNN}` for the others. */
function named(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  const byte = code >= ESCAPED_BYTE + 0x80 && code <= ESCAPED_BYTE + 0xff ? code - ESCAPED_BYTE : code;
  if (byte < 0x80 || byte !== code) return `\\x${byte.toString(16).padStart(2, '0')}`;
  return `\\u{${code.toString(16)}}`;
}

/** Characters further right than this are not moved to: a line of output is no canvas. */
const MAX_COLUMN = 4096;

/** A line that is written over. Runs while nothing was, single characters from then on. */
class Cells {
  #runs: Run[] = [];
  #cells: Run[] | undefined;
  #column = 0;

  write(text: string, look: Look): void {
    if (text === '') return;
    if (!this.#cells) {
      this.#runs.push({ text, look });
      return;
    }
    for (const character of text) {
      while (this.#cells.length < this.#column) this.#cells.push({ text: ' ', look: PLAIN });
      this.#cells[this.#column++] = { text: character, look };
    }
  }

  moveTo(column: number): void {
    this.#split();
    this.#column = Math.min(MAX_COLUMN, Math.max(0, column));
  }

  moveBy(columns: number): void {
    this.#split();
    this.moveTo(this.#column + columns);
  }

  erase(how: string): void {
    const cells = this.#split();
    if (how === '' || how === '0') cells.length = Math.min(cells.length, this.#column);
    else if (how === '2') cells.length = 0;
    else if (how === '1') for (let i = 0; i <= this.#column && i < cells.length; i++) cells[i] = { text: ' ', look: PLAIN };
  }

  runs(): Run[] {
    if (!this.#cells) return this.#runs;
    const runs: { text: string; look: Look }[] = [];
    for (const { text, look } of this.#cells) {
      const last = runs.at(-1);
      if (last && last.look === look) last.text += text;
      else runs.push({ text, look });
    }
    return runs;
  }

  #split(): Run[] {
    if (!this.#cells) {
      this.#cells = this.#runs.flatMap(({ text, look }) => [...text].map((character) => ({ text: character, look })));
      this.#column = this.#cells.length;
    }
    return this.#cells;
  }
}

/** Colours of the text, of what is behind it, and of its underline, which is not shown. */
const COLOURS = { 38: 'fg', 48: 'bg', 58: undefined } as const;

/** The look after one SGR sequence: parameters between `;`, each with its sub-parameters between `:`. */
function withSgr(look: Look, params: string): Look {
  // Parameters that are private to a terminal are about something else, such as its keyboard.
  if (/^[<-?]/.test(params)) return look;
  const codes = params.split(';').map((code) => code.split(':').map((part) => Number(part) || 0));
  let next: Look = look;
  for (let i = 0; i < codes.length; i++) {
    const [code = 0, ...more] = codes[i] ?? [];
    if (code === 38 || code === 48 || code === 58) {
      const { colour, used } =
        more.length > 0 ? { colour: subColour(more), used: 0 } : extended(codes.slice(i + 1).map(([first = 0]) => first));
      const name = COLOURS[code];
      if (colour !== undefined && name) next = { ...next, [name]: colour };
      i += used;
    } else if (code === 4 && more[0] === 0) next = withCode(next, 24);
    else if (code === 4 || more.length === 0) next = withCode(next, code);
  }
  return next;
}

const ON: Readonly<Record<number, Look>> = {
  1: { bold: true },
  2: { dim: true },
  3: { italic: true },
  4: { underline: true },
  7: { inverse: true },
  9: { strike: true },
};
const OFF: Readonly<Record<number, readonly (keyof Look)[]>> = {
  22: ['bold', 'dim'],
  23: ['italic'],
  24: ['underline'],
  27: ['inverse'],
  29: ['strike'],
  39: ['fg'],
  49: ['bg'],
};

function withCode(look: Look, code: number): Look {
  if (code === 0) return PLAIN;
  const on = ON[code];
  if (on) return { ...look, ...on };
  const off = OFF[code];
  if (off) return Object.fromEntries(Object.entries(look).filter(([key]) => !off.includes(key as keyof Look)));
  if (code >= 30 && code <= 37) return { ...look, fg: code - 30 };
  if (code >= 40 && code <= 47) return { ...look, bg: code - 40 };
  if (code >= 90 && code <= 97) return { ...look, fg: code - 82 };
  if (code >= 100 && code <= 107) return { ...look, bg: code - 92 };
  return look;
}

/** A colour of the 256, or of 16 million, as the parameters that follow 38 say; `used` is how many of them it took. */
function extended([kind, ...codes]: readonly number[]): { colour?: Colour; used: number } {
  if (kind === 5) return { colour: indexed(codes[0] ?? 0), used: 2 };
  return kind === 2 ? { colour: rgb(codes), used: 4 } : { used: 0 };
}

/** The same of sub-parameters, where a colour space may stand before red. */
function subColour([kind, ...codes]: readonly number[]): Colour | undefined {
  if (kind === 5) return indexed(codes[0] ?? 0);
  return kind === 2 ? rgb(codes.length > 3 ? codes.slice(1) : codes) : undefined;
}

function rgb(codes: readonly number[]): Colour {
  const [red = 0, green = 0, blue = 0] = codes.map((part) => Math.min(255, part));
  return `rgb(${red}, ${green}, ${blue})`;
}

/** xterm's 256 colours: the theme's 16, a cube of 6 x 6 x 6, and 24 greys. */
function indexed(index: number): Colour {
  if (index < 16) return index;
  if (index >= 232) {
    const grey = 8 + 10 * (Math.min(255, index) - 232);
    return `rgb(${grey}, ${grey}, ${grey})`;
  }
  const level = (step: number) => (step === 0 ? 0 : 55 + 40 * step);
  const cube = index - 16;
  return `rgb(${level(Math.floor(cube / 36))}, ${level(Math.floor(cube / 6) % 6)}, ${level(cube % 6)})`;
}
