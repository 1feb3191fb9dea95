import type { Duplex } from 'node:stream';
import type { ContainerCreateOptions, ContainerInspectInfo } from 'dockerode';
import type { Clock } from '../../core/clock.ts';
import { HeadgateError, messageOf } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import type { ContainerPlace } from '../../model/place.ts';
import type { BackendHandle, OutputSink, StartRequest } from '../../model/ports/backend.ts';
import type { RemoteHandle } from '../remote/remote-handle.ts';
import { RemoteProducers } from '../remote/remote-producers.ts';
import { attachTo } from './attach.ts';
import { stateOf } from './container-end.ts';
import { commonOptions, isKept, keptOptions, OWN_FOLDER, streamOptions } from './create-options.ts';
import { EndedHandle } from './ended-handle.ts';
import { type Engine, isRefusal } from './engine.ts';
import { ExecHost } from './exec-host.ts';
import { nameOf, recordOf, refOf, startFailed } from './image-command.ts';
import { findImage, mustPull, pullImage } from './image-pull.ts';
import { imageTraits } from './image-traits.ts';
import { inTurn } from './in-turn.ts';
import { isOurs, labelsOf } from './labels.ts';
import { PendingHandle } from './pending-handle.ts';
import { ProgressChannel } from './progress-channel.ts';
import type { ContainerRecords } from './records.ts';
import { ShimHandle } from './shim-handle.ts';
import { StoredOffsets } from './stored-offsets.ts';
import { StreamHandle } from './stream-handle.ts';
import { folderTar } from './tar.ts';

/** Folder of the producer folders in a container of ours. */
const SPOOL = 'spool';
const NOTHING: ReadonlyMap<number, number> = new Map();

/** One command in a container of its own: what was asked for, and where its output goes. */
interface Command {
  readonly request: StartRequest;
  readonly place: ContainerPlace;
  readonly engine: Engine;
  readonly offsets: ReadonlyMap<number, number>;
  readonly sink: OutputSink;
}

/** Makes, finds again and removes the containers of commands that run in one of their own (SPEC {#backend_container}). */
export class ImageCommands {
  readonly #records: ContainerRecords;
  readonly #producers: RemoteProducers;
  readonly #clock: Clock;
  readonly #logger: Logger;

  constructor(options: { records: ContainerRecords; clock: Clock; logger: Logger; detachedGraceMs?: number }) {
    this.#records = options.records;
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.#producers = new RemoteProducers({ ...options, root: `${OWN_FOLDER}/${SPOOL}`, runner: () => this.#records.instance });
  }

