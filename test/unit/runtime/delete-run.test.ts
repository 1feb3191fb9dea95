import { expect, test } from 'vitest';
import type { Clock } from '../../../src/core/clock.ts';
import { silentLogger } from '../../../src/core/logger.ts';
import type { Run } from '../../../src/model/records.ts';
import { everyRun } from '../../../src/model/sight.ts';
import { deleteRun } from '../../../src/runtime/index.ts';
import { openStore } from '../../../src/store/index.ts';
import { Journal } from '../../../src/stream/index.ts';
import { tempFolder } from '../../support/temp-store.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

test('{#retention} {#run_delete} a run that retention deletes is told of as any other, and the event outlives it', async () => {
  const { folder, remove } = await tempFolder();
  const time = { now: 100 * DAY_MS };
  const clock: Clock = { now: () => time.now, monotonic: () => time.now };
  const file = `${folder}/headgate.db`;
  const before = await openStore({ file, clock, checkpoint: false });
  const project = before.projects.open({ name: 'p', root: folder, configPath: null });
  before.runs.create({ projectId: project.id, alias: 'old', parentId: null, model: 'm', settings: {} });
  await before.close();

  time.now += 11 * DAY_MS;
  const later: { expire?: (run: Run) => void } = {};
  const store = await openStore({ file, clock, checkpoint: false, retention: { runsDays: 10 }, expire: (run) => later.expire?.(run) });
  try {
    const journal = new Journal({ store, logger: silentLogger });
    later.expire = (run) => deleteRun({ store, journal }, run);
    const told = await new Promise((resolve) => journal.onEvent(({ type, payload }) => resolve({ type, payload })));
    const payload = { run: 'old', status: 100, outcome: null, turn: 0, deleted: true };
    expect(told).toEqual({ type: 'run/state', payload });
    expect(store.runs.list(everyRun(project.id), 10, 0)).toEqual([]);
    expect(store.events.since({ sight: everyRun(project.id), seq: 0, limit: 10 })).toMatchObject([{ run: 'old', payload }]);
  } finally {
    await store.close();
    await remove();
  }
});
