import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { CallerLimits } from '../../../model/caller-limits.ts';

interface Newcomer {
  readonly socket: Socket;
  readonly deadline: NodeJS.Timeout;
}

/**
 * Connections that have brought no token: so many at most, each for so long (SPEC {#caller_limits}). A caller with a token is let in however many
 * others knock.
 */
export class Newcomers {
  /** By address and port of the other side, which a connection has in common with the encrypted one on it. Oldest first. */
  readonly #waiting = new Map<string, Newcomer>();

  constructor(server: Server, { unauthenticated, authenticateMs }: Pick<CallerLimits, 'unauthenticated' | 'authenticateMs'>) {
    server.on('connection', (socket: Socket) => {
      const key = keyOf(socket);
      const deadline = setTimeout(() => socket.destroy(), authenticateMs);
      deadline.unref();
      this.#waiting.set(key, { socket, deadline });
      socket.once('close', () => this.#forget(key, socket));
      const [oldest] = this.#waiting.values();
      if (this.#waiting.size > unauthenticated) oldest?.socket.destroy();
    });
  }

  /** This connection has brought its token. */
  known(socket: Socket): void {
    this.#forget(keyOf(socket));
  }

  #forget(key: string, socket?: Socket): void {
    const newcomer = this.#waiting.get(key);
    if (!newcomer || (socket !== undefined && newcomer.socket !== socket)) return;
    clearTimeout(newcomer.deadline);
    this.#waiting.delete(key);
  }
}

function keyOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
