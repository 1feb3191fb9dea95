import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { faulty, liveServer } from '../support/live-server.ts';

const live = liveServer();

/** More than the loop below makes: the last starts see it end without a fault. */
const MOST_COMMITS = 80;

/** Three actions, two of which leave a line in a file each time that they are done. */
const scenario = (name: string) => `steps:
  - say: Working.
    calls:
      - tool: sh
        input: { command: "echo first >> ${name}" }
      - tool: set
        input: { path: "known://done", body: "yes" }
      - tool: sh
        input: { command: "echo second >> ${name}; exit 3" }
  - say: All done.
`;

describe('{#loop_restart} the server killed with -9 around any commit of a loop', () => {
  it('ends the loop as if nothing had been, every action done once', { timeout: 420_000 }, async () => {
    let survived = false;
    let kills = 0;
    for (let number = 2; number < MOST_COMMITS && !survived; number++) {
      const name = `commit-${number}`;
      await writeFile(join(live.root, `${name}.yaml`), scenario(name));
      // Right after a commit nothing that follows from it has happened; right before the next one all of it has.
      const fault = `${number % 2 === 0 ? 'before' : 'after'}-commit ${number}`;
      await live.server.stop();
      await live.start(faulty(fault));
      const client = await live.client();
      await client.call('addModel', { alias: name, actual: `${name}.yaml`, provider: 'scripted' });
      const { run } = await client.call<{ run: string }>('startRun', { model: name, alias: name });
      const dead = once(live.server.process, 'exit').then(() => true);
      const over = client.notice('run/state', (params) => params['run'] === run && params['loop'] === 1 && params['status'] === 200);
      client.call('act', { prompt: 'work', run, yolo: true }).catch(() => {});
      const killed = await Promise.race([dead, over.then(() => false)]);
      if (killed) kills++;
      else survived = true;
      // One that lived through the loop may meet its commit while it is looked at.
      await live.crashAndStart();
      const after = await live.client();
      const loops = async () => (await after.call<{ loops: { status: number; result: string }[] }>('getRun', { run })).loops;
      // Killed before its prompt was stored it has no loop, and nothing was begun.
      if ((await loops()).length === 0) continue;
      await vi.waitUntil(async () => (await loops())[0]?.status === 200, { timeout: 30_000, interval: 20 });
      expect(await loops(), fault).toMatchObject([{ status: 200, result: 'All done.' }]);
      expect(await live.text(name), fault).toBe('first\nsecond\n');
      const actions = await after.call<{ path: string; status: number }[]>('getEntries', { run, pattern: 'log://turn_1/*/*', body: false });
      const statuses = actions.filter(({ path }) => !path.includes('/model/')).map(({ status }) => status);
      expect(statuses, fault).toEqual([200, 200, 500]);
      await live.closeClients();
    }
    expect(survived).toBe(true);
    expect(kills).toBeGreaterThan(10);
  });
});
