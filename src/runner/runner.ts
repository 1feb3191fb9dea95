import { uptime } from 'node:os';
import type { Clock } from '../core/clock.ts';
import { HeadgateError } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import type { PixelSize } from '../model/place.ts';
import type { Backend, InputTaken, KillRequest } from '../model/ports/backend.ts';
import type { RunnerLink, RunnerPort } from '../model/ports/runner.ts';
import { emptyReceipt, type Producer, pendingKill } from '../model/records.ts';
import { tellUntilStored } from './patience.ts';
import { DEFAULT_REST, type RestLimits } from './rest.ts';
import { RunningProducer } from './running-producer.ts';

export interface RunnerOptions {
  readonly name: string;
  /** Where it reports: the server in the same process, or a connection to one. */
  readonly link: RunnerLink;
  /** Name -> backend. */
  readonly backends: ReadonlyMap<string, Backend>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Boot of this machine; null where there is no such id, then the wall clock has to do (SPEC {#machine_restart}). */
  readonly bootId: string | null;
  /** Output of one command, in bytes, beyond which it is ended; 0 or left out for none (SPEC {#output_limit}). A function is asked for each command. */
  readonly outputBytes?: number | (() => number);
  /** How much is stored of what processes write that outlive their command's main process (SPEC {#detached}); a function is asked for each command. */
  readonly rest?: RestLimits | (() => RestLimits);
  /** A producer is over, and it has room for another. */
  readonly over?: () => void;
}

/** A runner that can be closed. */
export interface Runner extends RunnerPort {
  /** Producers that it has, without those that have ended and left something running. */
  readonly size: number;
  /** Lets go of every command and kills none: they run on, and are adopted later (SPEC {#restart}). */
  close(): Promise<void>;
}

/** Runs producers on backends and tells the server through its link (SPEC {#runners}). */
export function createRunner(options: RunnerOptions): Runner {
  return new LinkedRunner(options);
}

/** Between the first signal and SIGKILL of a kill that nobody asked another grace for (milliseconds). */
const GRACE_MS = 2000;

class LinkedRunner implements Runner {
  readonly name: string;
  readonly bootId: string | null;
  readonly #options: RunnerOptions;
  readonly #running = new Map<number, RunningProducer>();
  readonly #closing = new AbortController();

  constructor(options: RunnerOptions) {
    this.name = options.name;
    this.bootId = options.bootId;
    this.#options = options;
  }

  get size(): number {
    return [...this.#running.values()].filter(({ isLeftover }) => !isLeftover).length;
  }

  start(producer: Producer): void {
    this.#open(producer)?.start();
  }

  adopt(producer: Producer, offsets: ReadonlyMap<number, number>): void {
    const running = this.#open(producer);
    if (!running) return;
    // Accepted, and perhaps started: the claim in its folder keeps it from running twice.
    if (producer.state !== 'queued') running.adopt(offsets);
    else if (this.#isOfEarlierBoot(producer)) running.lose('the machine was restarted before the start of this command was on the disk');
    else running.start(true);
    const kill = pendingKill(producer);
    if (!kill) return;
    const { requestedBy = 'server', reason = null, signal = 'SIGTERM', graceMs = GRACE_MS } = kill;
    void running.kill({ requestedBy, reason, signal, graceMs });
  }

  /**
   * True when this machine was restarted since the producer was given to a runner: what ran is gone, with what was not on
   * the disk. The wall clock is asked only where there is no id: it may have been set since.
   */
  #isOfEarlierBoot({ bootId, createdAt }: Producer): boolean {
    if (bootId !== null && this.bootId !== null) return bootId !== this.bootId;
    return createdAt < this.#options.clock.now() - uptime() * 1000;
  }

  async input(entryId: number, bytes: Buffer, eof: boolean, offset?: number): Promise<InputTaken> {
    const handle = await this.#find(entryId).handle();
    const taken = bytes.length === 0 && eof ? { bytes: 0 } : await handle.write(bytes, offset);
    // An end of input after bytes that were not taken would cut them off.
    if (eof && taken.bytes === bytes.length) await handle.closeInput();
    return taken;
  }

  async resize(entryId: number, cols: number, rows: number, pixels?: PixelSize): Promise<void> {
    await (await this.#find(entryId).handle()).resize(cols, rows, pixels);
  }

  async signal(entryId: number, signal: string): Promise<void> {
    await this.#find(entryId).signal(signal);
  }

  waitsFor(entryId: number): string | null {
    return this.#running.get(entryId)?.waitsFor ?? null;
  }

  async waitsForInput(entryId: number): Promise<boolean | null> {
    return (await this.#running.get(entryId)?.waitsForInput()) ?? null;
  }

  async echoes(entryId: number): Promise<boolean | null> {
    return (await (await this.#find(entryId).handle()).echoes?.()) ?? null;
  }

  kill(producer: Producer, request: KillRequest): void {
    const running = this.#running.get(producer.entryId);
    if (running) {
      void running.kill(request);
      return;
    }
    const { link, clock, logger } = this.#options;
    const receipt = emptyReceipt(request, clock.now());
    const facts = { producer: producer.entryId, path: producer.path };
    void tellUntilStored(() => link.killed(producer.entryId, producer.epoch, receipt), { logger, facts, signal: this.#closing.signal });
  }

  async close(): Promise<void> {
    this.#closing.abort();
    const running = [...this.#running.values()];
    this.#running.clear();
    await Promise.all(running.map((producer) => producer.detach()));
  }

  /** Takes a producer on; undefined when that is refused, and has been told where it matters. */
  #open(producer: Producer): RunningProducer | undefined {
    const { link, clock, logger, backends, outputBytes: limit = 0, rest = DEFAULT_REST } = this.#options;
    const outputBytes = typeof limit === 'number' ? limit : limit();
    const facts = { producer: producer.entryId, path: producer.path };
    if (this.#closing.signal.aborted || this.#running.has(producer.entryId)) {
      logger.warn(facts, 'a producer was handed over twice, or to a closed runner; nothing was done');
      return undefined;
    }
    const backend = backends.get(producer.backend);
    if (!backend) {
      const message = `runner ${this.name} has no backend "${producer.backend}"; it has ${[...backends.keys()].join(', ')}`;
      const failure = { lost: false, outcome: 'unsupported', message };
      void tellUntilStored(() => link.failed(producer.entryId, producer.epoch, failure), { logger, facts, signal: this.#closing.signal });
      return undefined;
    }
    const over = () => {
      this.#running.delete(producer.entryId);
      this.#options.over?.();
    };
    const shared = { producer, backend, link, clock, logger, outputBytes };
    const limits = typeof rest === 'function' ? rest() : rest;
    const running = new RunningProducer({ ...shared, rest: limits, ended: () => this.#options.over?.(), over });
    this.#running.set(producer.entryId, running);
    return running;
  }

  #find(entryId: number): RunningProducer {
    const running = this.#running.get(entryId);
    if (running) return running;
    throw new HeadgateError('conflict', `runner ${this.name} runs no such command; it has ended`, { producer: entryId });
  }
}
