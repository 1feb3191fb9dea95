import { Screen, type ScreenSize } from '../../screen/screen.mjs';
import { printable } from './printable.ts';
import { type Row, type Style, styled } from './rows.ts';

/** Rows above the screen that are kept of output that is no terminal's. */
const KEPT_ROWS = 500;
const LF = 0x0a;
const CR = 0x0d;

/** The end of a channel as a terminal shows it: progress bars and cursor movements are played, nothing of them reaches ours. */
export class ChannelTail {
  readonly channel: number;
  readonly #screen: Screen;
  readonly #isTerminal: boolean;
  #bytes = 0;
  #count: number | undefined;

  /** @param terminal - the size of the producer's own terminal; output of pipes takes the width of the pane */
  constructor(channel: number, columns: number, terminal: ScreenSize | undefined) {
    this.channel = channel;
    this.#isTerminal = terminal !== undefined;
    this.#screen = new Screen(terminal ?? { cols: Math.max(2, columns), rows: 2 }, KEPT_ROWS);
  }

  /** Bytes that the channel has up to here. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Takes the next bytes; `end` is the offset behind them. */
  async take(bytes: Uint8Array, end: number): Promise<void> {
    await this.#screen.write(this.#isTerminal ? bytes : withReturns(bytes));
    this.#bytes = end;
    this.#count = undefined;
  }

  /** Says how long the channel is when its beginning is left out. */
  startAt(offset: number): void {
    this.#bytes = offset;
  }

  /** Output of pipes is as wide as the pane; a terminal stays as it is. */
  resize(columns: number): void {
    if (this.#isTerminal) return;
    this.#screen.resize({ cols: Math.max(2, columns), rows: 2 });
    this.#count = undefined;
  }

  /** How many rows there are. */
  get count(): number {
    this.#count ??= this.#screen.text().length;
    return this.#count;
  }

  /** The last rows, at most `count` of them, in the colours of the command; `styles` are those of what has none. */
  last(count: number, ...styles: Style[]): Row[] {
    const all = this.count;
    const first = Math.max(0, all - Math.max(0, count));
    return Array.from({ length: all - first }, (_, index) =>
      this.#screen.pieces(first + index).map(({ text, sgr }) => styled(printable(text), sgr, ...styles)),
    );
  }

  /** Where the cursor of a terminal is among the rows. */
  get cursor(): { row: number; column: number } | undefined {
    if (!this.#isTerminal) return undefined;
    const { row, col } = this.#screen.cursor;
    return { row: this.#screen.rowsAbove + row, column: col };
  }

  dispose(): void {
    this.#screen.dispose();
  }
}

/** A pipe's line ends alone; a terminal would go on in the same column. */
function withReturns(bytes: Uint8Array): Uint8Array {
  const ends = bytes.reduce((count, byte) => count + (byte === LF ? 1 : 0), 0);
  if (ends === 0) return bytes;
  const made = new Uint8Array(bytes.length + ends);
  let at = 0;
  for (const byte of bytes) {
    if (byte === LF) made[at++] = CR;
    made[at++] = byte;
  }
  return made;
}
