import type { Socket } from 'node:net';
import type { Grant } from '../access.ts';

/** Longest that a timer of Node.js waits (milliseconds). */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Which connections came with which token, so that they end with it (SPEC {#tokens}). */
export class TokenSockets {
  readonly #sockets = new Map<string, Set<Socket>>();

  /** Notes a connection, which ends when the token expires; a second time is harmless. */
  hold({ name: token, leftMs }: Pick<Grant, 'name' | 'leftMs'>, socket: Socket): void {
    let known = this.#sockets.get(token);
    if (!known) {
      known = new Set();
      this.#sockets.set(token, known);
    }
    if (known.has(socket)) return;
    const sockets = known;
    sockets.add(socket);
    if (leftMs !== undefined) endAfter(socket, leftMs);
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

function endAfter(socket: Socket, ms: number): void {
  const wait = Math.min(ms, MAX_TIMER_MS);
  const timer = setTimeout(() => {
    if (ms > wait) endAfter(socket, ms - wait);
    else socket.destroy();
  }, wait).unref();
  socket.once('close', () => {
    clearTimeout(timer);
  });
}
