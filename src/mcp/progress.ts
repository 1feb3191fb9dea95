import type { ServerContext } from '@modelcontextprotocol/server';
import type { Runtime } from '../rpc/client/index.ts';
import { type CommandRef, type Producer, producerOf } from './command.ts';
import { bytesOf, textOf } from './piece.ts';

/** How often a client that asked for progress gets it. */
const PROGRESS_MS = 1000;
const TAIL_BYTES = 300;

/**
 * Tells a client that sent a progress token how far a command is, until the returned function is called: nothing is sent after that
 * (SPEC {#mcp_wait}).
 */
export function tellProgress(runtime: Runtime, ref: CommandRef, mcpReq: ServerContext['mcpReq']): () => void {
  const progressToken = mcpReq._meta?.progressToken;
  if (progressToken === undefined) return () => {};
  const follower = new Follower(runtime, ref);
  let progress = 0;
  let busy = false;
  let over = false;
  const tell = async () => {
    if (busy) return;
    busy = true;
    try {
      const message = await follower.look();
      if (!over) await mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress: ++progress, message } });
    } catch {
      // The answer says what is wrong.
    } finally {
      busy = false;
    }
  };
  void tell();
  const timer = setInterval(() => void tell(), PROGRESS_MS);
  return () => {
    over = true;
    clearInterval(timer);
  };
}

/**
 * Looks at a command again and again. Each look is one answer of the server: the state and the sizes of that moment. Stored bytes never
 * change, so the last line before those sizes is of the same moment, however late it is read.
 */
class Follower {
  readonly #runtime: Runtime;
  readonly #ref: CommandRef;
  /** Bytes of each channel at the last look. */
  #sizes = new Map<number, number>();
  /** The channel that was last seen to grow. */
  #latest: number | undefined;

  constructor(runtime: Runtime, ref: CommandRef) {
    this.#runtime = runtime;
    this.#ref = ref;
  }

  async look(): Promise<string> {
    const producer = await producerOf(this.#runtime, this.#ref);
    if (!producer) return 'waits until a person accepts it';
    this.#follow(producer);
    if (this.#latest === undefined) return 'runs, nothing written yet';
    const bytes = [...this.#sizes.values()].reduce((sum, size) => sum + size, 0);
    const line = await this.#lastLine(this.#latest, this.#sizes.get(this.#latest) ?? 0);
    return line ? `${bytes} bytes: ${line}` : `${bytes} bytes`;
  }

  #follow({ channels }: Producer): void {
    const grown = channels.filter(({ channel, bytes }) => bytes > (this.#sizes.get(channel) ?? 0)).map(({ channel }) => channel);
    if (this.#latest === undefined || (grown.length > 0 && !grown.includes(this.#latest))) this.#latest = grown[0];
    this.#sizes = new Map(channels.map(({ channel, bytes }) => [channel, bytes]));
  }

  /** The last line of what a channel held when it had this many bytes. */
  async #lastLine(channel: number, bytes: number): Promise<string | undefined> {
    const from = Math.max(0, bytes - TAIL_BYTES);
    const page = await this.#runtime.look('stream/read', { ...this.#ref, channel, from, max_bytes: bytes - from, redact: true });
    return textOf(bytesOf(page))
      ?.trimEnd()
      .split(/[\r\n]/)
      .at(-1);
  }
}
