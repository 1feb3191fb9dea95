import { messageOf } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import { containerEnd } from './container-end.ts';
import { type Engine, isRefusal } from './engine/engine.ts';
import { isKept, producerFolder } from './image/create-options.ts';
import { labelFilters } from './image/labels.ts';
import { containersOf } from './left-behind.ts';
import type { ContainerRecord, ContainerRecords } from './records.ts';
import { Remains } from './remains.ts';

const NEVER = new AbortController().signal;

/**
 * Removes the containers that this instance made for commands that are no longer in the store: at once when their command has
 * ended or never ran, else when they end by themselves. Those of others are not touched; where the engine is away it is done
 * at the next start.
 */
export async function sweepContainers(options: {
  records: ContainerRecords;
  keep: ReadonlySet<string>;
  engineOf: (record: ContainerRecord) => Engine;
  logger: Logger;
}): Promise<void> {
  const { records, keep, engineOf, logger } = options;
  for (const producerId of records.list().filter((id) => !keep.has(id))) {
    const record = records.get(producerId);
    if (!record) continue;
    try {
      const filters = labelFilters(producerId, records.instance);
      const engine = engineOf(record);
      const containers = await containersOf(engine, filters);
      // The command was never to run: only the process that keeps its container runs.
      const ended = (id: string) => new Remains(engine, id, producerFolder(records.instance, producerId)).exitCode(NEVER);
      const later: string[] = [];
      for (const { Id, State, Labels } of containers) {
        const runs = State === 'running' || State === 'paused';
        if (runs && record.phase === 'started' && !(isKept(Labels) && (await ended(Id)) !== undefined)) later.push(Id);
        else await removeNow(engine, Id, runs);
      }
      if (later.length > 0) {
        void removeLater(engine, later).then(
          () => records.remove(producerId),
          (error: unknown) => logger.warn({ producer: producerId, error: messageOf(error) }, 'a left-over container cannot be removed'),
        );
        continue;
      }
      records.remove(producerId);
      if (containers.length > 0) logger.info({ producer: producerId }, 'the container of an unknown command is removed');
    } catch (error) {
      logger.warn({ producer: producerId, error: messageOf(error) }, 'a left-over container cannot be removed now');
    }
  }
}

async function removeLater(engine: Engine, ids: readonly string[]): Promise<void> {
  for (const id of ids) {
    await containerEnd(engine, id, NEVER);
    await removeNow(engine, id, false);
  }
}

async function removeNow(engine: Engine, id: string, force: boolean): Promise<void> {
  try {
    await engine.patiently((docker) => docker.getContainer(id).remove({ v: true, force }), NEVER);
  } catch (error) {
    if (!isRefusal(error, 404, 409)) throw error;
  }
}
