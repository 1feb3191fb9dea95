import type { Runtime } from '../rpc/client/index.ts';

/** A connection to the server that is bound to one project and outlives a restart of the server. */
export class Link {
  readonly runtime: Runtime;
  /** Absolute root of the project, symbolic links resolved. */
  readonly root: string;
  #alive = true;

  constructor(runtime: Runtime, root: string) {
    this.runtime = runtime;
    this.root = root;
    runtime.onConnection(({ final }) => {
      if (final) this.#alive = false;
    });
  }

  /** True until the connection is gone for good. */
  get alive(): boolean {
    return this.#alive;
  }
}

/** Connects to the project that an absolute folder stands for; `client` is the name that other clients see. */
export type Connect = (folder: string, client: string) => Promise<Link>;
