import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ResultOf } from '../../src/rpc/protocol/table.ts';
import { MAIN, WireClient } from '../support/built-server.ts';
import { type CliResult, cli, cliEnv } from '../support/cli.ts';
import { LiveServer } from '../support/live-server.ts';
import { serviceAvailable } from '../support/require.ts';
import { smallDisk } from '../support/small-disk.ts';

const live = new LiveServer();
let client: WireClient;
beforeAll(async () => {
  await live.open();
  // In the project that the command line finds by its folder.
  client = await WireClient.connect(live.server);
  live.clients.push(client);
  await client.call('init', { name: basename(live.root), projectRoot: live.root, client: { name: 'test' } });
});
afterAll(() => live.close());

const headgate = (...args: string[]): Promise<CliResult> => cli(args, { cwd: live.root, data: live.data });

/** The one JSON value on standard output. */
async function json<T>(...args: string[]): Promise<T> {
  const { code, out, err } = await headgate(...args, '--json');
  expect({ args, code, err }).toEqual({ args, code: 0, err: '' });
  expect(out.trimEnd().split('\n')).toHaveLength(1);
  return JSON.parse(out) as T;
}

async function ended(run: string, path: string): Promise<void> {
  await expect.poll(async () => (await client.call<{ status: number }>('get', { run, path })).status, { timeout: 20_000 }).not.toBe(102);
}

describe('{#cli_json} listings', () => {
  it.each([['runs'], ['ps', '--all'], ['proposals'], ['models'], ['skills'], ['runners'], ['token', 'list']])(
    '%s %s is an array',
    async (...args) => {
      expect(await json<unknown>(...args.filter((one) => one !== undefined))).toBeInstanceOf(Array);
    },
  );

  it('say an error as one line of JSON, also that the command line is wrong', async () => {
    const missing = await headgate('skills', 'nowhere', '--json');
    expect(missing).toMatchObject({ code: 1, out: '' });
    expect(JSON.parse(missing.err)).toMatchObject({
      error: { name: 'not_found', exit_code: 1, message: expect.stringContaining('headgate runs') },
    });
    const wrong = await headgate('runs', '--json', '--limit', 'many');
    expect(wrong.code).toBe(2);
    expect(JSON.parse(wrong.err)).toMatchObject({ error: { exit_code: 2 } });
  });
});

describe('{#cli_answer} a script', () => {
  it('finds a proposal, is told to choose of several, accepts one and rejects the other', async () => {
    const { run, path } = await live.proposed(client, 'echo accepted');
    const { path: second } = await client.call<{ path: string }>('sh', { run, command: 'echo rejected' });
    const waiting = await json<ResultOf<'getProposals'>>('proposals', run);
    expect(waiting.map((one) => one.path).sort()).toEqual([path, second].sort());
    const several = await headgate('accept', run);
    expect(several.code).toBe(2);
    expect(several.err).toContain(`headgate accept ${run} ${second}`);
    expect(await json<unknown[]>('accept', run, path)).toMatchObject([{ path, resolution: { action: 'accept' } }]);
    const rejected = await headgate('reject', run, '--reason', 'not now');
    expect(rejected).toMatchObject({ code: 0, out: `rejected ${second}\n` });
    expect((await client.call<{ status: number }>('get', { run, path: second })).status).toBe(403);
    expect(await headgate('accept', run, second)).toMatchObject({ code: 4 });
    await ended(run, path);
    expect(await headgate('output', run, path)).toMatchObject({ out: 'accepted\n' });
    expect(await headgate('accept', run)).toMatchObject({ code: 4, err: expect.stringContaining('nothing of') });
  });

  it('answers all that wait, and copies, renames and deletes the run', async () => {
    const { run, path } = await live.proposed(client, 'true');
    const { path: second } = await client.call<{ path: string }>('sh', { run, command: 'true' });
    expect(await json<unknown[]>('accept', run, '--all')).toHaveLength(2);
    await ended(run, path);
    await ended(run, second);
    expect(await headgate('rename', run, 'renamed')).toMatchObject({ code: 0, out: `${run} is now renamed\n` });
    expect(await headgate('fork', 'renamed', 'copied')).toMatchObject({ code: 0, out: 'copied\n' });
    expect(await headgate('rm', 'copied')).toMatchObject({ code: 0, out: 'copied is deleted\n' });
    expect((await json<ResultOf<'getRuns'>>('runs')).map((one) => one.run)).not.toContain('copied');
    const problem = expect.stringContaining('HEADGATE_OPENAI_BASE_URL');
    expect(await json('models', 'add', 'fast', 'some-model')).toEqual({ alias: 'fast', problem });
    expect((await headgate('models')).out).toMatch(/^fast .*some-model/m);
    expect(await headgate('models', 'remove', 'fast')).toMatchObject({ code: 0 });
  });
});

