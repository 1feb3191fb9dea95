import { Agent } from 'node:http';
import type { Duplex } from 'node:stream';
import { HeadgateError, isHeadgateError, messageOf } from '../../core/errors.ts';
import { LinkLost } from '../remote/shell-host.ts';
import type { SshHost } from '../ssh/ssh-host.ts';

type Opened = (error: Error | null, stream: Duplex) => void;

/** Carries requests to an engine's socket on another host: each is a channel of the SSH connection (SPEC {#backend_container}). */
export class SshAgent extends Agent {
  readonly #host: SshHost;
  readonly #socket: string;

  constructor(host: SshHost, socket: string) {
    super({ keepAlive: false });
    this.#host = host;
    this.#socket = socket;
  }

  override createConnection(_options: object, opened: Opened): undefined {
    this.#host.openSocket(this.#socket).then(
      (stream) => opened(null, stream),
      (error: unknown) => opened(this.#named(error), undefined as unknown as Duplex),
    );
  }

  #named(error: unknown): Error {
    if (isHeadgateError(error)) return error;
    const why = error instanceof LinkLost ? 'the connection broke' : messageOf(error);
    return new HeadgateError(
      'overloaded',
      `no container engine answers at ${this.#socket} on ${this.#host.name} (${why}); start it there, or name its socket with container.host`,
      { outcome: 'engine_unreachable', retry_after_ms: 1000 },
      { cause: error },
    );
  }
}
