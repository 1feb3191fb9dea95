import { setTimeout as delay } from 'node:timers/promises';
import type { ContainerInspectInfo } from 'dockerode';
import type { ExitFact } from '../../model/ports/backend.ts';
import { signalOfExitCode } from '../../model/signals.ts';
import { type Engine, isRefusal, isUnreachable } from './engine/engine.ts';

/** How a container is: not started yet, running (paused too), ended, or no longer there. */
export type ContainerState =
  | { readonly state: 'created' | 'running' | 'gone' }
  | { readonly state: 'ended'; readonly exit: ExitFact; readonly error: string };

/** How long to wait for the end of a container before looking at it again (milliseconds). */
const WAIT_MS = 3000;
/** The exit code after SIGKILL. */
const KILLED = 137;
const OUT_OF_MEMORY = {
  outcome: 'out_of_memory',
  message: 'the container had no memory left and the kernel killed the command; give it more with container.memory',
};

/** What became of a container that is no longer there. */
const CONTAINER_GONE: ExitFact = {
  exitCode: null,
  signal: null,
  failure: {
    outcome: 'container_gone',
    message: 'the container was removed, and with it the command, its exit code and what of its output had not been stored',
  },
};

/** The state of the container now; waits for an engine that cannot be reached. Throws when `signal` is aborted. */
export async function containerState(engine: Engine, id: string, signal: AbortSignal): Promise<ContainerState> {
  try {
    return stateOf(await engine.patiently((docker) => docker.getContainer(id).inspect(), signal));
  } catch (error) {
    if (isRefusal(error, 404)) return { state: 'gone' };
    throw error;
  }
}

/** Resolves once the container has stopped or is removed; waits for an engine that cannot be reached. Throws when `signal` is aborted. */
export async function containerEnd(engine: Engine, id: string, signal: AbortSignal): Promise<ContainerState> {
  for (;;) {
    const now = await containerState(engine, id, signal);
    if (now.state === 'ended' || now.state === 'gone') return now;
    await waitFor(engine, id, signal);
    await delay(1, undefined, { signal });
  }
}

/** Waits until the engine says that the container has stopped, or until it is time to look again: an engine that is just starting may never respond. */
async function waitFor(engine: Engine, id: string, signal: AbortSignal): Promise<void> {
  const over = new AbortController();
  const abortSignal = AbortSignal.any([signal, over.signal]);
  const wait = engine.call((docker) => docker.getContainer(id).wait({ condition: 'not-running', abortSignal }));
  try {
    // The library never settles a request that is aborted while its response arrives.
    await Promise.race([wait, delay(WAIT_MS, undefined, { signal: abortSignal })]);
  } catch (error) {
    if (signal.aborted) throw error;
    // Removed while it was waited for, or the engine went away: the next look says which.
    if (!isRefusal(error) && !isUnreachable(error)) throw error;
  } finally {
    over.abort();
    wait.catch(() => {});
  }
}

/** What an inspection says. */
export function stateOf({ State }: Pick<ContainerInspectInfo, 'State'>): ContainerState {
  if (State.Status === 'created' || State.Status === 'configured') return { state: 'created' };
  if (State.Running || State.Paused || State.Restarting) return { state: 'running' };
  const { ExitCode, OOMKilled, Error: error } = State;
  const durationMs = Math.max(0, Date.parse(State.FinishedAt) - Date.parse(State.StartedAt));
  return {
    state: 'ended',
    error,
    exit: {
      exitCode: ExitCode,
      signal: signalOfExitCode(ExitCode) ?? null,
      ...(Number.isFinite(durationMs) ? { durationMs } : {}),
      ...(OOMKilled && ExitCode === KILLED ? { failure: OUT_OF_MEMORY } : {}),
    },
  };
}

/** How the command of an ended container ended; undefined while it has not. */
export function exitOf(state: ContainerState): ExitFact | undefined {
  if (state.state === 'ended') return state.exit;
  return state.state === 'gone' ? CONTAINER_GONE : undefined;
}
