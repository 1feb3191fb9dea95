import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type NetConnectOpts, type Server, type Socket } from 'node:net';

/** A way to a server that breaks each connection after so many bytes of the server's, wherever in a message that is. */
export class CuttingProxy {
  /** How many connections it has broken. */
  cuts = 0;
  /** Bytes that the next connections let through, one each; then none is broken any more. */
  readonly #budgets: number[];
  readonly #sockets = new Set<Socket>();
  readonly #listener: Server;

  private constructor(target: NetConnectOpts, budgets: readonly number[]) {
    this.#budgets = [...budgets];
    this.#listener = createServer((near) => this.#join(near, connect(target)));
  }

  /** Opens one on a free port of 127.0.0.1, or at the path of a unix socket. */
  static async open(target: NetConnectOpts, budgets: readonly number[], path?: string): Promise<CuttingProxy> {
    const proxy = new CuttingProxy(target, budgets);
    if (path === undefined) proxy.#listener.listen(0, '127.0.0.1');
    else proxy.#listener.listen(path);
    await once(proxy.#listener, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.#listener.address() as AddressInfo).port;
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#listener.close();
  }

  #join(near: Socket, far: Socket): void {
    let left = this.#budgets.shift() ?? Number.POSITIVE_INFINITY;
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(one);
      one.on('error', () => {});
      one.on('close', () => {
        this.#sockets.delete(one);
        other.destroy();
      });
    }
    near.pipe(far);
    far.on('data', (bytes: Buffer) => {
      if (bytes.length < left) {
        left -= bytes.length;
        if (!near.write(bytes)) {
          far.pause();
          near.once('drain', () => far.resume());
        }
      } else if (left > 0) {
        this.cuts++;
        near.end(bytes.subarray(0, left), () => near.destroy());
        left = 0;
        far.destroy();
      }
    });
  }
}
