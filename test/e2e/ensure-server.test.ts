import { readdir, readFile, readlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type EnsureOptions, ensureServer, redialling } from '../../src/cli/ensure-server.ts';
import { MAIN, serve } from '../support/built-server.ts';
import { cli } from '../support/cli.ts';
import { endServer } from '../support/end-server.ts';
import { ancestors } from '../support/process-tree.ts';
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

const host = { command: MAIN, env: { PATH: process.env['PATH'] } };
const ensure = (options: EnsureOptions, env: Record<string, string> = {}) =>
  ensureServer(options, { ...host, env: { ...host.env, ...env } });

async function kill9(): Promise<number> {
  const pid = await pidOf();
  process.kill(pid, 'SIGKILL');
  await vi.waitUntil(() => isGone(pid), { timeout: 10_000, interval: 10 });
  return pid;
}

async function isGone(pid: number): Promise<boolean> {
  // Its main thread may have ended before the others, which then still have the socket.
  const threads = await readdir(`/proc/${pid}/task`).catch(() => []);
  const stat = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => ') Z ');
  return threads.length <= 1 && stat.includes(') Z ');
}

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
    const [, , , parent, group, session, terminal] = (await readFile(`/proc/${pid}/stat`, 'utf8')).replace(/\(.*\)/, '()').split(' ');
    expect({ group, session, terminal }).toEqual({ group: `${pid}`, session: `${pid}`, terminal: '0' });
    expect(ancestors(Number(parent))).not.toContain(process.pid);
    expect(await Promise.all([0, 1].map((fd) => readlink(`/proc/${pid}/fd/${fd}`)))).toEqual(['/dev/null', '/dev/null']);
    // A shell's background job ignores Ctrl-C; what this server starts must not.
    const ignored = BigInt(`0x${/^SigIgn:\s*(\w+)$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1]}`);
    expect(ignored & 0b110n).toBe(0n);
  }, 60_000);

  it('is started again, as it was, when it was killed: by whoever lost it, once', async () => {
    const config = join(temp.folder, 'config.yaml');
    await writeFile(config, 'policy: {readOnly: true}\n');
    await ensure({ data, config });
    const killed = await kill9();
    const redial = redialling({ data }, host, true);
    (await redial()).close();
    const again = await pidOf();
    expect(again).not.toBe(killed);
    expect((await readFile(`/proc/${again}/cmdline`, 'utf8')).split('\0')).toContain(config);
    await kill9();
    await writeFile(config, 'policy: nothing\n');
    await expect(redial()).rejects.toThrow(/none could be started: .*policy/);
    const log = await readFile(join(data, 'server.log'));
    await expect(redial()).rejects.toThrow(/none could be started: .*policy/);
    expect(await readFile(join(data, 'server.log'))).toEqual(log);
  }, 60_000);

  it('is not started again by whoever lost it where it was stopped, or is not to be started, or was started by somebody else', async () => {
    await ensure({ data });
    expect((await cli(['stop', '--data', data], { cwd: temp.folder })).code).toBe(0);
    await expect(redialling({ data }, host, true)()).rejects.toMatchObject({ exitCode: 3 });
    await expect(pidOf()).rejects.toThrow('ENOENT');
    await ensure({ data });
    const killed = await kill9();
    await expect(redialling({ data }, host, false)()).rejects.toMatchObject({ exitCode: 3 });
    expect(await pidOf()).toBe(killed);
    const own = await serve(data);
    await own.crash();
    await expect(redialling({ data }, host, true)()).rejects.toMatchObject({ exitCode: 3 });
    expect(await pidOf()).toBe(own.pid);
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

describe('{#cli_serve} headgate serve --detach', () => {
  it('ends when a server answers, which stays, on a free port; where one runs it starts none', async () => {
    const where = { cwd: temp.folder };
    const first = await cli(['serve', '--detach', '--json', '--data', data], where);
    expect(first).toMatchObject({ code: 0, err: '' });
    const pid = await pidOf();
    const ready = JSON.parse(first.out) as { url: string; token: string };
    expect(ready).toEqual({
      ready: true,
      url: expect.not.stringContaining(':4711/') as string,
      http: expect.stringMatching(/^http:/) as string,
      socket: join(data, 'headgate.sock'),
      token: (await readFile(join(data, 'token'), 'utf8')).trim(),
      pid,
    });
    expect((await cli(['runs', '--url', ready.url, '--token', ready.token], where)).code).toBe(0);
    const second = await cli(['serve', '--detach', '--port', '4711', '--data', data], where);
    expect(second).toMatchObject({ code: 0, err: `headgate: a server runs on ${data} already; it goes on with its own options\n` });
    expect(second.out).toContain(ready.url);
    expect(await pidOf()).toBe(pid);
  }, 60_000);

  it('says why none could be started, and takes paths from where it was called', async () => {
    const where = { cwd: temp.folder };
    await ensure({ data });
    const other = join(temp.folder, 'other');
    const { url } = JSON.parse(await readFile(join(data, 'server.json'), 'utf8')) as { url: string };
    const taken = await cli(['serve', '--detach', '--port', new URL(url).port, '--data', other], where);
    expect(taken).toMatchObject({ code: 3, out: '' });
    expect(taken.err).toMatch(/none could be started: .*port/);
    await writeFile(join(temp.folder, 'config.yaml'), 'plugin: nothing\n');
    const wrong = await cli(['serve', '--detach', '--config', 'config.yaml', '--data', other], where);
    expect(wrong).toMatchObject({ code: 3, err: expect.stringContaining('plugin') as string });
  }, 60_000);
});
