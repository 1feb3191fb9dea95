import type { Socket } from 'node:net';

/** Which connections came with which token, so that they end with it (SPEC {#tokens}). */
export class TokenSockets {
  readonly #sockets = new Map<string, Set<Socket>>();

  /** Notes a connection; a second time is harmless. */
  hold(token: string, socket: Socket): void {
    let known = this.#sockets.get(token);
    if (!known) {
      known = new Set();
      this.#sockets.set(token, known);
    }
    if (known.has(socket)) return;
    const sockets = known;
    sockets.add(socket);
    socket.once('close', () => {
      sockets.delete(socket);
      if (sockets.size === 0 && this.#sockets.get(token) === sockets) this.#sockets.delete(token);
    });
  }

  /** Ends every connection of a token at once; how many there were. */
  end(token: string): number {
    const sockets = [...(this.#sockets.get(token) ?? [])];
    for (const socket of sockets) socket.destroy();
    return sockets.length;
  }
}