  /** Starts it, or follows the one that was started before. */
  start(request: StartRequest, place: ContainerPlace, engine: Engine, sink: OutputSink): Promise<BackendHandle> {
    const command = { request, place, engine, offsets: NOTHING, sink };
    return inTurn(this.#key(request), async () => {
      if (this.#isBarred(request)) return this.#lost(command);
      const { producerId } = request;
      if (!this.#records.get(producerId)) this.#records.set(producerId, recordOf(request, 'preparing'));
      try {
        return await this.#begin(command);
      } catch (error) {
        if (this.#records.get(producerId)?.phase === 'preparing') this.#records.remove(producerId);
        throw error;
      }
    });
  }

  /** Takes it up at the stored offsets; one that was not started yet is started now. */
  adopt(
    request: StartRequest,
    place: ContainerPlace,
    engine: Engine,
    offsets: ReadonlyMap<number, number>,
    sink: OutputSink,
  ): Promise<BackendHandle> {
    const command = { request, place, engine, offsets, sink };
    return inTurn(this.#key(request), async () => {
      const found = await this.#find(command);
      if (found) return await this.#follow(command, found);
      const phase = this.#records.get(request.producerId)?.phase;
      return phase === 'preparing' ? await this.#begin(command) : this.#lost(command, phase === 'started');
    });
  }

  async #begin(command: Command): Promise<BackendHandle> {
    const { place, engine } = command;
    const { image = '' } = place;
    const found = await this.#find(command);
    if (found) return await this.#follow(command, found);
    const id = await findImage(engine, image);
    if (!mustPull(place, id !== undefined)) return await this.#create(command, id ?? '');
    const progress = new ProgressChannel({ ...command, logger: this.#logger });
    return new PendingHandle({
      ref: refOf(command.request),
      begin: async (signal) => {
        await pullImage(engine, image, (line) => progress.tell(line), signal);
        const pulled = await findImage(engine, image);
        signal.throwIfAborted();
        return await inTurn(this.#key(command.request), () => this.#create(command, pulled ?? image));
      },
      bar: () => this.#bar(command.request),
      remove: () => this.#remove(command, undefined),
      progress,
      clock: this.#clock,
    });
  }

  async #create(command: Command, imageId: string): Promise<BackendHandle> {
    const { request, place, engine } = command;
    const { spec } = request;
    const labels = labelsOf(request, this.#records.instance);
    const traits = await imageTraits(engine, imageId, labels);
    const common = commonOptions(spec, place, labels);
    const canKeep = traits.shell && traits.setsid && (spec.tty === undefined || traits.script);
    const options = canKeep ? keptOptions(common, this.#folder(request)) : await this.#streamOptions(command, common, traits.shell);
    try {
      await engine.call((docker) => docker.createContainer({ ...options, name: nameOf(request, place) }));
    } catch (error) {
      // The name: another start of the same command was faster, or it is somebody else's, which the look says.
      if (!isRefusal(error, 409)) throw startFailed(error, place);
    }
    const found = await this.#find(command);
    if (!found) throw new HeadgateError('conflict', 'the container was removed before it was started', { outcome: 'container_gone' });
    return await this.#follow(command, found);
  }

  async #streamOptions({ engine, request }: Command, common: ContainerCreateOptions, hasShell: boolean): Promise<ContainerCreateOptions> {
    const { InitBinary } = (await engine.call((docker) => docker.info())) as { InitBinary?: string };
    return streamOptions(common, { spec: request.spec, hasShell, hasInit: (InitBinary ?? '') !== '' });
  }

  /** Serves a container of ours, and starts it when nobody has. */
  async #follow(command: Command, info: ContainerInspectInfo): Promise<BackendHandle> {
    if (isKept(info.Config.Labels)) return await this.#keep(command, info);
    const { request, engine, offsets, sink } = command;
    const attached = stateOf(info).state === 'created' ? await this.#startIt(command, info.Id) : undefined;
    return new StreamHandle({
      engine,
      container: { id: info.Id, name: info.Name.slice(1), tty: info.Config.Tty },
      own: true,
      source: 'logs',
      attached,
      stdin: request.spec.stdin,
      ref: refOf(request),
      offsets,
      sink,
      remove: () => this.#remove(command, info.Id),
      clock: this.#clock,
      logger: this.#logger,
    });
  }

  /** The command under the shim in a container of ours. */
  async #keep(command: Command, info: ContainerInspectInfo): Promise<BackendHandle> {
    const { request, engine, offsets, sink } = command;
    const { state } = stateOf(info);
    const isNew = state === 'created' || (state === 'running' && this.#records.get(request.producerId)?.phase === 'preparing');
    const name = info.Name.slice(1);
    const host = new ExecHost(engine, { id: info.Id, name });
    const stored = new StoredOffsets(sink, offsets);
    const ref = refOf(request);
    if (state === 'created') await this.#startKeeper(command, info.Id);
    let remote: RemoteHandle;
    try {
      remote = isNew
        ? await this.#producers.start(host, request, ref, stored.sink)
        : this.#producers.adopt(host, request, ref, offsets, stored.sink);
    } catch (error) {
      await engine.call((docker) => docker.getContainer(info.Id).remove({ force: true, v: true }));
      throw error;
    }
    if (isNew) this.#started(request);
    return new ShimHandle({
      remote,
      engine,
      container: { id: info.Id, name },
      own: true,
      folder: () => this.#folder(request),
      channels: request.spec.tty ? [1] : [1, 2],
      ref,
      stored,
      sink,
      remove: () => this.#remove(command, info.Id),
      clock: this.#clock,
      logger: this.#logger,
    });
  }

  async #startKeeper({ place, engine }: Command, id: string): Promise<void> {
    try {
      await engine.call(async (docker) => {
        const container = docker.getContainer(id);
        // Any user of the container may make a folder there; nobody else is in it.
        await container.putArchive(folderTar(SPOOL, 0o1777), { path: OWN_FOLDER });
        await container.start();
      });
    } catch (error) {
      await engine.call((docker) => docker.getContainer(id).remove({ force: true, v: true }));
      throw startFailed(error, place);
    }
  }

  #folder({ producerId }: StartRequest): string {
    return `${OWN_FOLDER}/${SPOOL}/${this.#records.instance}/${producerId}`;
  }

