import { constants } from 'node:os';
import { deferred } from '../../core/deferred.ts';
import { systemCode } from '../../core/errors.ts';
import type { TtyFirst, TtyNews } from '../../rpc/protocol/tty.ts';
import type { Console } from '../console.ts';
import { CliError, isWireError } from '../errors.ts';
import { EXIT } from '../exit-codes.ts';
import { type PortTarget, unreachable } from '../locate.ts';
import { attachLine, isUnanswered } from '../stdin.ts';
import { terminalSize } from '../terminal-size.ts';
import { visibleLine } from '../text.ts';
import { TtyConnection, type TtyListener } from './connection.ts';
import { DetachMatcher, keyNames } from './detach-keys.ts';
import { PipedInput } from './piped-input.ts';
import { RawTerminal } from './raw-terminal.ts';
import { TerminalModes } from './terminal-modes.ts';

/** How long a lost server is looked for, and how often (milliseconds). */
const RESUME_MS = 30_000;
const RETRY_MS = 250;
const CTRL_C = 0x03;
/** Signals that would end us, and leave our terminal as the command has it, if we did not put it back first. */
const ENDING = ['SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGABRT', 'SIGALRM', 'SIGVTALRM', 'SIGUSR2', 'SIGXCPU'] as const;

type Exit = Extract<TtyNews, { type: 'exit' }>;
type Common = Pick<TtyFirst, 'operation' | 'carriage' | 'acknowledge' | 'project' | 'projectRoot' | 'client'>;

export interface TtyClientOptions {
  readonly console: Console;
  /** Finds the server, again after every loss. */
  readonly locate: () => PortTarget;
  readonly first: TtyFirst;
  /** What every first message has. */
  readonly common: Common;
  /** Whether a terminal of ours, if there is one, may become the command's. */
  readonly terminal: boolean;
  /** False: nothing of ours is read, and Ctrl-C leaves. */
  readonly input: boolean;
  readonly detachKeys: Buffer;
}

/** How the client was left: the command has ended, or runs on. */
export type TtyEnd = { readonly exit: Exit } | { readonly left: number; readonly signal?: NodeJS.Signals };

/**
 * One session between our terminal, or pipes, and a command of the server (SPEC {#cli_tty}): connects, connects again at
 * the offsets that were shown, and gives the terminal back in every case.
 */
export class TtyClient implements TtyListener {
  readonly #o: TtyClientOptions;
  readonly #raw: RawTerminal;
  readonly #modes = new TerminalModes();
  readonly #matcher: DetachMatcher;
  readonly #offsets = new Map<number, number>();
  readonly #over = deferred<TtyEnd>();
  #connection: TtyConnection | undefined;
  #place: { run: string; path: string } | undefined;
  #inTerminal = false;
  /** Our input, unless it is a terminal that has become the command's. */
  #piped: PipedInput | undefined;
  #exit: Exit | undefined;
  #fault: { code: number; message: string; data?: unknown } | undefined;
  #interrupts = 0;
  #done = false;
  #undo: (() => void)[] = [];

  constructor(options: TtyClientOptions) {
    this.#o = options;
    this.#raw = new RawTerminal(options.console.stdin());
    this.#matcher = new DetachMatcher(options.detachKeys);
  }

  /** Where the session is, once it has been opened. */
  get place(): { run: string; path: string } | undefined {
    return this.#place;
  }