describe('{#cli_answer} a script that answers all while somebody else answers one of them', () => {
  it.each([true, false])('answers the rest, and exits with 4 (as JSON: %s)', async (asJson) => {
    const { run, path } = await live.proposed(client, 'true');
    const { path: second } = await client.call<{ path: string }>('sh', { run, command: 'true' });
    // The first answer is held until somebody else has given theirs.
    const held = join(live.root, `held-${asJson}.sock`);
    const faster = () => client.call('run/resolve', { run, resolution: { path, action: 'reject' } });
    const server = await holding(held, '"run/resolve"', faster);
    const { code, out, err } = await headgate('accept', run, '--all', '--socket', held, ...(asJson ? ['--json'] : []));
    server.close();
    expect({ code, err }).toEqual({ code: 4, err: expect.stringContaining(path) });
    if (asJson) expect(JSON.parse(err)).toMatchObject({ error: { name: 'proposal_resolved', exit_code: 4 } });
    if (asJson) expect(JSON.parse(out)).toMatchObject([{ path: second, resolution: { action: 'accept' } }]);
    else expect(out).toContain(`accepted ${second}`);
    await ended(run, second);
  });
});

/** A way to the server, at a unix socket, that does something before it lets the first message with this text through. */
async function holding(at: string, text: string, before: () => Promise<unknown>): Promise<Server> {
  let done: Promise<unknown> | undefined;
  const server = createServer((near) => {
    const far = connect(live.server.socket);
    const pass = async function* (messages: AsyncIterable<Buffer>) {
      for await (const message of messages) {
        if (message.includes(text)) await (done ??= before());
        yield message;
      }
    };
    void pipeline(near, pass, far).catch(() => {});
    void pipeline(far, near).catch(() => {});
  });
  server.listen(at);
  await once(server, 'listening');
  return server;
}

describe('{#cli_kill} a signal', () => {
  it('reaches the command, which goes on when it handles it', async () => {
    const place = await live.accepted(
      client,
      "trap 'echo caught; touch caught' USR1; touch ready; while [ ! -e caught ]; do sleep 0.05; done; echo on",
    );
    await live.written('ready');
    const sent = await headgate('kill', place.run, '--signal', 'USR1');
    expect(sent).toMatchObject({ code: 0, out: `sent USR1 to ${place.path}\n` });
    await ended(place.run, place.path);
    expect((await headgate('output', place.run, place.path)).out).toBe('caught\non\n');
    expect((await client.call<{ status: number }>('get', { ...place })).status).toBe(200);
    expect(await headgate('kill', place.run)).toMatchObject({ code: 2, err: expect.stringContaining('no command of') });
  });
});

