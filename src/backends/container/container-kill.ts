import type { Clock } from '../../core/clock.ts';
import { messageOf } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import type { KillRequest } from '../../model/ports/backend.ts';
import type { KillReceipt, SignalSent } from '../../model/records.ts';
import { signalName } from '../../model/signals.ts';
import { containerEnd, containerState } from './container-end.ts';
import { type Engine, isRefusal } from './engine/engine.ts';

/** One kill of a whole container (SPEC {#backend_container}): the signal, a grace period, SIGKILL, confirmed by inspection. */
export class ContainerKill {
  readonly #engine: Engine;
  readonly #id: string;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #signals: SignalSent[] = [];
  readonly #pids = new Set<number>();
  #deadline = new AbortController();
  #dueAt = Number.POSITIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: { engine: Engine; id: string; clock: Clock; logger: Logger }) {
    this.#engine = options.engine;
    this.#id = options.id;
    this.#clock = options.clock;
    this.#logger = options.logger;
  }

  /** Brings SIGKILL forward, never back. */
  hasten(graceMs: number): void {
    const dueAt = this.#clock.monotonic() + graceMs;
    if (dueAt >= this.#dueAt) return;
    this.#dueAt = dueAt;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#deadline.abort(), graceMs);
  }

  /** Kills. Waits for an engine that is away, until `signal`. Processes are those that the engine sees, by its host's numbers. */
  async run(request: KillRequest, signal: AbortSignal): Promise<KillReceipt> {
    const requestedAt = this.#clock.now();
    const first = signalName(request.signal);
    this.hasten(request.graceMs);
    try {
      await this.#send(first, signal);
      if (first !== 'SIGKILL') await this.#grace(signal);
      while ((await containerState(this.#engine, this.#id, signal)).state === 'running') {
        await this.#send('SIGKILL', signal);
        await containerEnd(this.#engine, this.#id, signal);
      }
    } finally {
      clearTimeout(this.#timer);
    }
    const { requestedBy, reason } = request;
    const finishedAt = this.#clock.now();
    return { requestedBy, reason, requestedAt, signals: this.#signals, confirmedDead: [...this.#pids], escaped: [], finishedAt };
  }

  async #grace(signal: AbortSignal): Promise<void> {
    const either = AbortSignal.any([signal, this.#deadline.signal]);
    try {
      await containerEnd(this.#engine, this.#id, either);
    } catch (error) {
      if (!this.#deadline.signal.aborted || signal.aborted) throw error;
    }
  }

  async #send(name: NodeJS.Signals, signal: AbortSignal): Promise<void> {
    const pids = await this.#processes(signal);
    for (const pid of pids) this.#pids.add(pid);
    try {
      await this.#engine.patiently((docker) => docker.getContainer(this.#id).kill({ signal: name }), signal);
      this.#signals.push({ signal: name, at: this.#clock.now(), pids });
      // A paused one acts on nothing.
      const { State } = await this.#engine.patiently((docker) => docker.getContainer(this.#id).inspect(), signal);
      if (State.Paused) await this.#engine.patiently((docker) => docker.getContainer(this.#id).unpause(), signal);
    } catch (error) {
      // It is not running, or not there: the look that follows says so.
      if (!isRefusal(error, 404, 409, 500)) throw error;
    }
  }

  async #processes(signal: AbortSignal): Promise<number[]> {
    try {
      const { Titles, Processes } = topOf(await this.#engine.patiently((docker) => docker.getContainer(this.#id).top(), signal));
      const column = Titles.indexOf('PID');
      return Processes.map((row) => Number(row[column])).filter((pid) => Number.isInteger(pid) && pid > 0);
    } catch (error) {
      if (signal.aborted) throw error;
      this.#logger.debug({ container: this.#id, error: messageOf(error) }, 'the processes of a container cannot be listed');
      return [];
    }
  }
}

function topOf(answer: unknown): { Titles: string[]; Processes: string[][] } {
  const { Titles = [], Processes = [] } = answer as { Titles?: string[]; Processes?: string[][] | null };
  return { Titles, Processes: Processes ?? [] };
}
