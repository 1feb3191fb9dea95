import { messageOf } from '../../core/errors.ts';
import { isOver, type RunName, type Runtime, type Step } from '../../rpc/client/index.ts';
import type { ResultOf } from '../../rpc/protocol/table.ts';
import { follow } from '../follow.ts';
import { formatBytes } from '../text.ts';
import { ChannelTail } from './channel-tail.ts';
import { type ColouredLine, colouredLines, wrapColoured } from './coloured-line.ts';
import { LineSearch } from './line-search.ts';
import { type Row, rowText, span, wrap } from './rows.ts';

/** Bytes before the end from which on output is played: of pipes and of a terminal, whose picture takes more. */
const PIPE_TAIL_BYTES = 64 * 1024;
const TERMINAL_TAIL_BYTES = 1024 * 1024;
/** Bytes that one page is read with at most, and characters of a line that are shown. */
const PAGE_BYTES = 256 * 1024;
const LINE_CHARS = 4096;

/** Lines to read. */
interface Range {
  readonly lines: { last: number } | { first: number; count: number };
  readonly max_bytes: number;
}

/** A page of one channel: lines from `first` on. */
interface Page {
  readonly channel: number;
  readonly first: number;
  readonly total: number;
  readonly lines: readonly ColouredLine[];
  /** Rows that it was read for. */
  readonly room: number;
  /** The line that a search found. */
  readonly found?: number | undefined;
}

/** What was asked for, one at a time. */
type Question = (isWanted: () => boolean) => Promise<Page | undefined>;

export interface OutputRows {
  readonly rows: readonly Row[];
  /** What is shown: `following`, or which lines of how many. */
  readonly label: string;
  readonly cursor?: { readonly row: number; readonly column: number };
}

/**
 * The output of one command at a time: its end, live, or pages of it that are read when they are shown, so that it costs
 * the same however much there is (SPEC {#attach_output}).
 */
export class OutputPane {
  readonly #session: Runtime;
  readonly #run: RunName;
  readonly #changed: (problem?: string) => void;
  #step: Step | undefined;
  #columns = 80;
  #height = 1;
  #tails: ChannelTail[] = [];
  #stop = new AbortController();
  #page: Page | undefined;
  /** Lines of the page that there was room for: long ones take several rows. */
  #shown = 1;
  /** The newest question, until its answer is there: an answer to an earlier one is left out. */
  #asking: Question | undefined;
  #channel = 1;
  #search: LineSearch | undefined;

  /** @param options - `changed`: there is something else to draw, or something went wrong */
  constructor(options: { session: Runtime; run: RunName; changed: (problem?: string) => void }) {
    this.#session = options.session;
    this.#run = options.run;
    this.#changed = options.changed;
  }

