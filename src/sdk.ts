import type { JoinOptions, OpenOptions, OwnRuntime } from './compose/in-process.ts';

export * from './rpc/client/index.ts';
export { type ClientTls, type ConnectOptions, connect, type ProjectRef } from './rpc/node/index.ts';
export type { JoinOptions, OpenOptions, OwnRuntime };

/** Opens a runtime in this process; see `OpenOptions` (SPEC {#client_in_process}). */
export async function openRuntime(options: OpenOptions): Promise<OwnRuntime> {
  // A program that only connects loads no server.
  return await (await import('./compose/in-process.ts')).openRuntime(options);
}