  /** Runs it to the end of the command, or until it is left. Throws when it cannot be opened, or is lost for good. */
  async run(): Promise<TtyEnd> {
    const connection = await this.#open(this.#o.first);
    this.#connection = connection;
    const { opened } = connection;
    this.#place = { run: opened.run, path: opened.path };
    for (const { channel, offset } of opened.channels) if (!this.#offsets.has(channel)) this.#offsets.set(channel, offset);
    this.#inTerminal = this.#o.terminal && (opened.tty !== null || opened.backend === 'tmux');
    try {
      if (!this.#inTerminal && this.#o.input) {
        // Who comes later is not the only one who types, least of all in a terminal.
        const ends = !('attach' in this.#o.first) ? 'always' : opened.tty === null ? 'with-input' : 'never';
        this.#piped = new PipedInput({ input: this.#o.console.stdin(), connection, ends });
      }
      this.#listen();
      if (this.#inTerminal) this.#enter();
      connection.begin();
      void this.#serve(connection);
      return await this.#over.promise;
    } finally {
      this.#leave();
    }
  }

  async output(stream: 'stdout' | 'stderr', bytes: Buffer): Promise<void> {
    const channel = stream === 'stdout' ? 1 : 2;
    const { console } = this.#o;
    if (this.#inTerminal) this.#modes.watch(bytes);
    await (channel === 1 ? console.out : console.err).write(bytes);
    this.#offsets.set(channel, (this.#offsets.get(channel) ?? 0) + bytes.length);
  }

  async news(news: TtyNews): Promise<void> {
    switch (news.type) {
      case 'exit':
        this.#exit = news;
        return;
      case 'screen':
        this.#modes.watch(Buffer.from(news.data));
        this.#offsets.set(1, news.offset);
        return await this.#o.console.out.write(`${this.#emptied()}${news.data}`);
      case 'gap':
        this.#offsets.set(news.channel, news.to);
        return;
      case 'progress': {
        const bytes = Buffer.from(news.chunk, news.encoding);
        this.#offsets.set(news.channel, news.offset + bytes.length);
        return await this.#o.console.err.write(this.#inTerminal ? bytes.toString().replace(/\r?\n/g, '\r\n') : bytes);
      }
      case 'taken':
        this.#piped?.taken(news.bytes);
        return;
      case 'error':
        if (news.of === undefined) this.#fault = news.error;
        // A key that was not taken is worth a word; a size or a signal that is not, is not.
        else if (news.of === 'stdin' && this.#piped && isUnanswered(news.error)) this.#over.reject(this.#piped.cutOff(this.attachLine()));
        else if (news.of === 'stdin') this.#say(`input was not taken: ${visibleLine(news.error.message)}`);
        return;
    }
  }

  /** Scrolls away what our terminal shows: a screen is drawn from its first row on, and its cursor set by the number of the row. */
  #emptied(): string {
    const { rows } = terminalSize(this.#o.console);
    return `\x1b[${rows};1H${'\n'.repeat(rows)}\x1b[H`;
  }

  /** Follows one connection to its end, and those after it. */
  async #serve(connection: TtyConnection): Promise<void> {
    try {
      for (let now = connection; ; ) {
        await now.ended;
        this.#connection = undefined;
        if (this.#done) return;
        if (this.#exit) return this.#over.resolve({ exit: this.#exit });
        if (this.#fault) throw wireFailure(this.#fault);
        const uncertain = this.#piped?.lost() ?? 0;
        this.#say('connection to the server lost; the command goes on there. Waiting for it ...');
        now = await this.#reopen();
        if (this.#done) return now.close();
        this.#connection = now;
        // Going on behind a hole would give the command another input, unnoticed.
        if (this.#piped && uncertain > 0 && now.opened.channels.some(({ status }) => status === 102))
          throw this.#piped.cutOff(this.attachLine(), uncertain);
        this.#say('connected again');
        now.begin();
        this.#piped?.resume(now);
        this.#resize();
      }
    } catch (error) {
      this.#over.reject(error);
    }
  }

  async #reopen(): Promise<TtyConnection> {
    const { run, path } = this.#place ?? { run: '', path: '' };
    const from = Object.fromEntries([...this.#offsets].map(([channel, offset]) => [String(channel), offset]));
    const until = performance.now() + RESUME_MS;
    for (;;) {
      try {
        return await this.#open({ ...this.#o.common, run, attach: path, from });
      } catch (error) {
        if (this.#done) throw error;
        if (isWireError(error, 'not_found') || isWireError(error, 'forbidden')) throw error;
        if (performance.now() > until) {
          throw new CliError(
            'the connection to the server was lost',
            EXIT.unreachable,
            `the command goes on; once the server is back: ${this.attachLine()}`,
          );
        }
      }
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }

  /** The command that attaches again. */
  attachLine(): string {
    return attachLine(this.#place ?? { run: '', path: '' });
  }

  async #open(first: TtyFirst): Promise<TtyConnection> {
    const { url, tokens, target } = this.#o.locate();
    const [token, ...others] = tokens;
    for (let at: (string | undefined)[] = [token, ...others]; ; at = at.slice(1)) {
      try {
        return await TtyConnection.open({ url, token: at[0], tls: target.tls }, first, this);
      } catch (error) {
        if (isWireError(error, 'unauthenticated') && at.length > 1) continue;
        throw systemCode(error) === undefined ? error : unreachable(target, systemCode(error) ?? '');
      }
    }
  }

  #listen(): void {
    const { console } = this.#o;
    const input = console.stdin();
    const onData = (bytes: Buffer | string) => void this.#typed(Buffer.from(bytes as Buffer));
    const onEnd = () => (this.#piped ? this.#piped.end() : this.#over.resolve({ left: EXIT.ok }));
    const onGone = () => {
      // As in a pipeline, where it is the whole command's output; who only looks on leaves.
      if (this.#piped && !('attach' in this.#o.first)) this.#connection?.control({ type: 'signal', signal: 'SIGPIPE' });
      this.#over.resolve({ left: EXIT.brokenPipe });
    };
    const onResize = () => this.#resize();
    const onInterrupt = () => this.#interrupted();
    const leaving = ENDING.map((signal) => {
      const leave = () => this.#over.resolve({ left: 128 + constants.signals[signal], signal });
      process.on(signal, leave);
      return () => void process.off(signal, leave);
    });
    if (this.#o.input) input.on('data', onData).on('end', onEnd).on('error', onEnd);
    process.on('SIGWINCH', onResize);
    process.on('SIGINT', onInterrupt);
    this.#undo = [
      console.out.onGone(onGone),
      console.err.onGone(onGone),
      ...leaving,
      () => void process.off('SIGWINCH', onResize),
      () => void process.off('SIGINT', onInterrupt),
      () => void input.off('data', onData),
      () => void input.off('end', onEnd),
      () => void input.off('error', onEnd),
    ];
  }

  #enter(): void {
    const { detachKeys } = this.#o;
    const how = detachKeys.length === 0 ? '' : ` Leave it running with ${keyNames(detachKeys)}.`;
    this.#say(`${this.#place?.run} ${this.#place?.path}.${how}`);
    this.#raw.enter();
    this.#redraw();
  }

  /**
   * Makes the command that was come to draw itself for our terminal: a size that is the same would not be told to it, so
   * it is given another one first.
   */
  #redraw(): void {
    const { cols, rows } = terminalSize(this.#o.console);
    if ('attach' in this.#o.first) this.#connection?.control({ type: 'resize', cols, rows: rows > 1 ? rows - 1 : 2 });
    this.#resize();
  }

  /** Puts our terminal back; whatever is said afterwards begins on a line of its own. */
  #leave(): void {
    this.#done = true;
    for (const undo of this.#undo.splice(0)) undo();
    this.#piped?.close();
    const input = this.#o.console.stdin();
    if (this.#inTerminal) void this.#o.console.out.write(this.#modes.restore());
    this.#raw.restore();
    if (this.#connection) this.#connection.close();
    input.pause();
    input.destroy();
  }

  async #typed(bytes: Buffer): Promise<void> {
    if (this.#piped) return this.#piped.push(bytes);
    const { pass, detach } = this.#matcher.push(bytes);
    if (!this.#connection) {
      if (detach || pass.includes(CTRL_C)) this.#over.resolve({ left: detach ? EXIT.ok : EXIT.interrupted });
      return;
    }
    await this.#send(pass);
    if (detach) this.#over.resolve({ left: EXIT.ok });
  }

  async #send(bytes: Buffer): Promise<void> {
    const connection = this.#connection;
    if (!connection) return;
    const input = this.#o.console.stdin();
    input.pause();
    await connection.input(bytes);
    if (this.#undo.length > 0) input.resume();
  }

  #resize(): void {
    if (this.#inTerminal) this.#connection?.control({ type: 'resize', ...terminalSize(this.#o.console) });
  }

  /** SIGINT: in a raw terminal it comes from elsewhere, on pipes it is Ctrl-C. */
  #interrupted(): void {
    this.#interrupts++;
    if (this.#inTerminal || !this.#o.input || !this.#connection || this.#interrupts > 1) this.#over.resolve({ left: EXIT.interrupted });
    else this.#connection.control({ type: 'signal', signal: 'SIGINT' });
  }

  #say(text: string): void {
    const line = this.#inTerminal && this.#exit === undefined ? '\r\n' : '\n';
    void this.#o.console.err.write(`headgate: ${text}${line}`);
  }
}

function wireFailure(error: { code: number; message: string; data?: unknown }): Error {
  return Object.assign(new Error(error.message), { code: error.code, data: error.data });
}
