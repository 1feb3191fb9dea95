import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/core/clock.ts';
import { silentLogger } from '../../src/core/logger.ts';
import type { Store } from '../../src/model/ports/store.ts';
import type { Entry, Run } from '../../src/model/records.ts';
import { openStore } from '../../src/store/index.ts';

/** A new folder and how to remove it. */
export async function tempFolder(): Promise<{ folder: string; remove: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'headgate-test-'));
  return { folder, remove: () => rm(folder, { recursive: true, force: true, maxRetries: 3 }) };
}

/** A real store in a new folder, with one project and one run; `close` removes all of it. */
export async function tempStore(): Promise<{ store: Store; run: Run; file: string; close: () => Promise<void> }> {
  const { folder, remove } = await tempFolder();
  const file = join(folder, 'headgate.db');
  const store = await openStore({ file, clock: systemClock, logger: silentLogger });
  const project = store.projects.open({ name: 'test', root: folder, configPath: null });
  const run = store.runs.create({ projectId: project.id, alias: 'r1', parentId: null, model: 'scripted', settings: {} });
  return {
    store,
    run,
    file,
    close: async () => {
      await store.close();
      await remove();
    },
  };
}

/** A proposal for a command in a run. */
export function propose(store: Store, run: Run, slug: string, summary = slug): Entry {
  return store.entries.create({
    runId: run.id,
    path: `log://turn_0/sh/${slug}`,
    category: 'logging',
    status: 202,
    turn: 0,
    writer: 'test',
    attributes: { summary },
  });
}
