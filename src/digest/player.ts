import { isUtf8 } from 'node:buffer';
import { type ByteScan, SCAN_MAX_BYTES, scanBytes } from '../core/bytes.ts';
import { colourEnd } from '../core/coloured.ts';
import { incompleteTail } from '../core/utf8.ts';
import type { Place } from './live-row.ts';
import { LogScreen } from './log-screen.ts';
import { SequenceReader } from './sequence.ts';
import type { TailLimits } from './tail-rows.ts';
import { type ByteSource, plainRows, type TerminalSize } from './types.ts';

const LF = 10;
const CR = 13;
const ESC = 0x1b;
const NOTHING = Buffer.alloc(0);

/**
 * Plays the output of one channel, piece by piece. What it knows after a number of bytes is the same however they were
 * cut into pieces (SPEC {#digest_incremental}). Whole lines of plain text are not decoded: only those that may hold a word of an error are.
 */
export class Player {
  readonly screen: LogScreen;
  readonly #options: ConstructorParameters<typeof Player>[0];
  readonly #place: Place;
  readonly #sequence: SequenceReader;
  /** The beginning of a character whose rest has not come. */
  #carry: Buffer;
  /** Of the piece that is played: as far as there are no more parts to be played at once. */
  #noPartsBefore = 0;

  /** At the beginning of the channel, or of the line that begins at `start`. */
  constructor(options: { source: ByteSource; size?: TerminalSize | undefined; start?: Place; keep?: TailLimits }, from?: Player) {
    this.#options = options;
    this.#place = { ...(from ? from.#place : (options.start ?? { at: 0, lines: 0 })) };
    this.#sequence = new SequenceReader(from ? from.#sequence : undefined);
    this.#carry = from ? from.#carry : NOTHING;
    this.screen = from ? from.screen.copy(this.#place) : new LogScreen(options, this.#place);
  }

  /** As it is now; what is played further on one leaves the other alone. */
  copy(): Player {
    return new Player(this.#options, this);
  }

  /** Bytes that have been played; a character that is not complete counts. */
  get bytes(): number {
    return this.#place.at + this.#carry.length;
  }

  /** LF bytes among them. */
  get lines(): number {
    return this.#place.lines;
  }

  /** Plays the next bytes. They are not kept. */
  play(bytes: Buffer): void {
    for (let from = 0; from < bytes.length; from += SCAN_MAX_BYTES) this.#piece(bytes.subarray(from, from + SCAN_MAX_BYTES));
  }

  #piece(bytes: Buffer): void {
    this.#noPartsBefore = 0;
    this.#run(bytes, scanBytes(bytes), { from: 0, to: bytes.length, quick: true });
  }

  /** Plays [from, to) of the piece; byte for byte unless `quick`. */
  #run(bytes: Buffer, scan: ByteScan, { from, to, quick }: { from: number; to: number; quick: boolean }): void {
    let control = -1;
    for (let i = from; i < to; ) {
      if (this.#sequence.open) {
        i = this.#inSequence(bytes, i, to);
        continue;
      }
      if (control < i) control = scan.nextControl(i);
      if (quick && this.#carry.length === 0) {
        const next = this.#quickly(bytes, scan, i, control);
        if (next > i) {
          i = next;
          continue;
        }
      }
      const byte = bytes[i];
      if (byte === LF) {
        this.#endText();
        this.screen.newLine();
        i++;
      } else if (byte === ESC) {
        this.#endText();
        const end = colourEnd(bytes, i);
        if (end > i) this.screen.skip(end - i);
        else {
          this.#sequence.begin();
          this.screen.skip(1);
        }
        i = Math.max(end, i + 1);
      } else if (byte === CR || i === control) {
        this.#endText();
        this.screen.control(byte ?? 0);
        i++;
      } else i = this.#text(bytes, i, Math.min(control, to));
    }
  }

  /** Plays what comes to the same without being played byte for byte; returns where it ends, `from` when there is none. */
  #quickly(bytes: Buffer, scan: ByteScan, from: number, control: number): number {
    if (this.screen.atFreshRow) {
      const end = control > 0 ? bytes.lastIndexOf(LF, control - 1) + 1 : 0;
      if (end > from) {
        this.#plain(bytes, scan, from, end);
        return end;
      }
      if (from >= this.#noPartsBefore && bytes[control] === ESC) return this.#coloured(bytes, scan, from);
    }
    const written = from > 0 && bytes[from - 1] === CR && this.screen.atRowBegin && from >= this.#noPartsBefore;
    return written ? this.#writtenOver(bytes, scan, from) : from;
  }

