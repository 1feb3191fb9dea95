import { messageOf } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import { type Engine, isRefusal } from './engine.ts';
import { labelFilters } from './labels.ts';
import type { ContainerRecord, ContainerRecords } from './records.ts';

/**
 * Removes the stopped containers that this instance made for commands that nobody knows any more. Containers that run, and
 * those of others, are not touched; where the engine is away it is done at the next start.
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
      const containers = record.phase === 'barred' ? [] : await engine.call((docker) => docker.listContainers({ all: true, filters }));
      if (containers.some(({ State }) => State === 'running' || State === 'paused')) continue;
      for (const { Id } of containers) await engine.call((docker) => docker.getContainer(Id).remove({ v: true }));
      records.remove(producerId);
      if (containers.length > 0) logger.info({ producer: producerId }, 'the container of a command that nobody knows is removed');
    } catch (error) {
      if (isRefusal(error, 404)) records.remove(producerId);
      else logger.warn({ producer: producerId, error: messageOf(error) }, 'a left-over container cannot be removed now');
    }
  }
}
