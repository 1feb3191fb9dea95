import type { Runtime } from '../rpc/client/index.ts';
import { isWireError } from './errors.ts';

/** Makes `call` in a run that may not exist yet: opens it with the agent, or the model that `model` returns, when the server knows no run of that alias. */
export async function inRun<T>(
  session: Runtime,
  run: { alias: string; model: () => Promise<string>; agent?: string | undefined },
  call: () => Promise<T>,
): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (!isWireError(error, 'not_found')) throw error;
  }
  const driver = run.agent === undefined ? { model: await run.model() } : { agent: run.agent };
  try {
    await session.call('startRun', { ...driver, alias: run.alias });
  } catch (error) {
    // Another client opened it between our two calls, or something else was not found: the call says which.
    if (!isWireError(error, 'alias_taken')) throw error;
  }
  return await call();
}
