import { Agent } from 'node:http';
import { Agent as TlsAgent } from 'node:https';
import { setTimeout as delay } from 'node:timers/promises';
import type Docker from 'dockerode';
import { Backoff } from '../../../core/backoff.ts';
import { HeadgateError, isHeadgateError, messageOf, systemCode } from '../../../core/errors.ts';
import type { DockerHost } from './docker-host.ts';

/** Pauses between attempts to reach an engine that has gone, milliseconds: the first, and the longest. */
const RETRY = { firstMs: 100, longestMs: 2000 };

const GONE = new Set([
  'ENOENT',
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
]);

/** Opens connections to an engine through an SSH connection instead of a socket. */
export type EngineAgent = Agent;

/**
 * One container engine, by its API. Every method throws named errors; `isUnreachable` tells an engine that cannot be reached from one that
 * refused.
 */
export class Engine {
  readonly name: string;
  /** True for a socket of this machine: a stream of it ends only when the engine ends it. */
  readonly local: boolean;
  /** Through SSH: a failure of the connection may be a passing one. */
  readonly #remote: boolean;
  readonly #options: object;
  #docker: Promise<Docker> | undefined;

  constructor(host: DockerHost, agent?: EngineAgent) {
    this.name = host.name;
    this.local = host.kind === 'unix';
    this.#remote = host.kind === 'ssh';
    this.#options = { ...NOTHING_OF_THE_ENVIRONMENT, ...dockerOptions(host, agent) };
  }

  /**
   * Makes one call. Throws `overloaded` with outcome `engine_unreachable` for an engine that cannot be reached, and its refusal as
   * {@link EngineRefusal}.
   */
  async call<T>(work: (docker: Docker) => Promise<T>): Promise<T> {
    this.#docker ??= connect(this.#options);
    try {
      return await work(await this.#docker);
    } catch (error) {
      throw this.#named(error);
    }
  }

  /** As `call`, but retries with growing pauses until the engine can be reached or `signal` is aborted. */
  async patiently<T>(work: (docker: Docker) => Promise<T>, signal: AbortSignal, waiting?: (error: unknown) => void): Promise<T> {
    for (const pauses = new Backoff(RETRY); ; ) {
      try {
        signal.throwIfAborted();
        return await this.call(work);
      } catch (error) {
        if (!(isUnreachable(error) || (this.#remote && !(error instanceof EngineRefusal))) || signal.aborted) throw error;
        waiting?.(error);
        await delay(pauses.next(), undefined, { signal });
      }
    }
  }

  #named(error: unknown): unknown {
    const status = statusOf(error);
    if (status !== undefined) return new EngineRefusal(status, reasonOf(error), error);
    const code = systemCode(error);
    if (code === 'EACCES') {
      return new HeadgateError(
        'unsupported',
        `this user may not use ${this.name}; join the group of the socket (docker), or name another host`,
        {
          outcome: 'engine_forbidden',
        },
      );
    }
    if ((code !== undefined && GONE.has(code)) || /socket hang up/.test(messageOf(error))) {
      return new HeadgateError(
        'overloaded',
        `no container engine answers at ${this.name} (${code ?? 'hung up'}); start it (systemctl start docker), or name another with container.host`,
        { outcome: 'engine_unreachable', host: this.name, retry_after_ms: 1000 },
        { cause: error },
      );
    }
    return error;
  }
}

/** The library takes longer to load than a server to start, so it is loaded with the first call. */
async function connect(options: object): Promise<Docker> {
  const { default: Library } = await import('dockerode');
  return new Library(options);
}

/** The refusal of an engine. */
export class EngineRefusal extends Error {
  readonly status: number;

  constructor(status: number, message: string, cause: unknown) {
    super(message, { cause });
    this.name = 'EngineRefusal';
    this.status = status;
  }
}

/** Outcomes of an engine that cannot be reached, and of its host over SSH. */
const UNREACHABLE: readonly unknown[] = ['engine_unreachable', 'unreachable', 'refused'];

/** True when there was no response, or the connection broke: the request may have been carried out. */
export function isUnreachable(error: unknown): boolean {
  return isHeadgateError(error) && UNREACHABLE.includes(error.facts['outcome']);
}

/** True for a refusal of the engine, with one of these HTTP statuses if some are given. */
export function isRefusal(error: unknown, ...statuses: number[]): error is EngineRefusal {
  return error instanceof EngineRefusal && (statuses.length === 0 || statuses.includes(error.status));
}

/** The library reads DOCKER_HOST and its like by itself unless each of these is named. */
const NOTHING_OF_THE_ENVIRONMENT = {
  host: undefined,
  port: undefined,
  protocol: undefined,
  socketPath: undefined,
  ca: undefined,
  cert: undefined,
  key: undefined,
  username: undefined,
  timeout: undefined,
  pathPrefix: '/',
};

function dockerOptions(host: DockerHost, agent: EngineAgent | undefined): object {
  // A kept connection is dead after a restart of the engine, and a request on it may or may not have been carried out.
  const plain = () => agent ?? new Agent({ keepAlive: false });
  if (host.kind === 'unix') return { socketPath: host.socket, agent: plain() };
  // The agent makes the connection; the host name is not used.
  if (host.kind === 'ssh') return { host: 'localhost', port: 80, protocol: 'http', agent: plain() };
  const { tls } = host;
  if (!tls) return { host: host.host, port: host.port, protocol: 'http', agent: plain() };
  return { host: host.host, port: host.port, protocol: 'https', ...tls, agent: new TlsAgent({ keepAlive: false }) };
}

function statusOf(error: unknown): number | undefined {
  return error instanceof Error && 'statusCode' in error && typeof error.statusCode === 'number' ? error.statusCode : undefined;
}

/** The engine's own message, which the library wraps in one of its own. */
function reasonOf(error: unknown): string {
  if (error instanceof Error && 'json' in error) {
    const { json } = error;
    if (typeof json === 'object' && json !== null && 'message' in json && typeof json.message === 'string') return json.message;
  }
  return messageOf(error);
}
