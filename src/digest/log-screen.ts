import { Findings } from './findings.ts';
import { blank, type LiveRow, type Place, pictureRows, settled, unsettled } from './live-row.ts';
import { Picture } from './picture.ts';
import { parameter, type Sequence } from './sequence.ts';
import { type TailLimits, TailRows } from './tail-rows.ts';
import { type ByteSource, ownText, type Row, type Span, type TerminalSize } from './types.ts';

/** Rows that a cursor can go back to when the output has no terminal, and so no height. */
const REACH_ROWS = 200;
/** Characters of a row that can be written over; the others are counted. */
const LIVE_CHARS = 1024;
/** The size of a full-screen program's picture when the output has no terminal. */
const PICTURE_SIZE: TerminalSize = { cols: 80, rows: 24 };

interface ScreenOptions {
  readonly source: ByteSource;
  readonly size?: TerminalSize | undefined;
  /** How many of the last rows are kept. */
  readonly keep?: TailLimits;
}

/**
 * The screen on which output is played: as high as the output is long, as wide as its lines, or with the size of the
 * command's terminal (SPEC {#digest_screen}). Rows that cannot change any more are handed on to the tail and looked at for errors.
 */
export class LogScreen {
  readonly tail: TailRows;
  readonly findings: Findings;
  readonly #options: ScreenOptions;
  readonly #source: ByteSource;
  readonly #size: TerminalSize | undefined;
  readonly #place: Place;
  #live: LiveRow[];
  #row = 0;
  #col = 0;
  #saved = { ordinal: 0, col: 0 };
  /** Ordinal of the terminal's top row. */
  #top = 0;
  #picture: Picture | undefined;

  constructor(options: ScreenOptions, place: Place, from?: LogScreen) {
    this.#options = options;
    this.#source = options.source;
    this.#size = options.size;
    this.#place = place;
    this.tail = new TailRows(options.keep, from?.tail);
    this.findings = new Findings(from?.findings);
    this.#live = from ? from.#live.map((row) => ({ ...row })) : [blank(place)];
    if (!from) return;
    this.#row = from.#row;
    this.#col = from.#col;
    this.#saved = { ...from.#saved };
    this.#top = from.#top;
    this.#picture = from.#picture?.copy();
  }