  /** Shows the output of a step from now on; of none that has no channels. */
  show(step: Step | undefined): void {
    const next = step && step.channels.length > 0 ? step : undefined;
    if (next?.id === this.#step?.id) {
      this.#step = next;
      return;
    }
    this.close();
    this.#step = next;
    this.#channel = next?.channels[0]?.channel ?? 1;
    if (!next) return;
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    this.#follow(next, signal).catch((error: unknown) => {
      if (!signal.aborted) this.#changed(messageOf(error));
    });
  }

  /** Nothing is shown or followed any more. */
  close(): void {
    this.#stop.abort();
    for (const tail of this.#tails.splice(0)) tail.dispose();
    this.#page = undefined;
    this.#search = undefined;
    this.#asking = undefined;
    this.#step = undefined;
  }

  /** The rows for so much room. */
  rows(columns: number, height: number): OutputRows {
    this.#height = Math.max(1, height);
    if (columns !== this.#columns) {
      this.#columns = columns;
      for (const tail of this.#tails) tail.resize(columns);
    }
    if (!this.#page) return this.#tailRows();
    // A page that was asked for since is read for this room, or read again when it is drawn.
    if (this.#page.room < this.#height && !this.#asking) this.#readAgain(this.#page);
    const { shown, ...page } = pageRows(this.#page, columns, this.#height);
    this.#shown = shown;
    return page;
  }

  /** Moves by lines, negative towards the beginning. Beyond the end it follows again. */
  scroll(lines: number): void {
    const page = this.#page;
    if (!page) {
      if (lines < 0) void this.#ask(async () => this.#read(await this.#lastTop(), lines));
      return;
    }
    if (lines > 0 && page.first + this.#shown > page.total) return this.follow();
    void this.#ask(() => this.#read(page.first, lines));
  }

  /** A screenful, forward or back. */
  turn(pages: number): void {
    const forward = this.#page ? this.#shown - 1 : 1;
    this.scroll(pages > 0 ? Math.max(1, forward) : -Math.max(1, this.#height - 1));
  }

  /** Goes to the first line. */
  toStart(): void {
    void this.#ask(() => this.#read(1, 0));
  }

  /** Shows the end again, live. */
  follow(): void {
    this.#asking = undefined;
    this.#page = undefined;
    this.#changed();
  }

  /** Turns to the next channel: pages and searches are of it. */
  nextChannel(): void {
    const channels = this.#step?.channels ?? [];
    const at = channels.findIndex(({ channel }) => channel === this.#channel);
    this.#channel = channels[(at + 1) % Math.max(1, channels.length)]?.channel ?? 1;
    this.#search = undefined;
    if (this.#page) void this.#ask(async () => this.#read(await this.#lastTop(), 0));
    else this.#changed();
  }

  /** Looks for a regular expression, from what is shown backwards when the end is, else forward. */
  search(pattern: string): void {
    const step = this.#step;
    if (!step) return;
    const channel = this.#channel;
    this.#search = new LineSearch(pattern, (from) =>
      this.#session.look('stream/read', { run: this.#run.now, path: step.id, channel, from, match: pattern }),
    );
    this.found(this.#page ? 1 : -1);
  }

  /** Goes to the next line that was looked for, or to the one before. */
  found(direction: 1 | -1): void {
    const search = this.#search;
    if (!search) return this.#changed('nothing was looked for; / does');
    // Without a line that was found the first one that is shown counts forward, the one above it backward.
    const { first = Infinity, found } = this.#page ?? {};
    void this.#ask(async (isWanted) => {
      const line = await (direction > 0 ? search.after(found ?? first - 1, isWanted) : search.before(found ?? first, isWanted));
      if (!isWanted()) return undefined;
      if (line === undefined) throw new Error(`nothing matches ${search.pattern}`);
      const page = await this.#read(Math.max(1, line - Math.floor(this.#height / 3)), 0);
      return { ...page, found: line };
    });
  }

  async #follow(step: Step, signal: AbortSignal): Promise<void> {
    const tails = step.channels.map(({ channel }) => new ChannelTail(channel, this.#columns, step.terminal));
    this.#tails = tails;
    const offsets = new Map<number, number>();
    for (const tail of tails) {
      const { bytes } = await this.#readOf(step.id, tail.channel, { lines: { last: 1 }, max_bytes: 1 });
      const from = Math.max(0, bytes - (step.terminal ? TERMINAL_TAIL_BYTES : PIPE_TAIL_BYTES));
      offsets.set(tail.channel, from);
      tail.startAt(from);
    }
    if (signal.aborted) return;
    await follow(this.#session, {
      run: this.#run.now,
      path: step.id,
      channels: offsets,
      signal,
      take: async (channel, bytes) => {
        const tail = tails.find((each) => each.channel === channel);
        if (!tail || signal.aborted) return;
        await tail.take(bytes, tail.bytes + bytes.length);
        this.#changed();
      },
    });
  }

  #tailRows(): OutputRows {
    const [main, ...others] = this.#tails;
    if (!main) return { rows: [], label: '' };
    const sizes = this.#tails
      .filter(({ bytes, channel }) => bytes > 0 || channel === this.#channel)
      .map(
        ({ channel, bytes }) =>
          `${channel === this.#channel && this.#tails.length > 1 ? '*' : ''}${channelName(channel)} ${formatBytes(bytes)}`,
      )
      .join('  ');
    const label = `${sizes}${this.#step && isOver(this.#step) ? '' : '  following'}`;
    const below = others.filter(({ bytes }) => bytes > 0);
    if (below.length === 0) {
      const { cursor } = main;
      const at = cursor && cursor.row - Math.max(0, main.count - this.#height);
      return {
        rows: main.last(this.#height),
        label,
        ...(cursor && at !== undefined && at >= 0 && at < this.#height ? { cursor: { row: at, column: cursor.column } } : {}),
      };
    }
    const rows: Row[] = [];
    // Errors of a command that writes much are below it, in a third of the room.
    const room = main.bytes === 0 ? this.#height : Math.max(1, Math.floor(this.#height / 3));
    const lower = below.flatMap((tail) => [
      [span(`-- ${channelName(tail.channel)} --`, 'dim')] as Row,
      ...tail.last(Math.max(1, Math.floor(room / below.length) - 1), 'red'),
    ]);
    rows.push(...main.last(Math.max(0, this.#height - lower.length)), ...lower);
    return { rows: rows.slice(-this.#height), label };
  }

  /** Reads a page once more, for the room that there is now. */
  #readAgain(page: Page): void {
    this.#page = { ...page, room: this.#height };
    void this.#ask(async () => ({ ...(await this.#read(page.first, 0)), found: page.found }));
  }

  /** Number of the first line when the last ones fill the room. */
  async #lastTop(): Promise<number> {
    const { lines } = await this.#readPage({ lines: { last: 1 }, max_bytes: 1 });
    return Math.max(1, lines.total - this.#height + 1);
  }

  /** The page that begins so many lines behind line `from`; of one before it only as many as leave room for `from`. */
  async #read(from: number, lines: number): Promise<Page> {
    const first = Math.max(1, from + lines);
    const room = this.#height;
    const answer = await this.#readPage({ lines: { first, count: Math.max(room, from - first + 1) }, max_bytes: PAGE_BYTES });
    const { total } = answer.lines;
    if (first > total && total > 0) return await this.#read(total, 0);
    const all = colouredLines(Buffer.from(answer.chunk, answer.encoding).toString('utf8').replace(/\n$/, ''), LINE_CHARS);
    let skipped = 0;
    const heights = all.slice(0, Math.max(0, from - first)).map(({ text }) => wrap(text, this.#room(total)).length);
    while (skipped + 1 < heights.length && heights.slice(skipped).reduce((sum, rows) => sum + rows, 1) > room) skipped++;
    return { channel: this.#channel, first: first + skipped, total, room, lines: all.slice(skipped) };
  }

  /** Columns beside the numbers of lines. */
  #room(total: number): number {
    return Math.max(1, this.#columns - String(total).length - 2);
  }

  #readPage(range: Range): Promise<ResultOf<'stream/read'>> {
    return this.#readOf(this.#step?.id ?? '', this.#channel, range);
  }

  #readOf(path: string, channel: number, range: Range): Promise<ResultOf<'stream/read'>> {
    return this.#session.look('stream/read', { run: this.#run.now, path, channel, ...range });
  }

  /** Asks for another page; only the page that was asked for last is shown. */
  async #ask(question: Question): Promise<void> {
    if (!this.#step) return;
    this.#asking = question;
    const isWanted = () => this.#asking === question;
    try {
      const page = await question(isWanted);
      if (!isWanted()) return;
      this.#asking = undefined;
      if (!page) return;
      this.#page = page;
      this.#changed();
    } catch (error) {
      if (!isWanted()) return;
      this.#asking = undefined;
      this.#changed(messageOf(error));
    }
  }
}

function pageRows({ channel, first, total, lines, found }: Page, columns: number, height: number): OutputRows & { shown: number } {
  const gutter = String(total).length;
  const rows: Row[] = [];
  let shown = 0;
  for (const [index, line] of lines.entries()) {
    if (rows.length >= height) break;
    shown = index + 1;
    for (const [part, spans] of wrapColoured(line, Math.max(1, columns - gutter - 2)).entries()) {
      const number = part === 0 ? String(first + index).padStart(gutter) : ' '.repeat(gutter);
      const text = first + index === found ? [span(rowText(spans), 'inverse')] : spans;
      rows.push([span(`${number}  `, 'dim'), ...text]);
    }
  }
  return {
    rows: rows.slice(0, height),
    shown,
    label: `${channelName(channel)} lines ${first}-${first + Math.max(1, shown) - 1} of ${total}`,
  };
}

function channelName(channel: number): string {
  return channel === 1 ? 'stdout' : channel === 2 ? 'stderr' : `channel ${channel}`;
}
