import type { Readable, Writable } from 'node:stream';
import { release, retain } from '../../../core/buffer-pool.ts';
import { LineSplitter } from '../../../core/line-splitter.ts';
import { PING_MS } from './heartbeat.ts';
import { ListeningChannel } from './listening-channel.ts';
import type { CloseReason, MessageChannelLike } from './message-channel.ts';

const LF = Buffer.from('\n');

/** How long the peer may take to read what was sent before the end. */
const CLOSE_MS = 1000;

/** One JSON message a line over any pair of byte streams: a unix socket, standard input and output (SPEC {#transport_lines}). */
export class LineChannel extends ListeningChannel implements MessageChannelLike {
  readonly #input: Readable;
  readonly #output: Writable;
  #open = true;
  #probe: NodeJS.Timeout | undefined;

  /**
   * @param options - `maxBytes`: of one line, LF not counted; `probeMs`: between two looks at whether a peer that has
   * ended its side is still there
   */
  constructor(options: { input: Readable; output: Writable; maxBytes: number; probeMs?: number | undefined }) {
    super();
    this.#input = options.input;
    this.#output = options.output;
    const lines = new LineSplitter({
      maxBytes: options.maxBytes,
      line: (bytes) => this.#open && this.received({ kind: 'text', bytes }),
      tooLong: () => this.#open && this.received({ kind: 'too_large', limit: options.maxBytes }),
    });
    this.#input.on('data', (bytes: Buffer) => lines.push(bytes));
    this.#input.on('end', () => {
      lines.end();
      if (!this.#open) return;
      this.#watch(options.probeMs ?? PING_MS);
      this.received({ kind: 'end' });
    });
    for (const stream of new Set([this.#input, this.#output])) {
      // An input that is a stream of its own closes after its end; the responses to what it brought are still to be written.
      stream.on('close', () => (stream === this.#output || !this.#input.readableEnded) && this.#end());
      stream.on('error', () => this.#end());
    }
  }

  send(message: Buffer | string): void {
    if (!this.#open) return;
    this.#output.cork();
    this.#output.write(message);
    this.#output.write(LF, () => this.#left());
    this.#output.uncork();
    this.buffered();
  }

  override sendText(head: Buffer, body: Buffer): void {
    if (!this.#open) return;
    retain(body);
    this.#output.cork();
    this.#output.write(head);
    this.#output.write(body, () => release(body));
    this.#output.write(LF, () => this.#left());
    this.#output.uncork();
    this.buffered();
  }

  bufferedBytes(): number {
    return this.#output.writableLength;
  }

  pause(): void {
    this.#input.pause();
  }

  resume(): void {
    this.#input.resume();
  }

  close(_reason: CloseReason): void {
    if (!this.#open) return;
    const timer = setTimeout(() => {
      this.#output.destroy();
      this.#input.destroy();
    }, CLOSE_MS);
    timer.unref();
    // Everything is with the network or the reader now; of a socket, which is both streams, this closes the rest.
    this.#output.end(() => {
      clearTimeout(timer);
      this.#input.destroy();
    });
    this.#end();
  }

  /**
   * After the end of the input nothing is read any more, so nothing tells that the peer is gone as well. Writing no
   * bytes does: it fails when nobody can read them (SPEC {#half_open}).
   */
  #watch(everyMs: number): void {
    this.#probe = setInterval(() => this.#output.writableLength === 0 && this.#output.write(''), everyMs);
    this.#probe.unref();
  }

  #left(): void {
    if (this.#open) this.written();
  }

  #end(): void {
    if (!this.#open) return;
    this.#open = false;
    clearInterval(this.#probe);
    this.ended();
  }
}
