import type { Duplex, Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../../core/clock.ts';
import { HeadgateError, messageOf } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import type { BackendHandle, BackendRef, InputTaken, KillRequest, OutputSink } from '../../model/ports/backend.ts';
import { emptyReceipt, type KillReceipt } from '../../model/records.ts';
import { signalName } from '../../model/signals.ts';
import { HandleState, OneKill, requireStdin } from '../handle-state.ts';
import { containerEnd, containerState, exitOf } from './container-end.ts';
import { ContainerKill } from './container-kill.ts';
import { attachTo } from './engine/attach.ts';
import { AttachedInput } from './engine/attached-input.ts';
import { type Engine, isRefusal } from './engine/engine.ts';
import { outputOf } from './engine/multiplex.ts';
import { OutputFlow } from './engine/output-flow.ts';

/** Pause before a stream that broke off is opened again (milliseconds). */
const AGAIN_MS = 100;
/** How long a stream may bring nothing once its container has ended (milliseconds). */
const SILENCE_MS = 5000;

export interface StreamHandleOptions {
  readonly engine: Engine;
  readonly container: { readonly id: string; readonly name: string; readonly tty: boolean };
  /** True for a container that was made for this command: a kill ends it, and it is removed at the end. */
  readonly own: boolean;
  /** Where output comes from: the engine's log, or the container's streams from now on. */
  readonly source: 'logs' | 'attach';
  /** Attached before the container was started, so it brings every byte; the log is read only when it breaks. */
  readonly attached?: Duplex | undefined;
  readonly stdin: boolean;
  readonly ref: BackendRef;
  readonly offsets: ReadonlyMap<number, number>;
  readonly sink: OutputSink;
  /** Removes what was made for it. */
  readonly remove: () => Promise<void>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * A container followed through the engine's own streams (SPEC {#backend_container}): one without a shell in it, one with
 * the engine's terminal, and one that is only watched. Offsets are counted from the first byte of the log.
 */
export class StreamHandle implements BackendHandle {
  readonly ref: BackendRef;
  readonly #options: StreamHandleOptions;
  readonly #flow: OutputFlow;
  readonly #input: AttachedInput;
  readonly #state = new HandleState();
  readonly exited = this.#state.exited;
  readonly closed = this.#state.closed;
  /** Aborted when nothing is read any more: by a detach, when a watch ends, at the end. */
  readonly #abandon = new AbortController();
  /** Aborted by a detach: what a kill still waits for. */
  #killing = new AbortController();
  #stream: Readable | undefined;
  /** Pieces that streams have brought, and whether one is waiting for the sink. */
  #pieces = 0;
  #delivering = false;
  readonly #kill = new OneKill();

  constructor(options: StreamHandleOptions) {
    this.#options = options;
    this.ref = options.ref;
    const channels = options.container.tty ? [1] : [1, 2];
    this.#flow = new OutputFlow({ ...options, channels });
    this.#input = new AttachedInput(options.container.tty);
    this.#input.use(options.attached);
    void this.#run();
  }

  async write(bytes: Buffer, offset?: number): Promise<InputTaken> {
    await this.#needInput();
    return await this.#input.write(bytes, offset);
  }

  async closeInput(): Promise<void> {
    await this.#needInput();
    await this.#input.end();
  }

  async resize(cols: number, rows: number): Promise<void> {
    const { engine, container } = this.#options;
    if (!container.tty) throw new HeadgateError('unsupported', 'this command has no terminal, so there is nothing to resize');
    await this.#running(() => engine.call((docker) => docker.getContainer(container.id).resize({ w: cols, h: rows })));
  }

  async signal(signal: string): Promise<void> {
    const name = signalName(signal);
    const { engine, container, own } = this.#options;
    if (!own) throw new HeadgateError('unsupported', 'this container is only watched; `docker kill` signals it');
    await this.#running(() => engine.call((docker) => docker.getContainer(container.id).kill({ signal: name })));
  }

  async kill(request: KillRequest): Promise<KillReceipt> {
    return await this.#kill.run(request, async (hastens) => {
      const { own, engine, container, clock, logger } = this.#options;
      this.#killing = new AbortController();
      if (!own) return await this.#stopWatching(request);
      const work = new ContainerKill({ engine, id: container.id, clock, logger });
      hastens((graceMs) => work.hasten(graceMs));
      return await work.run(request, this.#killing.signal);
    });
  }

  detach(): Promise<void> {
    this.#state.detach();
    this.#killing.abort();
    this.#stop();
    return Promise.resolve();
  }

  async dispose(): Promise<void> {
    this.#state.requireOver();
    await this.#options.remove();
  }

  async #run(): Promise<void> {
    const { engine, container, logger } = this.#options;
    const { signal } = this.#abandon;
    try {
      void containerEnd(engine, container.id, signal).then(
        (end) => {
          this.#state.exit(exitOf(end) ?? { exitCode: null, signal: null });
          this.#endSilence(signal);
        },
        () => {},
      );
      await this.#follow(signal);
      if (!this.#flow.refused) await this.#flow.settled();
      await this.exited;
      this.#close();
    } catch (error) {
      if (signal.aborted) return;
      logger.error({ container: container.name, error: messageOf(error) }, 'a container cannot be followed; it is given up');
      this.#state.exit({ exitCode: null, signal: null, failure: { outcome: 'follow_failed', message: messageOf(error) } });
      this.#close();
    }
  }

  /** Reads until a stream has ended that began after, or went on up to, the end of the container. */
  async #follow(signal: AbortSignal): Promise<void> {
    const { engine, container, logger, source } = this.#options;
    let { attached } = this.#options;
    for (;;) {
      const before = await containerState(engine, container.id, signal);
      if (before.state === 'gone') return;
      // A log that is read to its end after the container's own end is whole, and so is a local stream from the beginning.
      const whole = before.state === 'ended' || (attached !== undefined && engine.local);
      if (source === 'attach' && before.state === 'ended') return;
      let clean = false;
      try {
        const stream = attached ?? (source === 'attach' ? await this.#attach(signal) : await this.#log(signal));
        clean = await this.#read(
          stream,
          attached === undefined && source === 'attach' ? 'now' : 0,
          attached !== undefined || source === 'attach',
        );
      } catch (error) {
        signal.throwIfAborted();
        if (!isRefusal(error, 404, 409))
          logger.info({ container: container.name, error: messageOf(error) }, 'a stream of a container broke; it is read on');
      }
      attached = undefined;
      if (this.#flow.refused) return;
      if (clean && whole && (await this.#hasEnded(signal))) {
        if ((await this.#flow.settled()) !== 'rewind') return;
      }
      await delay(AGAIN_MS, undefined, { signal });
    }
  }

  /** A stream that goes on in silence after the end of its container is one that the engine has forgotten: the log is read instead. */
  #endSilence(signal: AbortSignal): void {
    let before = -1;
    const timer = setInterval(() => {
      if (signal.aborted) clearInterval(timer);
      else if (before === this.#pieces && !this.#delivering) this.#stream?.destroy();
      before = this.#pieces;
    }, SILENCE_MS);
    signal.addEventListener('abort', () => clearInterval(timer), { once: true });
  }

  /** A moment after its streams the container has ended too, unless they were cut. */
  async #hasEnded(signal: AbortSignal): Promise<boolean> {
    const { engine, container } = this.#options;
    const soon = AbortSignal.timeout(2000);
    try {
      await containerEnd(engine, container.id, AbortSignal.any([signal, soon]));
      return true;
    } catch (error) {
      if (signal.aborted) throw error;
      return false;
    }
  }

  /** True when the stream was read to its end. */
  async #read(stream: Readable, from: 0 | 'now', input: boolean): Promise<boolean> {
    this.#stream = stream;
    stream.on('error', () => {});
    if (input) this.#input.use(stream as Duplex);
    this.#flow.begin(from);
    try {
      for await (const piece of outputOf(stream, this.#options.container.tty)) {
        this.#pieces++;
        this.#delivering = true;
        const end = await this.#flow.take(piece);
        this.#delivering = false;
        if (end) return false;
      }
      return true;
    } finally {
      if (input) this.#input.use(undefined);
      stream.destroy();
    }
  }

  async #log(signal: AbortSignal): Promise<Readable> {
    const { engine, container } = this.#options;
    const options = { follow: true, stdout: true, stderr: true } as const;
    return (await engine.patiently((docker) => docker.getContainer(container.id).logs(options), signal)) as Readable;
  }

  async #attach(signal: AbortSignal): Promise<Duplex> {
    const { engine, container, stdin } = this.#options;
    return await engine.patiently((docker) => attachTo(docker.getContainer(container.id), { stdin, output: true }), signal);
  }

  async #needInput(): Promise<void> {
    const { stdin, engine, container, own } = this.#options;
    requireStdin(stdin);
    if (this.#state.isClosed || this.#input.connected || !(own && container.tty)) return;
    // Taken up again: output comes from the log, and a terminal's input stays open without anybody.
    await this.#running(async () => {
      const stream = await engine.call((docker) => attachTo(docker.getContainer(container.id), { stdin: true, output: false }));
      stream.on('error', () => {});
      stream.resume();
      if (this.#abandon.signal.aborted) stream.destroy();
      this.#abandon.signal.addEventListener('abort', () => stream.destroy(), { once: true });
      this.#input.use(stream);
    });
  }

  async #running(work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!isRefusal(error, 404, 409, 500)) throw error;
      throw new HeadgateError('conflict', `the command has ended, or its container is stopped: ${messageOf(error)}`, {
        outcome: 'container_stopped',
      });
    }
  }

  /** The container is not ours: nothing happens to it. */
  #stopWatching(request: KillRequest): Promise<KillReceipt> {
    const now = this.#options.clock.now();
    this.#stop();
    const message = 'it is watched no more; the container goes on';
    this.#state.exit({ exitCode: null, signal: null, failure: { outcome: 'watch_stopped', message } });
    this.#close();
    return Promise.resolve(emptyReceipt(request, now));
  }

  #close(): void {
    if (this.#state.isDetached) return;
    this.#stop();
    this.#state.close({ detached: [] });
  }

  #stop(): void {
    this.#abandon.abort();
    this.#flow.stop();
    this.#stream?.destroy();
    this.#input.use(undefined);
  }
}
