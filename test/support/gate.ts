import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type ListenOptions, type NetConnectOpts, type Socket } from 'node:net';
import { vi } from 'vitest';

/** A way to a port or a unix socket that can be closed, blocked and made slow; what is under way is not lost by a block. */
export class Gate {
  /** `open` carries; `silent` accepts and answers nothing; `reset` accepts and resets. */
  state: 'open' | 'silent' | 'reset' = 'open';
  /** What the far side says arrives so much later (milliseconds). */
  delayMs = 0;
  /** Connections that have come so far. */
  connections = 0;
  /** Sees what comes from the near side; true resets that connection, and it does not arrive. */
  filter: (bytes: Buffer) => boolean = () => false;
  readonly #target: NetConnectOpts;
  readonly #sockets = new Set<Socket>();
  readonly #waiting = new Set<() => void>();
  readonly #listener = createServer({ noDelay: true, pauseOnConnect: true }, (near) => this.#accept(near));

  private constructor(target: NetConnectOpts) {
    this.#target = target;
  }

  /** Opens one on a free port of 127.0.0.1, at the path of a unix socket, or where it is told. */
  static async open(target: NetConnectOpts, at: string | ListenOptions = { port: 0, host: '127.0.0.1' }): Promise<Gate> {
    const gate = new Gate(target);
    gate.#listener.listen(typeof at === 'string' ? { path: at } : at);
    await once(gate.#listener, 'listening');
    return gate;
  }

  get port(): number {
    return (this.#listener.address() as AddressInfo).port;
  }

  /** Connections that are there. */
  get live(): number {
    return this.#sockets.size;
  }

  /** Carries on, also what has waited since it was silent. */
  release(): void {
    this.state = 'open';
    for (const begin of this.#waiting) begin();
    this.#waiting.clear();
  }

  /** Resolves at the next connection. */
  async next(): Promise<void> {
    const before = this.connections;
    await vi.waitUntil(() => this.connections > before, { timeout: 20_000, interval: 5 });
  }

  /** Ends every connection, and is open to new ones. */
  reset(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#waiting.clear();
    this.state = 'open';
    this.delayMs = 0;
    this.filter = () => false;
  }

  close(): void {
    this.reset();
    this.#listener.close();
  }

  #accept(near: Socket): void {
    this.connections++;
    near.on('error', () => {});
    if (this.state === 'reset') {
      reset(near);
      return;
    }
    this.#sockets.add(near);
    near.once('close', () => this.#sockets.delete(near));
    if (this.state === 'silent') this.#waiting.add(() => this.#join(near));
    else this.#join(near);
  }

  #join(near: Socket): void {
    if (near.destroyed) return;
    const far = connect(this.#target);
    far.on('error', () => {});
    far.once('close', () => setTimeout(() => near.destroy(), this.delayMs));
    near.once('close', () => far.destroy());
    far.on('data', (bytes: Buffer) => this.#carry(() => near.write(bytes)));
    far.on('end', () => this.#carry(() => near.end()));
    near.on('end', () => far.end());
    near.on('data', (bytes: Buffer) => {
      if (this.filter(bytes)) reset(near);
      else far.write(bytes);
    });
    near.resume();
  }

  #carry(work: () => void): void {
    if (this.delayMs === 0) work();
    else setTimeout(work, this.delayMs);
  }
}

/** A unix socket has no reset; its other side sees an end before an answer. */
function reset(socket: Socket): void {
  if (socket.remoteAddress === undefined) socket.destroy();
  else socket.resetAndDestroy();
}
