import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type EnsureOptions, ensureServer } from '../../src/cli/ensure-server.ts';
import { MAIN } from '../support/built-server.ts';
import { endServer } from '../support/end-server.ts';
import { tempFolder } from '../support/temp-store.ts';

let temp: Awaited<ReturnType<typeof tempFolder>>;
let data: string;

beforeEach(async () => {
  temp = await tempFolder();
  data = join(temp.folder, 'data');
});

afterEach(async () => {
  await endServer(data);
  await temp.remove();
});

const ensure = (options: EnsureOptions, env: Record<string, string> = {}) =>
  ensureServer(options, { command: MAIN, env: { PATH: process.env['PATH'], ...env } });

const pidOf = async () => (JSON.parse(await readFile(join(data, 'server.json'), 'utf8')) as { pid: number }).pid;

describe('{#cli_ensure} a server that is brought along', () => {
  it('is one, however many ask for it at once, and is found by the next one', async () => {
    const targets = await Promise.all([ensure({ data }), ensure({ data }), ensure({}, { HEADGATE_DATA: data })]);
    expect(new Set(targets.map((target) => target.kind === 'unix' && target.path))).toHaveLength(1);
    const pid = await pidOf();
    expect(await ensure({ data })).toEqual(targets[0]);
    expect(await pidOf()).toBe(pid);
  }, 60_000);

  it('is no part of the command that it was started in, and stays when its client has gone', async () => {
    await ensure({ data }, { HEADGATE_PRODUCER: 'p', HEADGATE_SPOOL: '/s' });
    const pid = await pidOf();
    const environment = await readFile(`/proc/${pid}/environ`, 'utf8');
    expect(environment).not.toContain('HEADGATE_PRODUCER');
    // Leader of a session of its own: no terminal or group of the client's takes it along.
    const [, , , , , session] = (await readFile(`/proc/${pid}/stat`, 'utf8')).replace(/\(.*\)/, '()').split(' ');
    expect(session).toBe(`${pid}`);
  }, 60_000);

  it('says why none could be started, and where more is said', async () => {
    const config = join(temp.folder, 'config.yaml');
    await writeFile(config, 'plugin: nothing\n');
    await expect(ensure({ data, config })).rejects.toMatchObject({
      message: expect.stringContaining('none could be started: ') as string,
      exitCode: 3,
      hint: `${join(data, 'server.log')} says more`,
    });
  }, 60_000);

  it('is none where a server is named', async () => {
    const path = join(temp.folder, 'none.sock');
    expect(await ensure({ socket: path })).toMatchObject({ kind: 'unix', path });
    expect(await ensure({}, { HEADGATE_SOCKET: path, HEADGATE_DATA: data })).toMatchObject({ kind: 'unix', path });
    await expect(pidOf()).rejects.toThrow('ENOENT');
  });
});
