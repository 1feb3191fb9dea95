import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../../core/clock.ts';
import { isHeadgateError, messageOf } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import type { BackendHandle, BackendRef, ClosedFact, ExitFact, InputTaken, KillRequest, OutputSink } from '../../model/ports/backend.ts';
import type { KillReceipt } from '../../model/records.ts';
import { signalOfExitCode } from '../../model/signals.ts';
import { HandleState } from '../handle-state.ts';
import { containerState, exitOf } from './container-end.ts';
import { ContainerKill } from './container-kill.ts';
import { type Engine, isRefusal } from './engine/engine.ts';
import { OutputFlow } from './engine/output-flow.ts';
import { Remains } from './remains.ts';
import type { StoredOffsets } from './stored-offsets.ts';

/** Beyond its grace period a kill by a run in the container gets so long; then the container is killed (milliseconds). */
const KILL_MS = 5000;

export interface ShimHandleOptions {
  /** The producer folder in the container, served by runs in it. */
  readonly remote: BackendHandle & { readonly complete: boolean };
  readonly engine: Engine;
  readonly container: { readonly id: string; readonly name: string };
  /** True for a container that was made for this command. */
  readonly own: boolean;
  /** The producer folder there, once it is known. */
  readonly folder: () => string | undefined;
  readonly channels: readonly number[];
  readonly ref: BackendRef;
  /** What is stored, by the sink that `remote` delivers to. */
  readonly stored: StoredOffsets;
  readonly sink: OutputSink;
  /** Removes what was made for it, once its output is stored. */
  readonly remove: () => Promise<void>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * A command under the shim in a container. While the container runs, everything goes through runs in it; once it has
 * stopped, or was killed, what is missing is read from its file system, and the engine says how it ended.
 */
export class ShimHandle implements BackendHandle {
  readonly ref: BackendRef;
  readonly #options: ShimHandleOptions;
  readonly #state = new HandleState();
  readonly exited = this.#state.exited;
  readonly closed = this.#state.closed;
  #flow: OutputFlow | undefined;

  constructor(options: ShimHandleOptions) {
    this.#options = options;
    this.ref = options.ref;
    void this.#serve();
  }

  get drained(): Promise<void> {
    return this.#options.remote.drained ?? this.closed.then(() => {});
  }

  async write(bytes: Buffer, offset?: number): Promise<InputTaken> {
    return await this.#options.remote.write(bytes, offset);
  }

  async closeInput(): Promise<void> {
    await this.#options.remote.closeInput();
  }

  async resize(cols: number, rows: number): Promise<void> {
    await this.#options.remote.resize(cols, rows);
  }

  async signal(signal: string): Promise<void> {
    await this.#options.remote.signal(signal);
  }

  async waitsForInput(): Promise<boolean | null> {
    return (await this.#options.remote.waitsForInput?.()) ?? null;
  }

  async kill(request: KillRequest): Promise<KillReceipt> {
    const { remote, own } = this.#options;
    if (!own) return await remote.kill(request);
    await this.#unpause();
    const over = new AbortController();
    try {
      const last = delay(request.graceMs + KILL_MS, undefined, { signal: over.signal }).then(() => this.#killContainer(request));
      last.catch(() => {});
      return await Promise.race([remote.kill(request), last]);
    } finally {
      over.abort();
    }
  }

  async detach(): Promise<void> {
    this.#state.detach();
    this.#flow?.stop();
    await this.#options.remote.detach();
  }

  async dispose(): Promise<void> {
    const { remote, own, remove, container, logger } = this.#options;
    if (own) {
      this.#state.requireOver();
    } else {
      try {
        await remote.dispose();
      } catch (error) {
        if (!hasStopped(error)) throw error;
        logger.info({ container: container.name }, 'the files of a command stay in its container, which has stopped');
      }
    }
    await remove();
  }

  async #serve(): Promise<void> {
    const { remote, logger, container } = this.#options;
    const { detaching: signal } = this.#state;
    const exit = await remote.exited;
    if (exit.exitCode !== null) this.#state.exit(exit);
    const closed = await remote.closed;
    // Nothing is missing, so the engine need not be asked what became of the container.
    if ((remote.complete || closed.detached.length > 0) && exit.exitCode !== null) return this.#state.close(closed);
    for (;;) {
      try {
        if (signal.aborted) return;
        this.#state.close(await this.#salvage(closed, signal));
        return;
      } catch (error) {
        if (signal.aborted) return;
        logger.warn(
          { container: container.name, error: messageOf(error) },
          'what a stopped container holds cannot be read now; it will be tried again',
        );
        await delay(1000, undefined, { signal }).catch(() => {});
      }
    }
  }

  /**
   * Once nothing can be run in the container any more: its exit code where the shim did not report it, and the output that is
   * missing. Where it still runs, everything has been read.
   */
  async #salvage(closed: ClosedFact, signal: AbortSignal): Promise<ClosedFact> {
    const { engine, container, folder, channels, stored, sink, logger, own } = this.#options;
    const state = await containerState(engine, container.id, signal);
    if (state.state !== 'ended') {
      this.#state.exit(exitOf(state) ?? UNKNOWN);
      return closed;
    }
    const remains = new Remains(engine, container.id, folder() ?? '/nonexistent');
    const code = await remains.exitCode(signal);
    const published = code === undefined ? undefined : { exitCode: code, signal: signalOfExitCode(code) ?? null };
    this.#state.exit(published ?? (own ? state.exit : stoppedUnder(container.name, state.exit)));
    const flow = new OutputFlow({ channels, offsets: stored.offsets, sink, logger });
    this.#flow = flow;
    await remains.deliver(flow, channels, signal);
    return { detached: [] };
  }

  async #unpause(): Promise<void> {
    const { engine, container } = this.#options;
    try {
      const { State } = await engine.call((docker) => docker.getContainer(container.id).inspect());
      if (State.Paused) await engine.call((docker) => docker.getContainer(container.id).unpause());
    } catch {
      // The engine is away, or the container: the kill itself finds that out, and waits.
    }
  }

  async #killContainer(request: KillRequest): Promise<KillReceipt> {
    const { engine, container, clock, logger } = this.#options;
    logger.warn({ container: container.name }, 'a kill in a container has not come to its end; the container is killed');
    const work = new ContainerKill({ engine, id: container.id, clock, logger });
    return await work.run({ ...request, signal: 'SIGKILL', graceMs: 0 }, this.#state.detaching);
  }
}

const UNKNOWN: ExitFact = { exitCode: null, signal: null };

/** Of a container that is not ours, its end is not that of the command. */
function stoppedUnder(name: string, { exitCode }: ExitFact): ExitFact {
  const message = `the container ${name} was stopped (exit ${exitCode}), and with it the command`;
  return { ...UNKNOWN, failure: { outcome: 'container_stopped', message } };
}

function hasStopped(error: unknown): boolean {
  return isRefusal(error, 404, 409) || (isHeadgateError(error) && error.facts['gone'] === true);
}
