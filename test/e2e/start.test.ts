import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants, realpathSync } from 'node:fs';
import { mkdir, open, readFile, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type BuiltServer, MAIN, readAll, serve, WireClient } from '../support/built-server.ts';
import { ended } from '../support/live-server.ts';
import { tempFolder } from '../support/temp-store.ts';

let data: string;
let remove: () => Promise<void>;
const servers: BuiltServer[] = [];

beforeEach(async () => {
  ({ folder: data, remove } = await tempFolder());
});
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.stop()));
  await remove();
});

async function up(args: readonly string[] = [], env: NodeJS.ProcessEnv = {}): Promise<BuiltServer> {
  const server = await serve(data, args, env);
  servers.push(server);
  return server;
}

/** Starts a server that must not come up; returns its exit code and what it said. */
async function refused(args: readonly string[] = []): Promise<{ code: number | null; said: string; out: string }> {
  const child = spawn(process.execPath, [MAIN, 'serve', '--json', '--port', '0', '--data', data, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  let out = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString();
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, said, out };
}

describe('{#data_folder} the data folder', () => {
  it('is private: folder 0700, socket, token and record 0600, and the record goes with the server', async () => {
    const server = await up();
    const mode = async (name: string) => ((await stat(join(data, name))).mode & 0o777).toString(8);
    expect(await Promise.all(['headgate.sock', 'token', 'server.json', 'headgate.db'].map(mode))).toEqual(['600', '600', '600', '600']);
    const record = JSON.parse(await readFile(join(data, 'server.json'), 'utf8')) as Record<string, unknown>;
    expect(record).toEqual({
      pid: server.pid,
      url: server.url,
      http: server.http,
      socket: join(data, 'headgate.sock'),
      data: realpathSync(data),
      version: expect.stringMatching(/^\d+\.\d+\.\d+/),
    });
    expect(await readFile(join(data, 'token'), 'utf8')).toBe(`${server.token}\n`);
    expect(await server.stop()).toBe(0);
    await expect(stat(join(data, 'server.json'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('{#token} keeps its token over a restart and never logs it', async () => {
    const first = await up(['--log-level', 'debug']);
    const client = await WireClient.connect(first, data);
    await client.call('startRun', { model: 'scripted' });
    await client.close();
    await first.stop();
    expect(first.log()).not.toContain(first.token);
    expect((await up()).token).toBe(first.token);
  });

  it('{#backend_process} hands no command a file that the server was started with, and takes its own configuration from one', async () => {
    const start = `exec 17< /etc/hostname 33< /etc/hostname 64<<< '{}'; exec "$@"`;
    const server = await serve(data, ['--config', '/dev/fd/64'], {}, ['bash', '-c', start, 'bash']);
    servers.push(server);
    const client = await WireClient.connect(server, data);
    const { run } = await client.call<{ run: string }>('startRun', { model: 'scripted', yolo: true });
    const { path } = await client.call<{ path: string }>('sh', {
      run,
      command: 'for f in 17 33 64; do [ -e /proc/self/fd/$f ] && echo $f; done',
    });
    const { subscription } = await client.call<{ subscription: number }>('stream/subscribe', { run, path });
    await client.notice('stream/ended', (params) => params['subscription'] === subscription);
    expect(client.received(path, 1).toString()).toBe('');
    await client.close();
  });

  it('works where its path is too long for a socket', async () => {
    const deep = join(data, 'd'.repeat(120));
    await mkdir(deep);
    const server = await serve(deep);
    servers.push(server);
    const client = await WireClient.connect(server, data);
    expect(await client.call('ping')).toMatchObject({ pong: true });
    await client.close();
  });
});

describe('{#server_log} the log of a server whose standard error is', () => {
  /** Serves with standard error as the shell's redirection says; `$0` in it is the data folder. */
  async function redirected(redirection: string): Promise<WireClient> {
    const server = await serve(data, ['--log-level', 'debug'], {}, ['bash', '-c', `exec "$@" ${redirection}`, data]);
    servers.push(server);
    return await WireClient.connect(server, data);
  }

  /** Makes the server write `lines` lines and more. */
  async function chatter(client: WireClient, lines: number): Promise<void> {
    const { run } = await client.call<{ run: string }>('startRun', { model: 'scripted' });
    for (let line = 0; line < lines; line++) await client.call('set', { run, path: 'file://x', body: `${line}` });
  }

  it('a pipe that is full, and that nobody reads, holds nobody up; what was lost is counted', async () => {
    const pipe = join(data, 'log');
    execFileSync('mkfifo', [pipe]);
    const client = await redirected('2<> "$0/log"');
    await chatter(client, 1000);
    const log = await open(pipe, constants.O_RDONLY | constants.O_NONBLOCK);
    let read = '';
    const drain = async () => {
      const { buffer, bytesRead } = await log.read(Buffer.alloc(256 * 1024));
      read += buffer.subarray(0, bytesRead).toString();
    };
    await drain();
    expect(read.length).toBeGreaterThan(60_000);
    await chatter(client, 1);
    await drain();
    await log.close();
    const lost = /\{.*"lost":(\d+).*\}/.exec(read);
    expect(Number(lost?.[1])).toBeGreaterThan(100);
    expect(read.trim().split('\n').at(-1)).toContain('a client changed a file');
    await client.close();
  });

  it.each(['2> /dev/full', '2>&-', '2> >(exec true)'])('%s holds nobody up', async (redirection) => {
    const client = await redirected(redirection);
    await chatter(client, 20);
    expect(await client.call('ping')).toMatchObject({ pong: true });
    await client.close();
  });
});

it('{#caller_limits} a server whose connections have taken all descriptors that they may still runs what is accepted', async () => {
  const server = await serve(data, [], {}, ['bash', '-c', 'ulimit -n 200; exec "$@"', 'bash']);
  servers.push(server);
  const client = await WireClient.connect(server, data);
  const crowd = await Promise.allSettled(Array.from({ length: 150 }, () => WireClient.connect(server)));
  expect(crowd.filter(({ status }) => status === 'rejected').length).toBeGreaterThan(40);
  const { run } = await client.call<{ run: string }>('startRun', { model: 'scripted', yolo: true });
  const command = 'echo out; echo err >&2; exit 3';
  const commands = await Promise.all(Array.from({ length: 20 }, () => client.call<{ path: string }>('sh', { run, command })));
  for (const { path } of commands) {
    expect(await ended(client, { run, path })).toMatchObject({ status: 500, outcome: 'exit:3' });
    expect((await readAll(client, run, path, 1)).toString()).toBe('out\n');
  }
  await Promise.all([client, ...crowd.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))].map((one) => one.close()));
});

describe('{#serve_refused} a server that cannot start says why, on standard error alone, and leaves with an exit code of its own', () => {
  it('when another server has the data folder: who, and what to do', async () => {
    const first = await up();
    const { code, said, out } = await refused();
    expect(code).toBe(1);
    expect(out).toBe('');
    expect(said).toContain(`process ${first.pid}`);
    expect(said).toContain('--data');
    const client = await WireClient.connect(first, data);
    expect(await client.call('ping')).toMatchObject({ pong: true });
    await client.close();
  });

  it('when the port is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as { port: number };
    const { code, said } = await refused(['--port', String(port)]);
    other.close();
    expect(code).toBe(1);
    expect(said).toContain(String(port));
    expect(said).toContain('--port');
  });

  it('when the database was written by a newer Headgate', async () => {
    const server = await up();
    await server.stop();
    const db = new Database(join(data, 'headgate.db'));
    db.prepare("INSERT INTO schema_migrations (number, name, checksum, applied_at) VALUES (999, 'future', 'x', 0)").run();
    db.close();
    const { code, said } = await refused();
    expect(code).toBe(1);
    expect(said).toMatch(/newer/);
    expect(said).toContain('--data');
  });

  it('when the database is none', async () => {
    await writeFile(join(data, 'headgate.db'), 'this is no database, it is a text file of some length\n'.repeat(100));
    const { code, said } = await refused();
    expect(code).toBe(1);
    expect(said).toContain('headgate.db');
  });

  it('when the configuration file is wrong: file and field', async () => {
    await writeFile(join(data, 'config.yaml'), 'plugins: 7\n');
    const { code, said } = await refused(['--config', join(data, 'config.yaml')]);
    expect(code).toBe(2);
    expect(said).toContain('config.yaml');
    expect(said).toContain('plugins');
  });
});

describe('{#commands_bad_input} commands that cannot run', () => {
  it.each([
    ['does not exist', 127, 'no-such-command-here'],
    ['is not executable', 126, '/etc/passwd'],
  ])('one that %s: exit %i, named in the log entry, its message on channel 2', async (_what, code, command) => {
    const server = await up();
    const client = await WireClient.connect(server, data);
    const { run } = await client.call<{ run: string }>('startRun', { model: 'scripted', yolo: true });
    const { path, status } = await client.call<{ path: string; status: number }>('sh', { run, command });
    expect(status).toBe(102);
    const { subscription } = await client.call<{ subscription: number }>('stream/subscribe', { run, path });
    const end = await client.notice('stream/ended', (params) => params['subscription'] === subscription);
    expect(end).toMatchObject({ status: 500, outcome: `exit:${code}`, exit_code: code });
    expect(client.received(path, 2).toString()).toContain(command);
    await client.close();
  });

  it('one whose working directory is gone: 500 cwd_missing, nothing left at 102', async () => {
    const server = await up();
    const client = await WireClient.connect(server, data);
    const { run } = await client.call<{ run: string }>('startRun', { model: 'scripted' });
    const { path } = await client.call<{ path: string }>('sh', { run, command: 'true', cwd: 'not-there' });
    await client.call('run/resolve', { run, resolution: { path, action: 'accept' } });
    expect(await client.notice('stream/ended')).toMatchObject({
      status: 500,
      outcome: 'cwd_missing',
      channels: [{ status: 500 }, { status: 500 }],
    });
    expect(await client.call('stream/list', { state: 'live' })).toEqual([]);
    await client.close();
  });
});

describe('{#backend_process} the environment of a command', () => {
  it("is the server's without its secrets", async () => {
    const server = await up([], { HEADGATE_OPENAI_API_KEY: 'secret-key', PLAIN_VARIABLE: 'passed-on' });
    const client = await WireClient.connect(server, data);
    const { run } = await client.call<{ run: string }>('startRun', { model: 'scripted', yolo: true });
    const { path } = await client.call<{ path: string }>('sh', { run, command: 'env' });
    await client.call('stream/subscribe', { run, path });
    await client.notice('stream/ended');
    const shown = client.received(path, 1).toString();
    expect(shown).toContain('passed-on');
    expect(shown).not.toContain('secret-key');
    await client.close();
  });
});
