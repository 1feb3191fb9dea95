import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createBackends } from '../../src/backends/index.ts';
import { surveyBackends } from '../../src/backends/survey.ts';
import { systemClock } from '../../src/core/clock.ts';
import { silentLogger } from '../../src/core/logger.ts';
import { READ_TOKEN, startServer, type WireServer } from '../support/server.ts';
import { tempFolder } from '../support/temp-store.ts';

let server: WireServer;
let remove: () => Promise<void>;
beforeAll(async () => {
  const temp = await tempFolder();
  remove = temp.remove;
  const backends = createBackends({ folder: temp.folder, clock: systemClock, logger: silentLogger });
  server = await startServer({ survey: () => surveyBackends(backends) });
});
afterAll(async () => {
  await server.close();
  await remove();
});

describe('{#backend_list} backend/list', () => {
  it('tells whoever may read what the backends of the server can do, also before init', async () => {
    const client = await server.connect({ token: READ_TOKEN, init: false });
    const rows = await client.call<{ name: string; available: boolean; sandbox?: { available: boolean } }[]>('backend/list');
    expect(rows).toEqual(await client.call('backend/list', { runner: 'embedded' }));
    const process = rows.find(({ name }) => name === 'process');
    expect(process).toMatchObject({ available: true, stdin: true, adopt: true, signals: expect.arrayContaining(['SIGTERM']) as string[] });
    expect(typeof process?.sandbox?.available).toBe('boolean');
    await client.close();
  });

  it('knows the backends of another runner by name, and refuses one that never registered', async () => {
    const client = await server.connect();
    const offer = { name: 'far', labels: [], backends: ['process', 'container'], capacity: 1, instance: 'far-instance' };
    await client.call('runner/register', offer);
    expect(await client.call('backend/list', { runner: 'far' })).toEqual([
      { name: 'process', available: true },
      { name: 'container', available: true },
    ]);
    await expect(client.call('backend/list', { runner: 'nobody' })).rejects.toMatchObject({
      message: expect.stringContaining('nobody') as string,
    });
    await client.close();
  });
});
