import { CARRIAGE_HEADER_BYTES, writeCarriageHeader } from '../../src/rpc/protocol/carriage.ts';
import type { Params, WireClient } from './built-server.ts';

/** A producer as it is handed over. */
export type Handed = Params & { producer: string; handle: number; epoch: number; offsets: Record<string, number> };

/** A runner by hand: it takes what it is given and runs nothing. */
export class HandRunner {
  readonly wire: WireClient;
  readonly requests: { id: number; method: string; params: Handed }[] = [];
  readonly errors: { code: number; data: Params }[] = [];
  /** It takes requests and answers none. */
  deaf = false;
  readonly #watchers = new Set<() => void>();

  constructor(wire: WireClient) {
    this.wire = wire;
    wire.socket.on('message', (data: Buffer) => {
      const message = JSON.parse(data.toString()) as { id?: number | null; method?: string; params?: Handed; error?: never };
      if (message.error && message.id === null) this.errors.push(message.error);
      if (message.method && typeof message.id === 'number') {
        this.requests.push({ id: message.id, method: message.method, params: message.params! });
        const result = message.method === 'runner/input' ? { bytes: 2 } : {};
        if (!this.deaf) wire.socket.send(JSON.stringify({ jsonrpc: '2.0', id: message.id, result }));
      }
      for (const watcher of this.#watchers) watcher();
    });
  }

  async until<T>(look: () => T | undefined): Promise<T> {
    for (;;) {
      const found = look();
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => {
        const watcher = () => {
          this.#watchers.delete(watcher);
          resolve();
        };
        this.#watchers.add(watcher);
      });
    }
  }

  asked(method: string, nth = 0): Promise<Handed> {
    return this.until(() => this.requests.filter((one) => one.method === method)[nth]?.params);
  }

  register(more: Params = {}): Promise<Params & { adopt: string[]; release: Params[] }> {
    const facts = { name: 'hand', labels: ['gpu'], backends: ['process'], capacity: 10, instance: 'folder-one' };
    return this.wire.call('runner/register', { ...facts, ...more });
  }

  frame(handle: number, channel: number, offset: number, bytes: string | Buffer): void {
    const frame = Buffer.alloc(CARRIAGE_HEADER_BYTES + bytes.length);
    writeCarriageHeader(frame, 0, { handle, channel, offset });
    frame.set(Buffer.from(bytes), CARRIAGE_HEADER_BYTES);
    this.wire.socket.send(frame);
  }

  started({ producer, epoch }: Handed): Promise<Params> {
    return this.wire.call('runner/started', { producer, epoch, ref: { pid: 1 } });
  }

  completed({ producer, epoch }: Handed, exitCode = 0): Promise<Params> {
    return this.wire.call('runner/completed', { producer, epoch, exitCode, durationMs: 5, detached: [] });
  }
}
