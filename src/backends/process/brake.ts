import type { Logger } from '../../core/logger.ts';
import { signalGroup } from './signalling.ts';
import type { ProcessTree } from './tree.ts';

/** Bytes written and not stored above which a command is stopped, and below which it goes on (SPEC {#back_pressure}). */
const STOP_BYTES = 16 * 1024 * 1024;
const GO_BYTES = 4 * 1024 * 1024;

/**
 * Holds a command back that writes faster than its output can be stored, or while it cannot be stored or the disk is
 * nearly full (SPEC {#back_pressure}, {#free_space}): SIGSTOP to its group, SIGCONT afterwards. A server that goes away
 * meanwhile leaves it stopped, and whoever adopts it lets it go on; the stopped shim says that it was this and not a
 * client's SIGSTOP, which spares the shim.
 */
export class Brake {
  readonly #tree: ProcessTree;
  readonly #logger: Logger;
  #on: boolean;
  #released = false;

  constructor(tree: ProcessTree, logger: Logger) {
    this.#tree = tree;
    this.#logger = logger;
    this.#on = tree.shim()?.state === 'T';
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
    const shim = this.#tree.shim();
    if (!shim || !signalGroup(shim, on ? 'SIGSTOP' : 'SIGCONT')) return;
    this.#on = on;
    this.#logger.debug({ pid: shim.pid, ...facts }, on ? 'the command waits until what it wrote can be stored' : 'the command goes on');
  }
}
