import type { ContainerInspectInfo } from 'dockerode';
import type { Clock } from '../../core/clock.ts';
import { HeadgateError } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import type { ContainerPlace } from '../../model/place.ts';
import type { BackendHandle, BackendRef, OutputSink, StartRequest } from '../../model/ports/backend.ts';
import { RemoteProducers } from '../remote/remote-producers.ts';
import { stateOf } from './container-end.ts';
import { type Engine, isRefusal } from './engine.ts';
import { ExecHost } from './exec-host.ts';
import type { ContainerRecords } from './records.ts';
import { ShimHandle } from './shim-handle.ts';
import { StoredOffsets } from './stored-offsets.ts';
import { noContainer } from './watch.ts';

/** Commands in containers that are there already: the shim in them, its folder in their file system (SPEC {#backend_container}). */
export class ExecCommands {
  readonly #producers: RemoteProducers;
  readonly #clock: Clock;
  readonly #logger: Logger;

  constructor(options: { records: ContainerRecords; clock: Clock; logger: Logger; detachedGraceMs?: number }) {
    this.#producers = new RemoteProducers({ ...options, runner: () => options.records.instance });
    this.#clock = options.clock;
    this.#logger = options.logger;
  }

  /** Starts it, or follows the one that was started before. Throws `container_missing`, `container_stopped` and what the shim says. */
  async start(request: StartRequest, place: ContainerPlace, engine: Engine, sink: OutputSink): Promise<BackendHandle> {
    const { container: name = '' } = place;
    const info = await inspect(engine, name);
    if (!info) throw noContainer(name);
    if (stateOf(info).state !== 'running') {
      throw new HeadgateError('conflict', `the container ${name} does not run; start it with docker start`, {
        outcome: 'container_stopped',
      });
    }
    const stored = new StoredOffsets(sink, new Map());
    const ref = { producerId: request.producerId, container: info.Id };
    const remote = await this.#producers.start(hostOf(engine, info.Id, place), request, ref, stored.sink);
    const { folder } = await remote.started;
    return this.#serve({ request, engine, id: info.Id, name, stored, sink, remote, ref: { ...ref, folder }, folder: () => folder });
  }

  /** Takes it up; the container is found by its id, since another one may have its name now. */
  adopt(
    request: StartRequest,
    place: ContainerPlace,
    engine: Engine,
    known: BackendRef | null,
    offsets: ReadonlyMap<number, number>,
    sink: OutputSink,
  ): BackendHandle {
    const { container: name = '' } = place;
    const id = typeof known?.['container'] === 'string' ? known['container'] : name;
    const stored = new StoredOffsets(sink, offsets);
    const ref = known ?? { producerId: request.producerId };
    const remote = this.#producers.adopt(hostOf(engine, id, place), request, ref, offsets, stored.sink);
    let folder = typeof known?.['folder'] === 'string' ? known['folder'] : undefined;
    remote.started.then(
      (fact) => {
        folder = fact.folder;
      },
      () => {},
    );
    return this.#serve({ request, engine, id, name, stored, sink, remote, ref, folder: () => folder });
  }

  #serve(o: {
    request: StartRequest;
    engine: Engine;
    id: string;
    name: string;
    stored: StoredOffsets;
    sink: OutputSink;
    remote: Awaited<ReturnType<RemoteProducers['start']>>;
    ref: BackendRef;
    folder: () => string | undefined;
  }): BackendHandle {
    return new ShimHandle({
      ...o,
      container: { id: o.id, name: o.name },
      own: false,
      channels: o.request.spec.tty ? [1] : [1, 2],
      remove: () => Promise.resolve(),
      clock: this.#clock,
      logger: this.#logger,
    });
  }
}

function hostOf(engine: Engine, id: string, { container: name = '', user }: ContainerPlace): ExecHost {
  return new ExecHost(engine, { id, name, user });
}

async function inspect(engine: Engine, name: string): Promise<ContainerInspectInfo | undefined> {
  try {
    return await engine.call((docker) => docker.getContainer(name).inspect());
  } catch (error) {
    if (isRefusal(error, 404)) return undefined;
    throw error;
  }
}
