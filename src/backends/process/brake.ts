import type { Logger } from '../../core/logger.ts';
import { signalGroup, signalProcess } from './signalling.ts';
import type { ProcessTree } from './tree.ts';

/** How a command is held back and let go on, and how the one that adopts it sees that it is held. */
export interface BrakeReach {
  isStopped(): boolean;
  /** False when no process can be reached. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): boolean;
}

/** Bytes written and not stored above which a command is held, and below which it goes on (SPEC {#back_pressure}). */
const STOP_BYTES = 16 * 1024 * 1024;
const GO_BYTES = 4 * 1024 * 1024;

/**
 * Holds a command back that writes faster than its output can be stored, or while it cannot be stored or the disk is
 * nearly full (SPEC {#back_pressure}, {#free_space}): its copiers are stopped, so it waits in its own write once the pipe is
 * full. A server that goes away meanwhile leaves them stopped, and the next one lets them go on.
 */
export class Brake {
  readonly #reach: BrakeReach;
  readonly #logger: Logger;
  #on: boolean;
  #released = false;

  constructor(reach: BrakeReach, logger: Logger) {
    this.#reach = reach;
    this.#logger = logger;
    this.#on = reach.isStopped();
  }

  /** True while the command is stopped, by this one or by the one before. */
  get isOn(): boolean {
    return this.#on;
  }

  /** Stops or continues, by the present lag in bytes; `hold`: the disk or the store takes nothing, however little it is. */
  update(lag: number, hold: boolean): void {
    const on = hold || (this.#on ? lag >= GO_BYTES : lag > STOP_BYTES);
    if (!this.#released && on !== this.#on) this.#set(on, { lag, hold });
  }

  /** Lets go for good: the command has ended, or is being killed. */
  release(): void {
    if (this.#on) this.#set(false, {});
    this.#released = true;
  }

  #set(on: boolean, facts: object): void {
    if (!this.#reach.signal(on ? 'SIGSTOP' : 'SIGCONT')) return;
    this.#on = on;
    this.#logger.debug(facts, on ? 'the command waits until what it wrote can be stored' : 'the command goes on');
  }
}

/** The copiers of a command; where it writes its files itself, in a terminal, its group with the shim. */
export function outputReach(tree: ProcessTree): BrakeReach {
  return {
    isStopped: () => tree.shim()?.state === 'T' || tree.copiers().some(({ state }) => state === 'T'),
    signal: (signal) => {
      const copiers = tree.copiers();
      if (copiers.length > 0) return copiers.filter((copier) => signalProcess(copier, signal)).length > 0;
      const shim = tree.shim();
      return shim !== undefined && signalGroup(shim, signal);
    },
  };
}