  #started(request: StartRequest): void {
    this.#records.set(request.producerId, recordOf(request, 'started'));
  }

  async #startIt(command: Command, id: string): Promise<Duplex | undefined> {
    const { request, place, engine } = command;
    const { spec } = request;
    const attached = await engine.call((docker) => attachTo(docker.getContainer(id), { stdin: spec.stdin, output: true }));
    // Read from the first byte on, whatever comes in between.
    attached.on('error', () => {});
    this.#started(request);
    try {
      await engine.call((docker) => docker.getContainer(id).start());
    } catch (error) {
      attached.destroy();
      await engine.call((docker) => docker.getContainer(id).remove({ force: true, v: true }));
      this.#records.set(request.producerId, recordOf(request, 'preparing'));
      throw startFailed(error, place);
    }
    if (spec.tty) await this.#size(engine, id, spec.tty);
    return attached;
  }

  /** Engines before 23 take no size with a container that is created. */
  async #size(engine: Engine, id: string, { cols, rows }: { cols: number; rows: number }): Promise<void> {
    try {
      await engine.call((docker) => docker.getContainer(id).resize({ w: cols, h: rows }));
    } catch (error) {
      this.#logger.debug({ error: messageOf(error) }, 'a terminal has ended before it had its size');
    }
  }

  /** The command's container; undefined when there is none. Throws `conflict` when its name is somebody else's. */
  async #find({ request, place, engine }: Command): Promise<ContainerInspectInfo | undefined> {
    const name = nameOf(request, place);
    try {
      const info = await engine.call((docker) => docker.getContainer(name).inspect());
      if (isOurs(info.Config.Labels, request.producerId, this.#records.instance)) return info;
    } catch (error) {
      if (isRefusal(error, 404)) return undefined;
      throw error;
    }
    throw new HeadgateError('conflict', `a container ${name} is there already; choose another name, or remove it`, {
      outcome: 'name_taken',
      name,
    });
  }

  #lost(command: Command, gone = false): BackendHandle {
    const message = 'the container was removed, and with it the command, its exit code and what of its output had not been stored';
    const exit = { exitCode: null, signal: null, ...(gone ? { failure: { outcome: 'container_gone', message } } : {}) };
    return new EndedHandle({
      ref: refOf(command.request),
      exit,
      remove: () => this.#remove(command, undefined),
      barred: () => this.#bar(command.request),
      clock: this.#clock,
    });
  }

  #isBarred({ producerId }: StartRequest): boolean {
    return this.#records.get(producerId)?.phase === 'barred';
  }

  /** Whoever comes later to start it does not. */
  #bar({ producerId }: StartRequest): void {
    if (this.#records.get(producerId)?.phase !== 'started') this.#records.set(producerId, { phase: 'barred' });
  }

  async #remove({ request, engine }: Command, id: string | undefined): Promise<void> {
    if (id !== undefined) {
      try {
        await engine.call((docker) => docker.getContainer(id).remove({ force: true, v: true }));
      } catch (error) {
        // 409: somebody is removing it already.
        if (!isRefusal(error, 404, 409)) throw error;
      }
    }
    this.#records.remove(request.producerId);
  }

  #key({ producerId }: StartRequest): string {
    return `${this.#records.instance} ${producerId}`;
  }
}
