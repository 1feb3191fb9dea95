import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import { isInUse, leftOverNames } from './left-over.ts';

/**
 * Removes the producer folders that no server will serve again: a server killed between the end of a producer and the
 * removal of its folder leaves one (SPEC {#spool_sweep}). Call it on start, before anything new is started, with the
 * backend's ids of every producer that is still live in the store. A folder whose shim still runs stays in any case.
 * Returns how many were removed; a folder that cannot be removed is logged and left.
 */
export function sweepSpool(options: { folder: string; keep: ReadonlySet<string>; logger: Logger }): number {
  let removed = 0;
  for (const name of leftOverNames(options)) {
    try {
      if (isInUse(options.folder, name)) continue;
      rmSync(join(options.folder, name), { recursive: true, force: true });
      removed++;
    } catch (error) {
      options.logger.warn({ folder: options.folder, name, error: messageOf(error) }, 'a left-over producer folder cannot be removed');
    }
  }
  if (removed > 0) options.logger.info({ folder: options.folder, removed }, 'left-over producer folders are removed');
  return removed;
}
