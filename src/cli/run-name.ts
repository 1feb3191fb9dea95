import { setImmediate as turn } from 'node:timers/promises';
import type { RuntimeEvent } from '../rpc/client/index.ts';
import { isWireError } from './errors.ts';

/** What a run is called now: somebody may rename it while it is shown, and calls do not follow that by themselves (SPEC {#cli_attach}). */
export class RunName {
  #now: string;

  constructor(name: string) {
    this.#now = name;
  }

  get now(): string {
    return this.#now;
  }

  /** Takes in what an event of the run says of its name. */
  take({ name, params }: RuntimeEvent): void {
    if (name === 'run/state' && params.renamed_from === this.#now) this.#now = params.run;
  }

  /** Asks something of the run, again when it was renamed while the question was on its way. */
  async ask<T>(question: (run: string) => Promise<T>): Promise<T> {
    for (;;) {
      const asked = this.#now;
      try {
        return await question(asked);
      } catch (error) {
        // The event that tells of it came before the answer, and is taken in within this turn of the event loop.
        await turn();
        if (this.#now === asked || !isWireError(error, 'not_found')) throw error;
      }
    }
  }
}
