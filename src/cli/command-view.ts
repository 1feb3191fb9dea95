import { endWord, type RunName, type Runtime } from '../rpc/client/index.ts';
import type { NotificationParamsOf, ResultOf } from '../rpc/protocol/table.ts';
import { follow, type StreamEnd } from './follow.ts';
import { paragraph, type Screen } from './screen.ts';
import { formatBytes, visibleLine } from './text.ts';

type Started = NotificationParamsOf<'stream/started'>;

/** Lines of an ended command's channel that are quoted, and bytes of it or of one that runs. */
const QUOTED_LINES = 5;
const QUOTED_BYTES = 16 * 1024;

/** Draws the commands of a run: how each starts, its output, how it ends. */
export class CommandView {
  readonly #session: Runtime;
  readonly #run: RunName;
  readonly #screen: Screen;
  readonly #whole: boolean;
  readonly #failed: (error: unknown) => void;
  readonly #follows = new Map<string, Promise<void>>();
  readonly #shown = new Set<string>();
  readonly #stop = new AbortController();

  /** @param options - `whole`: from the first byte, not only the end of what was there before us */
  constructor(options: { session: Runtime; run: RunName; screen: Screen; whole: boolean; failed: (error: unknown) => void }) {
    this.#session = options.session;
    this.#run = options.run;
    this.#screen = options.screen;
    this.#whole = options.whole;
    this.#failed = options.failed;
  }

  /** True for a command that was drawn, followed or quoted. */
  shows(path: string): boolean {
    return this.#shown.has(path);
  }

  /** Resolves when the end of a followed command has been drawn; at once for any other. */
  async end(path: string): Promise<void> {
    await this.#follows.get(path);
  }

  /** Resolves when every followed command has been drawn to its end. */
  async settled(): Promise<void> {
    await Promise.all(this.#follows.values());
  }

  /** Output that is still to come is not drawn. */
  close(): void {
    this.#stop.abort();
  }

  /** Draws output as it comes, to the end of the command. */
  follow(started: Started): void {
    this.#showStart(started);
    const texts = new Map(started.channels.map(({ channel }) => [channel, this.#screen.channel(this.#mark(channel))]));
    const task = (async () => {
      const channels = this.#whole ? new Map(started.channels.map(({ channel }) => [channel, 0])) : await this.#recent(started);
      const end = await follow(this.#session, {
        run: this.#run.now,
        path: started.path,
        channels,
        take: (channel, bytes) => texts.get(channel)?.write(bytes),
        signal: this.#stop.signal,
      });
      for (const text of texts.values()) await text.end();
      if (end) this.showEnd(end);
    })();
    this.#follows.set(started.path, task.catch(this.#failed));
  }

  /** Quotes the last lines of a command that has ended. */
  async quote(started: Started): Promise<void> {
    this.#showStart(started);
    for (const { channel } of started.channels) {
      let read = await this.#read(started.path, channel, { lines: { last: QUOTED_LINES } });
      // Long lines: the end of the last one says more than the beginning of the first.
      if (read.to < read.bytes) read = await this.#read(started.path, channel, { from: read.bytes - QUOTED_BYTES });
      if (read.bytes === 0) continue;
      if (read.from > 0) {
        const before = read.lines.first > 1 ? `${read.lines.first - 1} lines` : formatBytes(read.from);
        this.#screen.line(
          this.#screen.colors.dim(`  (${before} before this: headgate output ${this.#run.now} ${started.path} --channel ${channel})`),
        );
      }
      const text = this.#screen.channel(this.#mark(channel));
      await text.write(Buffer.from(read.chunk, read.encoding));
      await text.end();
    }
    this.#screen.endLine();
  }

  /** Draws how a command ended. */
  showEnd(end: StreamEnd): void {
    const sizes = end.channels.map(({ channel, bytes }) => `channel ${channel}: ${formatBytes(bytes)}`).join(', ');
    const text = `  ${endWord(end)} (${sizes})`;
    this.#screen.line(end.status === 200 ? this.#screen.colors.dim(text) : this.#screen.colors.red(text));
  }

  #showStart(started: Started): void {
    this.#shown.add(started.path);
    const [first, ...rest] = paragraph(started.command).split('\n');
    const { green, dim } = this.#screen.colors;
    const { backend = 'process' } = started;
    const where = backend === 'process' ? '' : dim(`  [${visibleLine(backend)}]`);
    this.#screen.line(`${green('$')} ${first}${rest.length > 0 ? ' ...' : ''}${where}`);
  }

  /** Where to begin with a command that runs: its start, or near its end when it has written much. */
  async #recent(started: Started): Promise<Map<number, number>> {
    const offsets = new Map<number, number>();
    for (const { channel } of started.channels) {
      const { bytes } = await this.#read(started.path, channel, { lines: { last: 1 } });
      const from = Math.max(0, bytes - QUOTED_BYTES);
      offsets.set(channel, from);
      if (from > 0) this.#screen.line(this.#screen.colors.dim(`  (channel ${channel}: ${formatBytes(from)} before this)`));
    }
    return offsets;
  }

  #read(path: string, channel: number, range: { lines: { last: number } } | { from: number }): Promise<ResultOf<'stream/read'>> {
    return this.#session.look('stream/read', { run: this.#run.now, path, channel, max_bytes: QUOTED_BYTES, ...range });
  }

  #mark(channel: number): string {
    if (channel === 1) return this.#screen.colors.dim('  | ');
    return channel === 2 ? this.#screen.colors.red('  ! ') : this.#screen.colors.dim(`  ${channel} `);
  }
}
