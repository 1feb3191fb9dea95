import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { processesWith, readAll } from '../support/built-server.ts';
import { cli } from '../support/cli.ts';
import { ended, liveServer } from '../support/live-server.ts';

const live = liveServer();
const stop = (...args: string[]) => cli(['stop', ...args], { cwd: live.root, data: live.data });

describe('{#cli_stop} headgate stop', { timeout: 90_000 }, () => {
  it('ends the server in order; its commands go on and are taken up by the next start', async () => {
    const client = await live.client();
    const place = await live.accepted(client, 'echo on > on; while [ ! -e go ]; do sleep 0.02; done; echo stop-test-over');
    await live.written('on');
    const { pid, process: server } = live.server;
    const exit = once(server, 'exit');
    expect(JSON.parse((await stop('--json')).out)).toMatchObject({
      data: live.data,
      pid,
      commands: [{ path: place.path, lifetime: 'forever' }],
    });
    expect(await exit).toEqual([0, null]);
    expect(await processesWith('stop-test-over')).not.toEqual([]);
    expect(await stop()).toMatchObject({ code: 3, out: '', err: expect.stringContaining(`no server is running on ${live.data}`) });
    await live.start();
    await writeFile(join(live.root, 'go'), '');
    const again = await live.client();
    expect(await ended(again, place)).toMatchObject({ status: 200 });
    expect((await readAll(again, place.run, place.path, 1)).toString()).toBe('stop-test-over\n');
    expect(await stop()).toMatchObject({ code: 0, out: expect.stringContaining(`the server on ${live.data} has stopped`) });
  });

  it('leaves a process alone that only has the number of a server that was killed', async () => {
    const other = spawn('sleep', ['600']);
    try {
      const record = JSON.stringify({ pid: other.pid, url: 'ws://127.0.0.1:1/rpc', http: 'http://127.0.0.1:1', socket: '/none' });
      await writeFile(join(live.data, 'server.json'), record);
      await writeFile(join(live.data, 'lock.json'), JSON.stringify({ pid: other.pid, startedAt: 1 }));
      expect(await stop()).toMatchObject({ code: 3 });
      expect(other.signalCode ?? other.exitCode).toBeNull();
    } finally {
      const gone = once(other, 'exit');
      if (other.kill()) await gone;
    }
  });
});
