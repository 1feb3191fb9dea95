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

/** How long a kill inside the container may take after its grace period, before the container itself is killed (milliseconds). */
const KILL_MS = 5000;

export interface ShimHandleOptions {
  /** The command, by its producer folder in the container and by execs there. */
  readonly remote: BackendHandle & { readonly complete: boolean };
  readonly engine: Engine;
  readonly container: { readonly id: string; readonly name: string };
  /** True for a container that was made for this command. */
  readonly own: boolean;
  /** Path of the producer folder in the container, once it is known. */
  readonly folder: () => string | undefined;
  readonly channels: readonly number[];
  readonly ref: BackendRef;
  /** How far the sink that `remote` delivers to has stored each channel. */
  readonly stored: StoredOffsets;
  readonly sink: OutputSink;
  /** Removes all that was made for the command, once the command's output is stored. */
  readonly remove: () => Promise<void>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * A command under the shim in a container. While the container runs, every operation is an exec in it. Once the container has stopped or
 * was killed, the missing output is read from its file system, and the engine says how the container ended.
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
          'the output left in a stopped container cannot be read now; it will be read later',
        );
        await delay(1000, undefined, { signal }).catch(() => {});
      }
    }
  }

  /**
   * Called when no exec works in the container any more. Finds the exit code if the shim did not report one, and delivers the missing
   * output. If the container still runs, all output has been read.
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
      // The engine or the container cannot be reached: the kill that follows finds that out, and waits.
    }
  }

  async #killContainer(request: KillRequest): Promise<KillReceipt> {
    const { engine, container, clock, logger } = this.#options;
    logger.warn({ container: container.name }, 'a kill inside a container did not finish in time; the container is killed');
    const work = new ContainerKill({ engine, id: container.id, clock, logger });
    return await work.run({ ...request, signal: 'SIGKILL', graceMs: 0 }, this.#state.detaching);
  }
}

const UNKNOWN: ExitFact = { exitCode: null, signal: null };

/** The end of a command in a container that Headgate did not make: the container's exit code is not the command's. */
function stoppedUnder(name: string, { exitCode }: ExitFact): ExitFact {
  const message = `the container ${name} was stopped (exit ${exitCode}), and with it the command`;
  return { ...UNKNOWN, failure: { outcome: 'container_stopped', message } };
}

function hasStopped(error: unknown): boolean {
  return isRefusal(error, 404, 409) || (isHeadgateError(error) && error.facts['gone'] === true);
}
