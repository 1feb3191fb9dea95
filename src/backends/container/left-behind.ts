import type { ContainerInfo, default as Docker } from 'dockerode';
import { messageOf } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import { type Engine, isRefusal } from './engine/engine.ts';

/** How often a list is asked for. */
const LISTS = 10;
const NEVER = new AbortController().signal;

/**
 * Removes a container whose command is not to run, at once, or without anybody waiting as soon as its engine is back. Calls
 * `forget` once it is gone.
 */
export async function discard(o: { engine: Engine; id: string; logger: Logger; forget: () => void }): Promise<void> {
  const { engine, id, logger, forget } = o;
  try {
    await engine.call((docker) => remove(docker, id));
    forget();
  } catch (error) {
    logger.warn({ container: id, error: messageOf(error) }, 'a left-over container is removed once its engine responds');
    engine
      .patiently((docker) => remove(docker, id), NEVER)
      .then(forget)
      .catch((last: unknown) => logger.warn({ container: id, error: messageOf(last) }, 'a left-over container cannot be removed'));
  }
}

/** Removes the containers of a command that were only looked into, by a start that was broken off; the one of this name stays. */
export async function clearLooks(engine: Engine, filters: { label: string[] }, name: string): Promise<void> {
  const found = await containersOf(engine, filters);
  for (const { Id, Names } of found) if (!Names.includes(`/${name}`)) await engine.call((docker) => remove(docker, Id));
}

/** The containers with these labels. An engine refuses a list when any container goes while it is made: then again. */
export async function containersOf(engine: Engine, filters: { label: string[] }): Promise<ContainerInfo[]> {
  for (let left = LISTS; ; left--) {
    try {
      return await engine.call((docker) => docker.listContainers({ all: true, filters }));
    } catch (error) {
      if (!isRefusal(error, 404) || left <= 1) throw error;
    }
  }
}

async function remove(docker: Docker, id: string): Promise<void> {
  try {
    await docker.getContainer(id).remove({ force: true, v: true });
  } catch (error) {
    // Not there, or being removed already.
    const status = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined;
    if (status !== 404 && status !== 409) throw error;
  }
}