  copy(place: Place): LogScreen {
    return new LogScreen(this.#options, place, this);
  }

  /** Lines of plain text can be put below as they are: the cursor is at the beginning of an empty last row. */
  get atFreshRow(): boolean {
    const row = this.#live[this.#row];
    // What a row quotes begins with what it begins with, colours as well.
    return !this.#picture && this.#col === 0 && this.#row === this.#live.length - 1 && row?.chars === 0 && row.from === this.#place.at;
  }

  /** What comes next is written over what stands in the row, from its beginning. */
  get atRowBegin(): boolean {
    return !this.#picture && this.#col === 0;
  }

  /** Characters that a text may have to stay within the row. */
  get maxOver(): number {
    return Math.min(LIVE_CHARS, this.#size?.cols ?? LIVE_CHARS);
  }

  /** The rows above the last one cannot change any more, unless the cursor goes back. */
  settleAll(): void {
    this.#settle(this.#live.length - 1);
  }

  /** Puts whole lines of plain text below; they have been looked at for errors. */
  addPlain(rows: number, to: number): void {
    const { at: from, lines } = this.#place;
    const span: Span = { ordinal: this.tail.count, rows, from, to, line: lines + 1 };
    this.tail.pushSpan(span);
    this.#place.at = to;
    this.#place.lines += rows;
    this.#live = [blank(this.#place)];
    this.#row = 0;
    this.#scroll();
  }

  /** Ordinal of the row that the next plain line becomes. */
  get nextOrdinal(): number {
    return this.tail.count + this.#live.length - 1;
  }

  /** Text without control characters, from the place on, `bytes` of the channel. */
  write(text: string, bytes: number): void {
    const { at, lines } = this.#place;
    this.#place.at += bytes;
    if (this.#picture) {
      this.#picture.write(text);
      return;
    }
    const row = this.#current();
    if (this.#col < row.text.length && this.#col !== row.writeEnd) this.#lose(row);
    if (row.chars === 0) {
      row.from = at;
      row.line = lines + 1;
    } else if (this.#col === 0) {
      row.passFrom = at;
      row.passLine = lines + 1;
    }
    if (this.#col === row.text.length && row.chars === this.#col && this.#col + text.length <= LIVE_CHARS) row.text += text;
    else if (this.#col < LIVE_CHARS) {
      const old = this.#col > row.text.length ? row.text.padEnd(this.#col) : row.text;
      const covered = old.slice(0, this.#col) + text + old.slice(this.#col + text.length);
      row.text = covered.length > LIVE_CHARS ? ownText(covered.slice(0, LIVE_CHARS)) : covered;
    }
    row.passEnd = this.#col === 0 ? text.length : Math.max(row.passEnd, this.#col + text.length);
    this.#col += text.length;
    row.writeEnd = this.#col;
    row.chars = Math.max(row.chars, this.#col);
    row.to = this.#place.at;
    row.looked = false;
    if (row.passFrom >= 0 && this.#col >= row.chars) this.#passed(row);
  }

  newLine(): void {
    this.#place.at++;
    this.#place.lines++;
    if (this.#picture) {
      this.#picture.return();
      this.#picture.newLine();
      return;
    }
    const row = this.#current();
    row.to = Math.max(row.to, this.#place.at);
    this.#down();
    this.#col = 0;
  }

  /** CR, BS and the like; every other control character shows nothing. */
  control(byte: number): void {
    this.#place.at++;
    const picture = this.#picture;
    if (byte === 13) {
      if (picture) picture.return();
      else this.#col = this.#rowStart();
    } else if (byte === 8) {
      if (picture) picture.back();
      else this.#col = Math.max(0, this.#col - 1);
    }
  }

  /** Bytes of a control sequence that show nothing by themselves. */
  skip(bytes: number): void {
    this.#place.at += bytes;
  }

  sequence({ kind, text, final }: Sequence): void {
    const picture = this.#picture;
    if (kind === '[' && (final === 'h' || final === 'l') && /^\?(?:47|1047|1049)\b/.test(text)) return this.#alternate(final === 'h');
    if (kind === '7' || (kind === '[' && final === 's')) return picture ? picture.save() : this.#save();
    if (kind === '8' || (kind === '[' && final === 'u')) return picture ? picture.restore() : this.#restore();
    if (picture) {
      if (kind === '[' && !/^[<-?]/.test(text)) picture.control(final, text);
      else if (kind === 'M') picture.control('A', '');
      return;
    }
    if (kind === '[' && !/^[<-?]/.test(text)) this.#control(final, text);
    else if (kind === 'M') this.#up(1);
    else if (kind === 'D' || kind === 'E') this.#down();
    else if (kind === 'c') this.#eraseDisplay(2);
  }

  /** The row in which the cursor is, when it has not been looked at for errors as it is. */
  unlooked(): Row | undefined {
    const row = this.#live[this.#row];
    return row && !row.looked && row.chars > 0 ? settled(row, this.tail.count + this.#row) : undefined;
  }

  /** The rows that can still change, as they are; without empty ones at the end. */
  openRows(): Row[] {
    const rows = this.#live.map((row, index) => settled(row, this.tail.count + index));
    if (this.#picture) for (const row of pictureRows(this.#picture, this.#place.at)) rows.push(settled(row, this.tail.count + rows.length));
    while (rows.at(-1)?.text === '') rows.pop();
    return rows;
  }

  #current(): LiveRow {
    let row = this.#live[this.#row];
    while (!row) {
      this.#live.push(blank(this.#place));
      row = this.#live[this.#row];
    }
    return row;
  }

  /** What is being written has covered everything that stood: the row quotes it alone. */
  #passed(row: LiveRow): void {
    if (row.passFrom >= 0) {
      row.from = row.passFrom;
      row.line = row.passLine;
    }
    row.passFrom = -1;
  }

  #control(final: string, text: string): void {
    const count = Math.max(1, parameter(text, 0, 1));
    switch (final) {
      case 'A':
        return this.#up(count);
      case 'F':
        this.#up(count);
        this.#col = 0;
        return;
      case 'B':
      case 'e':
      case 'E':
        for (let i = Math.min(count, REACH_ROWS); i > 0; i--) this.#down();
        if (final === 'E') this.#col = 0;
        return;
      case 'C':
      case 'a':
        this.#col = Math.min(this.#col + count, this.#size ? this.#rowStart() + this.#size.cols - 1 : LIVE_CHARS);
        return;
      case 'D':
        this.#col = Math.max(this.#rowStart(), this.#col - count);
        return;
      case 'G':
      case '`':
        this.#col = Math.min(this.#rowStart() + count - 1, LIVE_CHARS);
        return;
      case 'd':
        return this.#moveTo(count - 1, this.#col - this.#rowStart());
      case 'H':
      case 'f':
        return this.#moveTo(count - 1, Math.max(1, parameter(text, 1, 1)) - 1);
      case 'J':
        return this.#eraseDisplay(parameter(text, 0, 0));
      case 'K':
        return this.#eraseLine(parameter(text, 0, 0));
      case 'P':
        return this.#edit((old) => old.slice(0, this.#col) + old.slice(this.#col + count));
      case 'X':
        return this.#edit((old) => old.slice(0, this.#col).padEnd(this.#col + Math.min(count, old.length)) + old.slice(this.#col + count));
      case '@':
        return this.#edit((old) => old.slice(0, this.#col).padEnd(this.#col + Math.min(count, LIVE_CHARS)) + old.slice(this.#col));
      default:
    }
  }

  /** Where the terminal's row begins in which the cursor is: a long row takes several. */
  #rowStart(): number {
    if (!this.#size) return 0;
    const { cols } = this.#size;
    // Behind the last column the cursor stays in the row until the next character.
    return Math.floor(Math.max(0, this.#col - (this.#col % cols === 0 ? 1 : 0)) / cols) * cols;
  }

  #up(count: number): void {
    this.#leave();
    const height = this.#size?.rows ?? REACH_ROWS;
    const column = this.#col - this.#rowStart();
    let start = this.#rowStart();
    for (let i = Math.min(count, height - 1); i > 0; i--) {
      if (start > 0 && this.#size) {
        start -= this.#size.cols;
        continue;
      }
      if (this.#row === 0 && !this.#takeBack()) break;
      if (this.tail.count + this.#row - 1 < this.#top) break;
      this.#row--;
      start = this.#size ? Math.floor(Math.max(0, this.#current().chars - 1) / this.#size.cols) * this.#size.cols : 0;
    }
    this.#col = start + column;
  }

  /** The cursor goes to another row: what stands in this one is looked at. */
  #leave(): void {
    const row = this.#live[this.#row];
    if (!row) return;
    if (!row.looked) this.#look(row, row.text.length);
    this.#live[this.#row] = unsettled(settled(row, this.tail.count + this.#row));
  }

  #look(row: LiveRow, chars: number): void {
    row.looked = true;
    row.key =
      row.chars === 0 ? undefined : this.findings.look(settled(row, this.tail.count + this.#live.indexOf(row)), row.text.slice(0, chars));
  }

  /** What stands is about to be written over or erased: an error that only stood for a moment was there all the same. */
  #lose(row: LiveRow): void {
    if (!row.looked) this.#look(row, row.passEnd);
    if (row.key !== undefined) this.findings.lost(row.key);
    row.key = undefined;
  }

  #down(): void {
    this.#leave();
    this.#row++;
    this.#current();
    this.#scroll();
  }

  /** Rows that have left the reach of the cursor cannot change any more. */
  #scroll(): void {
    const height = this.#size?.rows ?? REACH_ROWS;
    this.#top = Math.max(this.#top, this.tail.count + this.#live.length - height);
    if (this.#live.length > height) this.#settle(this.#live.length - height);
  }

  /** The last settled row can change again. */
  #takeBack(): boolean {
    if (this.tail.count <= this.#top) return false;
    const row = this.tail.pop(this.#source);
    if (!row) return false;
    this.#live.unshift(unsettled(row));
    this.#row++;
    return true;
  }

  #settle(count: number): void {
    for (const row of this.#live.splice(0, count)) {
      this.tail.push(settled(row, this.tail.count));
      this.#row--;
    }
  }

  #moveTo(row: number, col: number): void {
    this.#leave();
    if (!this.#size) {
      // What has no terminal has no screen that could be drawn again: it is drawn below.
      if (!this.atFreshRow) this.#below();
      this.#col = Math.min(col, LIVE_CHARS);
      return;
    }
    while (this.tail.count > this.#top && this.#takeBack());
    this.#row = Math.max(0, this.#top - this.tail.count + Math.min(row, this.#size.rows - 1));
    this.#current();
    this.#col = Math.min(col, this.#size.cols - 1);
  }

  #below(): void {
    this.#leave();
    this.#row = this.#live.length - 1;
    if (this.#live[this.#row]?.chars !== 0) this.#down();
    this.#col = 0;
    this.#top = this.tail.count + this.#row;
  }

  #edit(change: (old: string) => string): void {
    const row = this.#current();
    this.#lose(row);
    row.text = change(row.text.padEnd(this.#col)).slice(0, LIVE_CHARS).trimEnd();
    row.chars = row.text.length;
    row.to = this.#place.at;
    row.looked = false;
  }

  #eraseLine(how: number): void {
    const row = this.#current();
    const start = this.#rowStart();
    if (how === 2 && start === 0) {
      this.#clear(row);
      return;
    }
    if (how === 0 && row.chars <= this.#col && row.passFrom < 0) return;
    if (row.chars > (how === 0 ? this.#col : 0)) this.#lose(row);
    if (how === 0) row.text = row.text.slice(0, this.#col);
    else if (how === 1) row.text = row.text.slice(0, start).padEnd(this.#col + 1) + row.text.slice(this.#col + 1);
    else row.text = row.text.slice(0, start);
    row.chars = row.text.length;
    row.passEnd = Math.min(row.passEnd, row.chars);
    if (how !== 0) row.to = this.#place.at;
    row.looked = false;
    if (row.chars === 0) this.#clear(row);
    else if (how === 0 && row.passFrom >= 0) this.#passed(row);
  }

  #clear(row: LiveRow): void {
    this.#lose(row);
    Object.assign(row, blank(this.#place), { looked: true });
  }

  #eraseDisplay(how: number): void {
    if (how === 0) {
      this.#eraseLine(0);
      for (const row of this.#live.slice(this.#row + 1)) this.#lose(row);
      this.#live.length = Math.min(this.#live.length, this.#row + 1);
    } else if (!this.#size) this.#below();
    else {
      while (this.tail.count > this.#top && this.#takeBack());
      const top = Math.max(0, this.#top - this.tail.count);
      for (const row of this.#live.slice(top, how === 1 ? this.#row : undefined)) this.#clear(row);
      if (how === 1) this.#eraseLine(1);
    }
  }

  #save(): void {
    this.#saved = { ordinal: this.tail.count + this.#row, col: this.#col };
  }

  #restore(): void {
    const up = this.tail.count + this.#row - this.#saved.ordinal;
    if (up > 0) this.#up(up);
    this.#col = this.#saved.col;
  }

  /** A full-screen program takes the terminal, or gives it back: of what it drew the last picture becomes rows. */
  #alternate(on: boolean): void {
    if (on) {
      this.#picture ??= new Picture(this.#size ?? PICTURE_SIZE, { from: this.#place.at, line: this.#place.lines + 1 });
      return;
    }
    const picture = this.#picture;
    this.#picture = undefined;
    if (!picture) return;
    this.#below();
    for (const row of pictureRows(picture, this.#place.at)) {
      this.#live[this.#row] = row;
      this.#down();
    }
  }
}
