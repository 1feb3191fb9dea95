import { Screen, type ScreenSize } from '../../screen/screen.ts';
import { printable } from './printable.ts';

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
  #rows: readonly string[] | undefined;

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
    this.#rows = undefined;
  }

  /** Says how long the channel is when its beginning is left out. */
  startAt(offset: number): void {
    this.#bytes = offset;
  }

  /** Output of pipes is as wide as the pane; a terminal stays as it is. */
  resize(columns: number): void {
    if (this.#isTerminal) return;
    this.#screen.resize({ cols: Math.max(2, columns), rows: 2 });
    this.#rows = undefined;
  }

  /** The rows, the last one at the end. */
  get rows(): readonly string[] {
    this.#rows ??= this.#screen.text().map(printable);
    return this.#rows;
  }

  /** Where the cursor of a terminal is among `rows`. */
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
