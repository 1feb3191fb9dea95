import type { IncomingMessage } from 'node:http';
import { HeadgateError, isHeadgateError, messageOf } from '../../../core/errors.ts';
import { pixelSize, watchesPane } from '../../../model/place.ts';
import { type TtyAttach, type TtyOpen, type TtyOpened, ttyCommand } from '../../protocol/tty.ts';
import { type TtyControl, TtyDecoder } from '../../protocol/tty-frames.ts';
import { type Grant, seesSecrets } from '../access.ts';
import type { ServerParts } from '../parts.ts';
import type { Inbound } from '../transports/message-channel.ts';
import { invalidParams } from '../wire-errors.ts';
import { exitNews } from './exit-news.ts';
import { openTarget, type TtyTarget } from './open-session.ts';
import { closeCode, factsOf, sendError, sendNews, type TtyChannel } from './tty-channel.ts';
import { TtyCommands, type TtyOrder } from './tty-commands.ts';
import { parseFirst } from './tty-first.ts';
import { TtyInput } from './tty-input.ts';
import { type TtyFrom, TtyOutput } from './tty-output.ts';
import { screenNews } from './tty-screen.ts';

/** How long a connection may take to say what it wants, unless the server says otherwise (milliseconds). */
const FIRST_MS = 10_000;

export interface TtySessionOptions {
  readonly channel: TtyChannel;
  /** The upgrade of the connection. */
  readonly request: IncomingMessage;
  readonly parts: ServerParts;
  readonly grant: Grant;
  /** How long the first message may take, milliseconds. */
  readonly firstMs?: number | undefined;
  readonly closed: (session: TtySession) => void;
}

/**
 * One connection of the terminal carriage and the one command that it carries (SPEC {#tty_open}). It is a reader and a
 * writer of a producer like any other: when it ends, the command goes on.
 */
export class TtySession {
  readonly #options: TtySessionOptions;
  readonly #decoder = new TtyDecoder('client');
  readonly #gone = new AbortController();
  readonly #firstTimer: NodeJS.Timeout;
  #state: 'first' | 'opening' | 'open' | 'over' = 'first';
  /** What came before the answer to the first message. */
  #early: Inbound[] = [];
  #target: TtyTarget | undefined;
  #output: TtyOutput | undefined;
  #input: TtyInput | undefined;
  readonly #commands = new TtyCommands((order) => this.#command(order));

  constructor(options: TtySessionOptions) {
    this.#options = options;
    const { channel, firstMs = FIRST_MS } = options;
    const late = new HeadgateError('invalid_request', `no tty/open within ${firstMs / 1000} s; send it first`, {
      reason: 'no_first_message',
    });
    this.#firstTimer = setTimeout(() => this.#refuse(late), firstMs);
    channel.onMessage((message) => this.#receive(message));
    channel.onDrain(() => this.#output?.pump());
    channel.onClose(() => {
      this.#end();
      options.closed(this);
    });
  }

  /** Ends the connection because the server stops; the command goes on. */
  close(): void {
    this.#options.channel.close('going_away');
  }

  #receive(message: Inbound): void {
    switch (this.#state) {
      case 'first':
        this.#state = 'opening';
        clearTimeout(this.#firstTimer);
        void this.#open(message);
        return;
      case 'opening':
        this.#early.push(message);
        return;
      case 'open':
        return this.#take(message);
      case 'over':
        return;
    }
  }

  async #open(message: Inbound): Promise<void> {
    const { parts, request, grant, channel } = this.#options;
    const started = parts.clock.monotonic();
    // What follows waits in the network until the command can take it.
    channel.pause();
    let first: TtyOpen | TtyAttach | undefined;
    let code = 0;
    try {
      first = parseFirst(message);
      const target = await openTarget(first, { parts, request, grant, signal: this.#gone.signal });
      const screen =
        'attach' in first && first.from === 'screen' ? await screenNews(parts, target, this.#redact, this.#gone.signal) : undefined;
      this.#gone.signal.throwIfAborted();
      this.#begin(target, first, screen);
    } catch (error) {
      const named = this.#named(error);
      code = named.code;
      this.#refuse(named);
    }
    const run = first?.run ?? null;
    const client = first?.client?.name ?? 'tty';
    parts.audit.record({ method: 'tty/open', client, run, code, durationMs: Math.round(parts.clock.monotonic() - started) });
  }

  /** Whether secrets are masked for this connection. */
  get #redact(): boolean {
    return !seesSecrets(this.#options.grant.scope);
  }

  /** Responds and starts to read, on one tick: the answer goes out before the first byte. */
  #begin(target: TtyTarget, first: TtyOpen | TtyAttach, screen: Awaited<ReturnType<typeof screenNews>>): void {
    const { parts, channel } = this.#options;
    const { project, runId, run, path, view } = target;
    const output = new TtyOutput({
      channel,
      ended: (end) => {
        sendNews(channel, exitNews(parts, target, end));
        this.#leave(1000, 'the command has ended');
      },
      failed: (error) => this.#fail(error),
    });
    const place = { projectId: project.id, runId, path, redact: this.#redact, channels: view.channels.map((one) => one.channel) };
    const channels = output.open(parts.streams, place, screen ? new Map([[1, screen.offset]]) : fromOf(first));
    this.#target = target;
    this.#output = output;
    const ends = !watchesPane(view.producer.spec);
    this.#input = new TtyInput({
      // The end of a client's input does not end the input of a pane that it watches.
      write: async (bytes, eof) =>
        ends || bytes.length > 0 ? (await parts.streams.input(runId, path, bytes, { eof: eof && ends })).bytes : 0,
      hold: (full) => (full ? channel.pause() : channel.resume()),
      ...(first.acknowledge ? { taken: (bytes: number) => sendNews(channel, { type: 'taken', bytes }) } : {}),
      refused: (error) => sendError(channel, error, 'stdin'),
    });
    const { backend, spec } = view.producer;
    const opened: TtyOpened = { ok: true, run, path, backend, tty: spec.tty ?? null, channels };
    channel.send(JSON.stringify(opened));
    if (screen) sendNews(channel, screen);
    this.#state = 'open';
    const early = this.#early;
    this.#early = [];
    channel.resume();
    for (const message of early) this.#take(message);
  }

  #take(message: Inbound): void {
    if (this.#state !== 'open') return;
    try {
      if (message.kind !== 'binary') {
        throw new HeadgateError('invalid_request', 'a text message; after the first one everything is chunks in binary messages', {
          reason: 'text',
        });
      }
      this.#handle(message.bytes);
    } catch (error) {
      this.#fail(this.#named(error));
    }
  }

  /** Many small chunks in a message are typed as one: a piece each would cost a hundred times their size. */
  #handle(message: Uint8Array): void {
    const typed = Buffer.allocUnsafe(message.length);
    let from = 0;
    let length = 0;
    const type = () => {
      if (length > from) this.#input?.push(typed.subarray(from, length));
      from = length;
    };
    try {
      for (const piece of this.#decoder.push(message)) {
        if (piece.stream !== 'control' && piece.bytes.length === 0) {
          type();
          this.#input?.end();
          continue;
        }
        if (piece.stream !== 'control') {
          typed.set(piece.bytes, length);
          length += piece.bytes.length;
          continue;
        }
        type();
        this.#obey(piece.control);
      }
    } finally {
      type();
    }
  }

  #obey(control: TtyControl): void {
    const parsed = ttyCommand.safeParse(control, { reportInput: true });
    // What a later client may know does not end the session of this one.
    if (!parsed.success)
      return sendError(
        this.#options.channel,
        invalidParams(`control "${control.type.slice(0, 40)}"`, parsed.error.issues, 'there are resize, signal and eof'),
        'control',
      );
    const command = parsed.data;
    if (command.type === 'eof') this.#input?.end();
    else this.#commands.push(command);
  }

