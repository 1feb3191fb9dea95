import type { Duplex } from 'node:stream';
import type { ContainerCreateOptions, ContainerInspectInfo } from 'dockerode';
import type { Clock } from '../../../core/clock.ts';
import { HeadgateError, messageOf } from '../../../core/errors.ts';
import type { Logger } from '../../../core/logger.ts';
import type { ContainerPlace } from '../../../model/place.ts';
import type { BackendHandle, BackendRef, OutputSink, StartRequest } from '../../../model/ports/backend.ts';
import type { RemoteHandle } from '../../remote/remote-handle.ts';
import { RemoteProducers } from '../../remote/remote-producers.ts';
import { stateOf } from '../container-end.ts';
import { EndedHandle } from '../ended-handle.ts';
import { attachTo } from '../engine/attach.ts';
import { type Engine, isRefusal, isUnreachable } from '../engine/engine.ts';
import { ExecHost } from '../exec/exec-host.ts';
import { clearLooks, discard } from '../left-behind.ts';
import type { ContainerRecord, ContainerRecords } from '../records.ts';
import { ShimHandle } from '../shim-handle.ts';
import { StoredOffsets } from '../stored-offsets.ts';
import { StreamHandle } from '../stream-handle.ts';
import { folderTar } from '../tar.ts';
import { commonOptions, isKept, keptOptions, OWN_FOLDER, producerFolder, SPOOL, streamOptions } from './create-options.ts';
import { findImage, mustPull, pullImage } from './image-pull.ts';
import { imageTraits } from './image-traits.ts';
import { isOurs, labelFilters, labelsOf } from './labels.ts';
import { PendingHandle } from './pending-handle.ts';
import { ProgressChannel } from './progress-channel.ts';

