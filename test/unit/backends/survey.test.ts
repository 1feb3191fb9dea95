import { describe, expect, it } from 'vitest';
import { createBackends } from '../../../src/backends/index.ts';
import { sharedSurvey, surveyBackends } from '../../../src/backends/survey.ts';
import { systemClock } from '../../../src/core/clock.ts';
import { silentLogger } from '../../../src/core/logger.ts';
import type { Backend } from '../../../src/model/ports/backend.ts';
import { tempFolder } from '../../support/temp-store.ts';

const asking = (capabilities: Backend['capabilities']) => ({ capabilities }) as Backend;

describe('{#backend_list} what the backends say of themselves', () => {
  it('names each by the name it is asked for by, and writes nothing', async () => {
    const { folder, remove } = await tempFolder();
    const backends = createBackends({ folder: `${folder}/none`, clock: systemClock, logger: silentLogger });
    const rows = await surveyBackends(backends);
    expect(rows.map(({ name }) => name)).toEqual([...backends.keys()]);
    expect(rows[0]).toMatchObject({ name: 'process', available: true });
    await remove();
  });

  it('waits for none that hangs, and takes a failure for a reason', async () => {
    const rows = await surveyBackends(
      new Map([
        ['hangs', asking(() => new Promise(() => {}))],
        ['throws', asking(() => Promise.reject(new Error('no daemon')))],
      ]),
      20,
    );
    expect(rows).toMatchObject([
      { name: 'hangs', available: false, reason: expect.stringContaining('did not say within') as string },
      { name: 'throws', available: false, reason: 'no daemon' },
    ]);
  });

  it('is found out once for all who ask at the same time or within a second, then again', async () => {
    let count = 0;
    let now = 0;
    const found = asking(() => Promise.resolve({ name: '', available: ++count > 1, stdin: true, tty: false, signals: [], adopt: false }));
    const ask = sharedSurvey(() => new Map([['one', found]]), { now: () => now, monotonic: () => now });
    const together = await Promise.all([ask(), ask(), ask()]);
    now = 999;
    expect([...together, await ask()].map(([row]) => row?.available)).toEqual([false, false, false, false]);
    now = 1000;
    expect((await ask())[0]?.available).toBe(true);
    expect(count).toBe(2);
  });
});
