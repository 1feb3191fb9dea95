import type { Logger } from '../../core/logger.ts';
import { signalGroup } from './signalling.ts';
import type { ProcessTree } from './tree.ts';

/** Bytes written and not stored above which a command is stopped, and below which it goes on (SPEC {#back_pressure}). */
const STOP_BYTES = 16 * 1024 * 1024;
const GO_BYTES = 4 * 1024 * 1024;

/**
 * Holds a command back that writes faster than its output can be stored, so that it cannot fill the disk
 * (SPEC {#back_pressure}): SIGSTOP to its group, SIGCONT once the store has caught up. A server that goes away
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

  /** Stops or continues, by the present lag in bytes. */
  update(lag: number): void {
    if (this.#released || (this.#on ? lag >= GO_BYTES : lag <= STOP_BYTES)) return;
    this.#set(!this.#on, lag);
  }

  /** Lets go for good: the command has ended, or is being killed. */
  release(): void {
    if (this.#on) this.#set(false, 0);
    this.#released = true;
  }

  #set(on: boolean, lag: number): void {
    const shim = this.#tree.shim();
    if (!shim || !signalGroup(shim, on ? 'SIGSTOP' : 'SIGCONT')) return;
    this.#on = on;
    this.#logger.debug({ pid: shim.pid, lag }, on ? 'the command is ahead of the store and waits' : 'the command goes on');
  }
}
