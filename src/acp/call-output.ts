import { StringDecoder } from 'node:string_decoder';
import type { ToolCallContent } from '@agentclientprotocol/sdk';
import { plainText } from '../core/plain-text.ts';
import type { Link } from './link.ts';
import { codeBlock, textContent } from './markdown.ts';
import type { Outlet } from './outlet.ts';

/** Bytes of output that an editor without terminals is shown: the last of them. */
export const TAIL_BYTES = 16 * 1024;
/** How often the shown end of an output is replaced while it grows (milliseconds). */
const REPLACE_MS = 250;

/**
 * The output of one command as an editor is shown it while it comes: whole, for one that draws terminals, else its last
 * 16 KiB, replaced (SPEC {#acp_output}). Every byte is read once, over restarts of the server.
 */
export class CallOutput {
  readonly #outlet: Outlet;
  readonly #run: string;
  readonly #path: string;
  readonly #isTerminal: boolean;
  readonly #before: readonly ToolCallContent[];
  /** Where each channel goes on, with what has been read of a character that is not whole. */
  readonly #channels = new Map<number, { offset: number; readonly decoder: StringDecoder; ended: boolean }>();
  #tail = Buffer.alloc(0);
  #leftOut = 0;
  #timer: NodeJS.Timeout | undefined;
  readonly #closed = new AbortController();
  #reading: Promise<unknown> = Promise.resolve();

  /** @param options - `before`: what stands above the output, `from`: channels with the offset that each begins at */
  constructor(options: {
    outlet: Outlet;
    run: string;
    path: string;
    isTerminal: boolean;
    before: readonly ToolCallContent[];
    from: ReadonlyMap<number, number>;
  }) {
    this.#outlet = options.outlet;
    this.#run = options.run;
    this.#path = options.path;
    this.#isTerminal = options.isTerminal;
    this.#before = options.before;
    for (const [channel, offset] of options.from) {
      this.#channels.set(channel, { offset, decoder: new StringDecoder('utf8'), ended: false });
      this.#leftOut += offset;
    }
  }

  /** Reads on from where it stopped, over this connection. */
  read(link: Link): void {
    const open = [...this.#channels].filter(([, { ended }]) => !ended);
    this.#reading = Promise.all(open.map(([channel]) => this.#readChannel(link, channel)));
    this.#reading.catch(() => {});
  }

  async ended(): Promise<void> {
    await this.#reading;
    this.close();
  }

  /** Nothing more is read, nor shown while it comes. */
  close(): void {
    this.#closed.abort();
    clearTimeout(this.#timer);
  }

  /** What a tool call contains: what was proposed, then the terminal, or the end of the output. */
  content(): ToolCallContent[] {
    return [...this.#before, ...(this.#isTerminal ? [{ type: 'terminal' as const, terminalId: this.#path }] : this.#tailContent())];
  }

  async #readChannel(link: Link, channel: number): Promise<void> {
    const state = this.#channels.get(channel);
    if (!state) return;
    const { signal } = this.#closed;
    for await (const { offset, bytes } of link.runtime.follow(this.#run, this.#path, { channel, from: state.offset, signal })) {
      state.offset = offset + bytes.byteLength;
      await this.#take(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), state.decoder);
    }
    state.ended = true;
    await this.#take(Buffer.alloc(0), state.decoder, true);
  }

  async #take(bytes: Buffer, decoder: StringDecoder, isLast = false): Promise<void> {
    if (this.#isTerminal) {
      const data = isLast ? decoder.end() : decoder.write(bytes);
      if (data === '') return;
      await this.#outlet.send({
        sessionUpdate: 'tool_call_update',
        toolCallId: this.#path,
        _meta: { terminal_output: { terminal_id: this.#path, data } },
      });
      return;
    }
    if (bytes.length === 0) return;
    const all = Buffer.concat([this.#tail, bytes]);
    // Read in whole pieces and cut in whole pieces: the copy is of a bounded size.
    this.#tail = all.length > 2 * TAIL_BYTES ? all.subarray(all.length - TAIL_BYTES) : all;
    this.#leftOut += all.length - this.#tail.length;
    this.#replaceSoon();
  }

  #replaceSoon(): void {
    if (!this.#closed.signal.aborted) this.#timer ??= setTimeout(() => void this.#replace(), REPLACE_MS);
  }

  async #replace(): Promise<void> {
    const shown = this.#bytes;
    await this.#outlet.send({ sessionUpdate: 'tool_call_update', toolCallId: this.#path, content: this.content() });
    this.#timer = undefined;
    // What has come while the editor's pipe was full.
    if (this.#bytes > shown) this.#replaceSoon();
  }

  /** Bytes that the shown end of the output has seen. */
  get #bytes(): number {
    return this.#leftOut + this.#tail.length;
  }

  #tailContent(): ToolCallContent[] {
    if (this.#tail.length === 0 && this.#leftOut === 0) return [];
    const shown = this.#tail.subarray(Math.max(0, this.#tail.length - TAIL_BYTES));
    const left = this.#leftOut + this.#tail.length - shown.length;
    // A cut line says less than none.
    const text = left === 0 ? plainText(shown) : plainText(shown.subarray(shown.indexOf(0x0a) + 1));
    const note = left === 0 ? '' : `${left} bytes before this: headgate output ${this.#run} ${this.#path}\n\n`;
    return [textContent(`${note}${codeBlock(text)}`)];
  }
}
