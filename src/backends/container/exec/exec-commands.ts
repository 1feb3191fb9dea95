import type { ContainerInspectInfo } from 'dockerode';
import type { Clock } from '../../../core/clock.ts';
import { defined } from '../../../core/defined.ts';
import { HeadgateError } from '../../../core/errors.ts';
import type { Logger } from '../../../core/logger.ts';
import { launchArgv } from '../../../model/launch.ts';
import type { ContainerPlace } from '../../../model/place.ts';
import type { BackendHandle, BackendRef, OutputSink, StartRequest } from '../../../model/ports/backend.ts';
import { RemoteProducers } from '../../remote/remote-producers.ts';
import { stateOf } from '../container-end.ts';
import { EndedHandle } from '../ended-handle.ts';
import { type Engine, isRefusal } from '../engine/engine.ts';
import { isUtilLinux, pathStat } from '../image/image-traits.ts';
import type { ContainerRecords } from '../records.ts';
import { ShimHandle } from '../shim-handle.ts';
import { StoredOffsets } from '../stored-offsets.ts';
import { noContainer } from '../watch.ts';
import { ExecHost } from './exec-host.ts';
import { ExecTerminal, TERMINAL_LOST } from './exec-terminal.ts';
import { MarkedProcesses } from './marked-processes.ts';

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
    if (request.spec.tty && !(await hasScript(engine, info.Id))) return await this.#terminal(request, place, engine, info.Id, sink);
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
    if (known?.['terminal'] === true) return this.#lostTerminal(request, place, engine, id, known);
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

  /** A terminal of the engine, in a container that has none of its own. */
  async #terminal(request: StartRequest, place: ContainerPlace, engine: Engine, id: string, sink: OutputSink): Promise<BackendHandle> {
    const { producerId, spec } = request;
    const { tty, cwd, env, stdin } = spec;
    const processes = new MarkedProcesses(hostOf(engine, id, place), producerId, this.#clock);
    // It cannot be followed by two, so a second start of the same command ends what is left of the first.
    await processes.signal('SIGKILL');
    const variables = { TERM: tty?.term ?? '', ...env, HEADGATE_PRODUCER: producerId };
    const { exec, stream } = await engine.call(async (docker) => {
      const exec = await docker.getContainer(id).exec({
        Cmd: [...launchArgv(spec)],
        Tty: true,
        AttachStdin: true,
        AttachStdout: true,
        AttachStderr: true,
        Env: Object.entries(variables).map(([name, value]) => `${name}=${value}`),
        ...(cwd === '' ? {} : { WorkingDir: cwd }),
        ...defined({ User: place.user }),
      });
      return { exec, stream: await exec.start({ hijack: true, stdin: true, Tty: true }) };
    });
    const ref = { producerId, container: id, terminal: true };
    const handle = new ExecTerminal({ engine, exec, stream, processes, ref, stdin, sink, clock: this.#clock, logger: this.#logger });
    if (tty) await handle.resize(tty.cols, tty.rows).catch(() => {});
    return handle;
  }

  #lostTerminal({ producerId }: StartRequest, place: ContainerPlace, engine: Engine, id: string, ref: BackendRef): BackendHandle {
    const processes = new MarkedProcesses(hostOf(engine, id, place), producerId, this.#clock);
    const ended = processes.signal('SIGKILL').then(() => TERMINAL_LOST);
    return new EndedHandle({ ref, exit: ended, remove: () => Promise.resolve(), barred: () => {}, clock: this.#clock });
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

async function hasScript(engine: Engine, id: string): Promise<boolean> {
  const found = await Promise.all(['/usr/bin/script', '/bin/script'].map((path) => pathStat(engine, id, path)));
  return found.some((stat) => isUtilLinux(stat));
}

function hostOf(engine: Engine, id: string, { container: name = '', user }: ContainerPlace): ExecHost {
  return new ExecHost(engine, { id, name, user }, true);
}

async function inspect(engine: Engine, name: string): Promise<ContainerInspectInfo | undefined> {
  try {
    return await engine.call((docker) => docker.getContainer(name).inspect());
  } catch (error) {
    if (isRefusal(error, 404)) return undefined;
    throw error;
  }
}