const last = new Map<string, Promise<unknown>>();

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
      else await this.#clearLooks(command);
      try {
        return await this.#begin(command);
      } catch (error) {
        // What an engine that is gone has done is not known: the record finds it, or a later sweep.
        const isKnown = !isUnreachable(error) && !request.letGo?.aborted;
        if (isKnown && this.#records.get(producerId)?.phase === 'preparing') this.#records.remove(producerId);
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
      if (phase === 'preparing') await this.#clearLooks(command);
      if (phase !== 'preparing' || request.cancelled?.aborted) return this.#lost(command, phase === 'started');
      return await this.#begin(command);
    });
  }

  async #begin(command: Command): Promise<BackendHandle> {
    const { place, engine } = command;
    const { image = '' } = place;
    const found = await this.#find(command);
    if (found) return await this.#follow(command, found);
    unlessCancelled(command);
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
    unlessCancelled(command);
    try {
      await engine.call((docker) => docker.createContainer({ ...options, name: nameOf(request, place) }));
    } catch (error) {
      // The name: another start of the same command was faster, or it is not ours, which the look says.
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

  /** Serves a container of ours, and starts it when it was not started yet. */
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
    const { engine, offsets, sink } = command;
    let { request } = command;
    const { state } = stateOf(info);
    const isNew = state === 'created' || (state === 'running' && this.#records.get(request.producerId)?.phase === 'preparing');
    const name = info.Name.slice(1);
    const host = new ExecHost(engine, { id: info.Id, name });
    const stored = new StoredOffsets(sink, offsets);
    const ref = refOf(request);
    if (state === 'created') await this.#startKeeper(command, info.Id);
    else if (isNew) request = { ...request, again: true };
    let remote: RemoteHandle;
    try {
      remote = isNew
        ? await this.#producers.start(host, request, ref, stored.sink)
        : this.#producers.adopt(host, request, ref, offsets, stored.sink);
    } catch (error) {
      if (!request.letGo?.aborted) await this.#discard(command, info.Id);
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

  async #startKeeper(command: Command, id: string): Promise<void> {
    const { place, engine } = command;
    try {
      unlessCancelled(command);
      await engine.call(async (docker) => {
        const container = docker.getContainer(id);
        // Any user of the container may make a folder there; no other user is in it.
        await container.putArchive(await folderTar(SPOOL, 0o1777), { path: OWN_FOLDER });
        await container.start();
      });
    } catch (error) {
      await this.#discard(command, id);
      throw startFailed(error, place);
    }
  }

  #folder({ producerId }: StartRequest): string {
    return producerFolder(this.#records.instance, producerId);
  }

  #started(request: StartRequest): void {
    this.#records.set(request.producerId, recordOf(request, 'started'));
  }

  async #startIt(command: Command, id: string): Promise<Duplex | undefined> {
    const { request, place, engine } = command;
    const { spec } = request;
    if (request.cancelled?.aborted) await this.#discard(command, id);
    unlessCancelled(command);
    const attached = await engine.call((docker) => attachTo(docker.getContainer(id), { stdin: spec.stdin, output: true }));
    // Read from the first byte on, whatever comes in between.
    attached.on('error', () => {});
    this.#started(request);
    try {
      await engine.call((docker) => docker.getContainer(id).start());
    } catch (error) {
      attached.destroy();
      this.#records.set(request.producerId, recordOf(request, 'preparing'));
      await this.#discard(command, id);
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

  /** The command's container; undefined when there is none. Throws `conflict` when another container has its name. */
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

  /** A later attempt to start it does nothing. */
  #bar(request: StartRequest): void {
    const { producerId } = request;
    if (this.#records.get(producerId)?.phase !== 'started') this.#records.set(producerId, recordOf(request, 'barred'));
  }

  async #clearLooks({ request, place, engine }: Command): Promise<void> {
    await clearLooks(engine, labelFilters(request.producerId, this.#records.instance), nameOf(request, place));
  }

  async #discard({ request, engine }: Command, id: string): Promise<void> {
    this.#bar(request);
    await discard({ engine, id, logger: this.#logger, forget: () => this.#records.remove(request.producerId) });
  }

  async #remove({ request, engine }: Command, id: string | undefined): Promise<void> {
    if (id !== undefined) {
      try {
        await engine.call((docker) => docker.getContainer(id).remove({ force: true, v: true }));
      } catch (error) {
        // 409: it is being removed already.
        if (!isRefusal(error, 404, 409)) throw error;
      }
    }
    this.#records.remove(request.producerId);
  }

  #key({ producerId }: StartRequest): string {
    return `${this.#records.instance} ${producerId}`;
  }
}

function unlessCancelled({ request }: Command): void {
  if (request.cancelled?.aborted)
    throw new HeadgateError('conflict', 'the command was cancelled before it was started', { outcome: 'cancelled' });
}

/**
 * Does work of the same key one after the other, over every backend of this process: two starts of one command are not to
 * look at its container at once, and the lock of the data folder keeps other processes away.
 */
async function inTurn<T>(key: string, work: () => Promise<T>): Promise<T> {
  const result = (last.get(key) ?? Promise.resolve()).then(work, work);
  last.set(key, result);
  try {
    return await result;
  } finally {
    if (last.get(key) === result) last.delete(key);
  }
}

/** What is noted of it here. */
function recordOf({ spec: { container, ssh } }: StartRequest, phase: ContainerRecord['phase']): ContainerRecord {
  return { phase, host: container?.host, tls: container?.tls, ssh };
}

/** Name of its container. */
function nameOf({ producerId }: StartRequest, { name }: ContainerPlace): string {
  return name ?? `headgate-${producerId}`;
}

/** How it is found again. */
function refOf({ producerId }: StartRequest): BackendRef {
  return { producerId };
}

/** The named error for a container that the engine does not make or start. */
function startFailed(error: unknown, { image }: ContainerPlace): unknown {
  if (!isRefusal(error, 400, 404, 409, 500)) return error;
  return new HeadgateError('conflict', `the container of ${image} cannot be started: ${messageOf(error)}`, { outcome: 'start_failed' });
}
