import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../../core/clock.ts';
import { HeadgateError, messageOf } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import type { ContainerPlace } from '../../model/place.ts';
import type { Backend, BackendCapabilities, BackendHandle, BackendRef, OutputSink, StartRequest } from '../../model/ports/backend.ts';
import { type DockerEnvironment, dockerHost } from './docker-host.ts';
import { Engine } from './engine.ts';
import { ExecCommands } from './exec-commands.ts';
import { ImageCommands } from './image-commands.ts';
import { ContainerRecords } from './records.ts';
import { watchContainer } from './watch.ts';

/** How long an engine has to say that it is there (milliseconds). */
const PING_MS = 1500;

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
export function createContainerBackend(options: ContainerBackendOptions): Backend {
  return new ContainerBackend(options);
}

class ContainerBackend implements Backend {
  readonly #options: ContainerBackendOptions;
  readonly #records: ContainerRecords;
  #images: ImageCommands | undefined;
  #execs: ExecCommands | undefined;
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
      ...(reason === undefined ? {} : { reason }),
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
    return { place, engine: this.#engine(place) };
  }

  #engine({ host, tls }: ContainerPlace): Engine {
    const key = `${host ?? ''}\n${tls ?? ''}`;
    const engine = this.#engines.get(key) ?? new Engine(dockerHost({ host, tls }, this.#options.env ?? process.env));
    // The default may be another socket later: the engine of the first one may have come up since.
    if (host !== undefined) this.#engines.set(key, engine);
    return engine;
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