  /** Whole lines of text and colours. */
  #coloured(bytes: Buffer, scan: ByteScan, from: number): number {
    const { count, ends, copyEnds, copy, stop, nextWord } = scan.parts(from, 'line');
    this.#noPartsBefore = stop;
    if (count === 0) return from;
    this.screen.settleAll();
    const { at, lines } = this.#place;
    const ordinal = this.screen.nextOrdinal;
    let line = 0;
    for (let i = nextWord(0); i < copy.length; ) {
      while ((copyEnds[line] ?? 0) <= i) line++;
      const start = ends[line - 1] ?? from;
      const place = { ordinal: ordinal + line, from: at + start - from, line: lines + 1 + line };
      const whole = bytes.subarray(start, ends[line]);
      this.screen.findings.lookAt(copy, copyEnds[line - 1] ?? 0, copyEnds[line] ?? 0, place.line, () => plainRows(whole, place)[0]);
      const next = copyEnds[line] ?? copy.length;
      i = next < copy.length ? nextWord(next) : next;
    }
    const end = ends[count - 1] ?? from;
    this.screen.addPlain(count, at + end - from);
    return end;
  }

  /** Texts that are written over one another: only those are played that the following ones do not cover. */
  #writtenOver(bytes: Buffer, scan: ByteScan, from: number): number {
    const parts = scan.parts(from, 'return');
    const { count, ends, copyEnds, units, erases, copy } = parts;
    this.#noPartsBefore = parts.stop;
    const end = ends[count - 1] ?? from;
    if (count < 2 || (parts.wide && !isUtf8(bytes.subarray(from, end)))) return from;
    let played = from;
    const stands: number[] = [];
    const play = () => {
      for (const index of stands) {
        const start = ends[index - 1] ?? from;
        const to = ends[index] ?? from;
        this.screen.skip(start - played);
        this.#run(bytes, scan, { from: start, to, quick: false });
        played = to;
      }
      stands.length = 0;
    };
    let word = parts.nextWord(0);
    for (let index = 0; index < count; index++) {
      const width = units[index] ?? 0;
      const copyEnd = copyEnds[index] ?? 0;
      if (word < copyEnd || width > this.screen.maxOver) {
        // One that may look like an error is looked at before it is written over.
        stands.push(index);
        play();
        if (!this.screen.atRowBegin) return played;
        if (word < copyEnd) word = copyEnd < copy.length ? parts.nextWord(copyEnd) : copyEnd;
      } else if (erases[index] === 1) stands.splice(0, stands.length, index);
      else if (width > 0) {
        for (let top = stands.at(-1); top !== undefined && erases[top] === 0 && (units[top] ?? 0) <= width; top = stands.at(-1))
          stands.pop();
        stands.push(index);
      }
    }
    play();
    this.screen.skip(end - played);
    return end;
  }

  /** Whole lines without control characters: nothing but words of errors is looked for. */
  #plain(bytes: Buffer, scan: ByteScan, from: number, to: number): void {
    this.screen.settleAll();
    const { at, lines } = this.#place;
    const ordinal = this.screen.nextOrdinal;
    let counted = from;
    let before = 0;
    for (let i = scan.nextWord(from); i < to; ) {
      // A negative offset would count from the end.
      const start = i === from ? from : Math.max(from, bytes.lastIndexOf(LF, i - 1) + 1);
      const end = bytes.indexOf(LF, i) + 1;
      // A word is found within its line; what a line begins with may be the end of the last match.
      before += scan.lines(counted, start);
      counted = start;
      const place = { ordinal: ordinal + before, from: at + start - from, line: lines + 1 + before };
      this.screen.findings.lookAt(bytes, start, end, place.line, () => plainRows(bytes.subarray(start, end), place)[0]);
      i = end < to ? scan.nextWord(end) : to;
    }
    this.screen.addPlain(before + scan.lines(counted, to), at + to - from);
  }

  #text(bytes: Buffer, from: number, control: number): number {
    const lf = bytes.indexOf(LF, from);
    let to = Math.min(control, lf < 0 ? bytes.length : lf);
    if (to === lf && to > from && bytes[to - 1] === CR) to--;
    const piece = bytes.subarray(from, to);
    const whole = this.#carry.length === 0 ? piece : Buffer.concat([this.#carry, piece]);
    const keep = to === bytes.length ? incompleteTail(whole) : 0;
    this.#carry = keep === 0 ? NOTHING : Buffer.from(whole.subarray(whole.length - keep));
    if (whole.length > keep) this.screen.write(whole.toString('utf8', 0, whole.length - keep), whole.length - keep);
    return to;
  }

  /** A character that something else follows never becomes complete. */
  #endText(): void {
    if (this.#carry.length === 0) return;
    const { length } = this.#carry;
    this.#carry = NOTHING;
    this.screen.write('\ufffd', length);
  }

  #inSequence(bytes: Buffer, from: number, to: number): number {
    let i = from;
    while (i < to) {
      const taken = this.#sequence.take(bytes[i] ?? 0);
      if (taken === 'cancelled') {
        this.screen.skip(i - from);
        return i;
      }
      i++;
      if (taken) {
        this.screen.skip(i - from);
        this.screen.sequence(taken);
        return i;
      }
    }
    this.screen.skip(i - from);
    return i;
  }
}