describe('{#cli_export} a document', () => {
  it('goes to standard output or into a file whose name says what it is, and is there only when whole', async () => {
    const place = await live.accepted(client, `printf '\\033[32mgreen\\033[0m\\n'; echo wrong >&2`);
    await ended(place.run, place.path);
    const at = [place.run, place.path];
    expect((await headgate('export', ...at)).out).toBe('\u001b[32mgreen\u001b[0m\n');
    expect((await headgate('export', '--format', 'text', ...at)).out).toBe('green\n');
    const folder = join(live.root, 'documents');
    await mkdir(folder);
    for (const name of ['a.html', 'a.cast', 'a.txt', 'a.bin'])
      expect(await headgate('export', '-o', join(folder, name), ...at)).toMatchObject({ code: 0, out: '', err: '' });
    const text = (name: string) => readFile(join(folder, name), 'utf8');
    // Two pipes: which of the two lines came first is not known.
    expect(await text('a.html')).toMatch(/^<!doctype html>[\s\S]*color: #[0-9a-f]{6};'>green</);
    expect(await text('a.html')).toContain('wrong');
    expect(await text('a.cast')).toMatch(/^\{"version":2,.*\n\[[\d.]+,"o",/);
    expect(await text('a.txt')).toBe('green\n');
    expect(await text('a.bin')).toBe('\u001b[32mgreen\u001b[0m\n');
    expect(await headgate('export', '-o', join(folder, 'b.txt'), place.run, 'log://turn_9/sh/none')).toMatchObject({ code: 1 });
    expect((await readdir(folder)).sort()).toEqual(['a.bin', 'a.cast', 'a.html', 'a.txt']);
  });
});

describe.skipIf(!serviceAvailable('mount'))('{#cli_export} a file on a disk that becomes full within the last page', () => {
  it('is not there, and it is said why', async () => {
    const disk = smallDisk(1024 * 1024);
    try {
      const { run, path } = await live.accepted(client, 'head -c 600000 /dev/zero');
      await ended(run, path);
      disk.fill(300_000);
      const name = join(disk.folder, 'whole.bin');
      expect(await headgate('export', '-o', name, run, path)).toMatchObject({ code: 1, err: expect.stringContaining('no space left') });
      expect(await readdir(disk.folder)).toEqual(['ballast']);
    } finally {
      disk.remove();
    }
  });
});

describe('{#cli_completion} a server that takes connections and says nothing', () => {
  it.each(['HEADGATE_URL', 'HEADGATE_SOCKET'])('does not hold up who waits at the key: %s', async (variable) => {
    const silent = createServer();
    const socket = join(live.root, 'silent.sock');
    if (variable === 'HEADGATE_SOCKET') silent.listen(socket);
    else silent.listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const open = new Set<Socket>();
    silent.on('connection', (one) => open.add(one));
    const at = variable === 'HEADGATE_SOCKET' ? socket : `ws://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    const began = performance.now();
    const asked = await cli(['complete', '--', 'attach', ''], { cwd: live.root, env: { [variable]: at } });
    const ms = performance.now() - began;
    for (const one of open) one.destroy();
    silent.close();
    expect(asked).toMatchObject({ code: 0, out: '', err: '' });
    // Two seconds, and what the start of a process takes on a machine that has much to do.
    expect(ms).toBeLessThan(6000);
  });
});

describe('{#cli_completion} a shell', () => {
  /** Environment in which `headgate` is a command. */
  async function shellEnv(): Promise<NodeJS.ProcessEnv> {
    const bin = join(live.root, 'bin');
    await mkdir(bin, { recursive: true });
    await writeFile(join(bin, 'headgate'), `#!/bin/sh\nexec '${process.execPath}' '${MAIN}' "$@"\n`);
    await chmod(join(bin, 'headgate'), 0o755);
    return cliEnv({ data: live.data, env: { PATH: `${bin}:${process.env['PATH']}`, HOME: live.root } });
  }

  async function completed(shell: 'bash' | 'fish', line: string): Promise<string[]> {
    const script =
      shell === 'bash'
        ? `source <(headgate completion bash); COMP_LINE=$1; COMP_POINT=\${#1}; _headgate; printf '%s\\n' "\${COMPREPLY[@]}"`
        : 'headgate completion fish | source; complete -C $argv[1]';
    const args = shell === 'bash' ? ['--norc', '-c', script, 'bash', line] : ['--no-config', '-c', script, line];
    const { stdout } = await promisify(execFile)(shell, args, { cwd: live.root, env: await shellEnv(), timeout: 60_000 });
    return stdout.trimEnd().split('\n');
  }

  it.skipIf(!serviceAvailable('fish')).each(['bash', 'fish'] as const)(
    '%s completes commands, runs and paths of the server',
    async (shell) => {
      const { run, path } = await live.proposed(client, 'echo later');
      expect(await completed(shell, 'headgate propo')).toEqual(['proposals']);
      expect(await completed(shell, `headgate accept ${run.slice(0, -1)}`)).toContain(run);
      // Bash takes what stands behind the last colon for the word.
      expect(await completed(shell, `headgate accept ${run} log:`)).toEqual([shell === 'bash' ? path.slice('log:'.length) : path]);
    },
  );
});