  /** A resize or a signal; it waits for no input, and a failure is told and ends nothing. */
  async #command(command: TtyOrder): Promise<void> {
    const { parts, channel } = this.#options;
    const target = this.#target;
    if (!target || this.#state !== 'open') return;
    try {
      if (command.type === 'resize') await parts.streams.resize(target.runId, target.path, command.cols, command.rows, pixelSize(command));
      else await parts.streams.signal(target.runId, target.path, signalOf(command));
    } catch (error) {
      // Of a command that has ended the exit chunk tells.
      if (this.#state === 'open' && !isHeadgateError(error, 'stream_closed')) sendError(channel, this.#named(error), command.type);
    }
  }

  /** The first message was not taken: says why and closes. */
  #refuse(error: HeadgateError): void {
    if (this.#state === 'over') return;
    this.#options.channel.send(JSON.stringify({ ok: false, error: factsOf(error) }));
    this.#leave(closeCode(error), error.kind);
  }

  /** The session cannot go on: says why and closes; the command goes on. */
  #fail(error: HeadgateError): void {
    if (this.#state === 'over') return;
    sendError(this.#options.channel, error);
    this.#leave(closeCode(error), error.kind);
  }

  #leave(code: number, reason: string): void {
    this.#end();
    this.#options.channel.finish(code, reason);
  }

  #end(): void {
    if (this.#state === 'over') return;
    this.#state = 'over';
    clearTimeout(this.#firstTimer);
    this.#early = [];
    this.#gone.abort(new HeadgateError('cancelled', 'the connection is gone'));
    this.#output?.close();
    this.#input?.leave();
  }

  #named(error: unknown): HeadgateError {
    if (isHeadgateError(error)) return error;
    const { ids, logger } = this.#options.parts;
    const reference = ids.token(6);
    logger.error({ reference, error: messageOf(error) }, 'a terminal session failed');
    return new HeadgateError('internal', `the session failed inside the server; its log has the cause under reference ${reference}`, {
      reference,
    });
  }
}

/** Throws `invalid_params` where there is no name of a signal. */
function signalOf({ signal, name }: Extract<TtyOrder, { type: 'signal' }>): string {
  const wanted = signal ?? name;
  if (wanted !== undefined) return wanted;
  throw new HeadgateError('invalid_params', 'signal: missing; name it as in {"type": "signal", "name": "INT"}', { field: 'signal' });
}

function fromOf(first: TtyOpen | TtyAttach): TtyFrom {
  const from = ('attach' in first ? first.from : undefined) ?? 'start';
  // Without a terminal there is no screen to draw.
  if (from === 'screen') return 'start';
  if (typeof from === 'string') return from;
  return new Map(Object.entries(from).map(([channel, offset]) => [Number(channel), offset]));
}
