import { existsSync } from 'node:fs';
import { Agent } from 'node:http';
import { constants } from 'node:os';
import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../../core/clock.ts';
import { defined } from '../../core/defined.ts';
import { HeadgateError, isHeadgateError, messageOf } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import type { ContainerPlace, SshPlace } from '../../model/place.ts';
import type { Backend, BackendCapabilities, BackendHandle, BackendRef, OutputSink, StartRequest } from '../../model/ports/backend.ts';
import { LinkLost } from '../remote/shell-host.ts';
import { SshHosts } from '../ssh/ssh-backend.ts';
import type { SshHost } from '../ssh/ssh-host.ts';
import { type DockerEnvironment, type DockerHost, dockerHost } from './engine/docker-host.ts';
import { Engine } from './engine/engine.ts';
import { ExecCommands } from './exec/exec-commands.ts';
import { ImageCommands } from './image/image-commands.ts';
import { type ContainerRecord, ContainerRecords } from './records.ts';
import { sweepContainers } from './sweep.ts';
import { watchContainer } from './watch.ts';

/** How long an engine has to say that it is there (milliseconds). */
const PING_MS = 1500;
/** Where an engine on another host listens unless `container.host` says otherwise. */
const SOCKET = '/var/run/docker.sock';

export interface ContainerBackendOptions {
  /** Where is noted which containers are ours; made with the first of them. */
  readonly folder: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Milliseconds; 1000 by default. */
  readonly detachedGraceMs?: number;
  /** Where DOCKER_HOST and its like are read; the variables of this process by default. */
  readonly env?: DockerEnvironment;
}

/** Commands in containers, through the API of Docker or Podman (SPEC {#backend_container}). */
export function createContainerBackend(options: ContainerBackendOptions): Backend & { sweep(keep: ReadonlySet<string>): Promise<void> } {
  return new ContainerBackend(options);
}

class ContainerBackend implements Backend {
  readonly #options: ContainerBackendOptions;
  readonly #records: ContainerRecords;
  #images: ImageCommands | undefined;
  #execs: ExecCommands | undefined;
  readonly #hosts = new SshHosts();
  readonly #engines = new Map<string, Engine>();

  constructor(options: ContainerBackendOptions) {
    this.#options = options;
    this.#records = new ContainerRecords(options.folder);
  }

  async capabilities(): Promise<BackendCapabilities> {
    const reason = await this.#whyUnavailable();
    return {
      name: 'container',
      available: reason === undefined,
      ...defined({ reason }),
      stdin: true,
      tty: true,
      signals: Object.keys(constants.signals),
      adopt: true,
    };
  }

  async start(request: StartRequest, sink: OutputSink): Promise<BackendHandle> {
    const { place, engine } = this.#where(request);
    if (place.watch !== undefined)
      return await watchContainer({ ...this.#options, engine, place, request, sink, offsets: new Map(), again: false });
    if (place.container !== undefined) return await this.#inContainers().start(request, place, engine, sink);
    return await this.#ofImages().start(request, place, engine, sink);
  }

  async adopt(
    request: StartRequest,
    ref: BackendRef | null,
    offsets: ReadonlyMap<number, number>,
    sink: OutputSink,
  ): Promise<BackendHandle> {
    const { place, engine } = this.#where(request);
    if (place.watch !== undefined)
      return await watchContainer({ ...this.#options, engine, place, request, sink, offsets, again: true, known: ref?.['container'] });
    if (place.container !== undefined) return this.#inContainers().adopt(request, place, engine, ref, offsets, sink);
    return await this.#ofImages().adopt(request, place, engine, offsets, sink);
  }

  // Made with the first command: they write who we are into the folder.
  #ofImages(): ImageCommands {
    this.#images ??= new ImageCommands({ ...this.#options, records: this.#records });
    return this.#images;
  }

  #inContainers(): ExecCommands {
    this.#execs ??= new ExecCommands({ ...this.#options, records: this.#records });
    return this.#execs;
  }

  #where({ spec }: StartRequest): { place: ContainerPlace; engine: Engine } {
    const place = spec.container;
    if (!place) throw new HeadgateError('invalid_params', 'the container backend needs an image or a container', { field: 'container' });
    return { place, engine: this.#engine(place, spec.ssh) };
  }

  #engine({ host, tls }: Pick<ContainerRecord, 'host' | 'tls'>, ssh: SshPlace | undefined): Engine {
    const key = JSON.stringify([host, tls, ssh]);
    const engine = this.#engines.get(key) ?? this.#connect(host, tls, ssh);
    // The default may be another socket later: the engine of the first one may have come up since.
    if (host !== undefined || ssh !== undefined) this.#engines.set(key, engine);
    return engine;
  }

  #connect(host: string | undefined, tls: string | undefined, ssh: SshPlace | undefined): Engine {
    // On another host the variables of this one mean nothing.
    const where = dockerHost({ host: host ?? (ssh ? 'unix://' : undefined), tls }, this.#options.env ?? process.env);
    if (!ssh && where.kind !== 'ssh') return new Engine(where);
    if (ssh && where.kind !== 'unix') {
      throw new HeadgateError(
        'invalid_params',
        'with ssh, container.host can only be a socket on that host, such as unix:///var/run/docker.sock',
        {
          field: 'container.host',
        },
      );
    }
    const socket = where.kind === 'unix' ? where.socket : SOCKET;
    const way = this.#hosts.host(ssh ?? sshPlaceOf(where));
    return new Engine({ kind: 'ssh', name: `${socket} on ${way.name}`, host: way.name }, new SshAgent(way, socket));
  }

  /** Removes what earlier commands have left; `keep` names those that are still known. Logs what fails. */
  async sweep(keep: ReadonlySet<string>): Promise<void> {
    const { logger } = this.#options;
    const engineOf = ({ host, tls, ssh }: ContainerRecord) => this.#engine({ host, tls }, ssh);
    await sweepContainers({ records: this.#records, keep, engineOf, logger });
  }

  async #whyUnavailable(): Promise<string | undefined> {
    try {
      const host = dockerHost({}, this.#options.env ?? process.env);
      if (host.kind === 'unix' && !existsSync(host.socket)) {
        return `no container engine: ${host.socket} does not exist; install Docker (Debian: docker.io) or start Podman's socket, or name an engine with container.host`;
      }
      const silent = delay(PING_MS, `the engine at ${host.name} does not answer`, { ref: false });
      return await Promise.race([new Engine(host).call((docker) => docker.ping()).then(() => undefined), silent]);
    } catch (error) {
      return messageOf(error);
    }
  }
}

function sshPlaceOf(where: DockerHost): SshPlace {
  if (where.kind !== 'ssh') throw new Error('not reached over SSH');
  const { host, port, user } = where;
  return { host, ...defined({ port, user }) };
}

type Opened = (error: Error | null, stream: Duplex) => void;

/** Carries requests to an engine's socket on another host: each is a channel of the SSH connection (SPEC {#backend_container}). */
class SshAgent extends Agent {
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
