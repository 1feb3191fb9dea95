import { RpcError } from '../errors.ts';
import type { RuntimeEvent } from '../event-stream.ts';

/** The present alias of a run: a client may rename the run while another one shows it, and calls do not follow that by themselves (SPEC {#renamed_runs}). */
export class RunName {
  #now: string;

  constructor(name: string) {
    this.#now = name;
  }

  get now(): string {
    return this.#now;
  }

  /** Takes the new alias from an event of the run. */
  take({ name, params }: RuntimeEvent): void {
    if (name === 'run/state' && params.renamed_from === this.#now) this.#now = params.run;
  }

  /** Makes a call about the run, and repeats it when the run was renamed while the call was on its way. Throws what `call` throws. */
  async ask<T>(call: (run: string) => Promise<T>): Promise<T> {
    for (;;) {
      const asked = this.#now;
      try {
        return await call(asked);
      } catch (error) {
        // The server sent the event before the refusal; its reader takes it within this turn of the event loop.
        await new Promise((resolve) => setTimeout(resolve, 0));
        if (this.#now === asked || !(error instanceof RpcError) || error.kind !== 'not_found') throw error;
      }
    }
  }
}
