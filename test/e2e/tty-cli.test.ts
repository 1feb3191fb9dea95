import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { cli, type RunningCli, startCli } from '../support/cli.ts';
import { liveServer } from '../support/live-server.ts';

const live = liveServer();
const hg = (args: string[], input?: Buffer | string) =>
  cli(['tty', ...args], { cwd: live.root, data: live.data, ...(input === undefined ? {} : { input }) });
const start = (args: string[]): RunningCli => startCli(['tty', ...args], { cwd: live.root, data: live.data });
const sha = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

describe('{#cli_tty} headgate tty on pipes', () => {
  it('is the command: stdin with its end, stdout and stderr apart, exit code', async () => {
    const { code, out, err } = await hg(['--', 'cat; echo aside >&2; exit 5'], 'through\n');
    expect({ code, out, err }).toEqual({ code: 5, out: 'through\n', err: 'aside\n' });
  });

  it('carries 20 MB each way byte for byte', async () => {
    const bytes = Buffer.alloc(20_000_000, Buffer.from(Array.from({ length: 251 }, (_, i) => i)));
    const { code, stdout, err } = await hg(['--', 'cat'], bytes);
    expect({ code, sha: sha(stdout), err }).toEqual({ code: 0, sha: sha(bytes), err: '' });
  });

  it('ends a command whose reader went away with SIGPIPE, as in a pipeline', async () => {
    const running = start(['--run', 'piped', '--', 'trap "echo pipe > piped" PIPE; yes']);
    running.process.stdout.once('data', () => running.process.stdout.destroy());
    expect((await running.ended).code).toBe(141);
    await vi.waitUntil(() => existsSync(join(live.root, 'piped')), { timeout: 10_000 });
  });

  it('that came to a command of somebody else leaves it alone when its reader or its input ends', async () => {
    const owner = start(['--run', 'owned', '--', 'echo up; cat; echo over']);
    await owner.until('up\n');
    const [{ path } = { path: '' }] = JSON.parse(
      (await cli(['ps', '--json', '--run', 'owned'], { cwd: live.root, data: live.data })).out,
    ) as {
      path: string;
    }[];
    const reader = start(['--attach', 'owned', path]);
    await reader.until('up\n');
    reader.process.stdout.destroy();
    owner.process.stdin.write('one\n');
    await owner.until('one\n');
    expect((await reader.ended).code).toBe(141);
    const silent = start(['--attach', 'owned', path]);
    silent.process.stdin.end();
    await silent.until('one\n');
    owner.process.stdin.write('two\n');
    await Promise.all([owner.until('two\n'), silent.until('two\n')]);
    const typing = start(['--attach', 'owned', path]);
    typing.process.stdin.end('three\n');
    expect(await owner.ended).toMatchObject({ code: 0, out: 'up\none\ntwo\nthree\nover\n' });
    expect((await Promise.all([silent.ended, typing.ended])).map(({ code }) => code)).toEqual([0, 0]);
  });

  it('that came to a terminal of somebody else without one does not end it', async () => {
    const place = { cwd: live.root, data: live.data };
    const owner = startCli(['sh', '--run', 'terminal', '--tty', '--', 'echo up; read -r word; echo "read $word"'], place);
    await owner.until('up');
    const [{ path } = { path: '' }] = JSON.parse((await cli(['ps', '--json', '--run', 'terminal'], place)).out) as { path: string }[];
    const silent = start(['--attach', 'terminal', path]);
    silent.process.stdin.end();
    await silent.until('up');
    const typing = start(['--attach', 'terminal', path]);
    typing.process.stdin.end('word\n');
    await silent.until('read word');
    expect((await silent.ended).code).toBe(0);
    owner.process.kill();
    await Promise.all([typing.ended, owner.ended]);
  });

  it('leaves no hole in its input when the server is away: what waits is sent afterwards', async () => {
    const running = start(['--run', 'waits', '--', 'cat > waited']);
    running.process.stdin.write('before\n');
    await vi.waitUntil(() => existsSync(join(live.root, 'waited')) && readFileSync(join(live.root, 'waited'), 'utf8') === 'before\n', {
      timeout: 20_000,
    });
    await live.server.crash();
    await running.until('Waiting for it', 'err');
    const rest = Buffer.alloc(3_000_000, 'meanwhile\n');
    running.process.stdin.end(rest);
    await live.start();
    expect(await running.ended).toMatchObject({ code: 0 });
    expect(sha(await readFile(join(live.root, 'waited')))).toBe(sha(Buffer.concat([Buffer.from('before\n'), rest])));
  });

  it('ends with an error instead of a hole in its input when nobody knows what has come', async () => {
    const running = start(['--run', 'hole', '--', 'while [ ! -e hole-go ]; do sleep 0.05; done; cat > hole']);
    running.process.stdin.write(Buffer.alloc(3_000_000, 'line\n'));
    await vi.waitUntil(
      async () => (await cli(['ps', '--json', '--run', 'hole'], { cwd: live.root, data: live.data })).out.includes('hole'),
      { timeout: 20_000 },
    );
    await vi.waitUntil(() => running.process.stdin.writableLength < 3_000_000, { timeout: 20_000 });
    await live.server.crash();
    await running.until('Waiting for it', 'err');
    await live.start();
    const { code, err } = await running.ended;
    expect({ code, err }).toEqual({
      code: 1,
      err: expect.stringMatching(/input was cut off: the command has got \d+ bytes .*the next \d+ may/),
    });
    expect(err).toContain('headgate tty --attach hole');
    expect((await cli(['cancel', 'hole', '--grace', '100ms'], { cwd: live.root, data: live.data })).code).toBe(0);
  });

  it('goes on over a kill -9 of the server, at the byte where it was', async () => {
    const running = start(['--run', 'crash', '--', 'seq 1 100000; while [ ! -e go-on ]; do sleep 0.05; done; seq 1 100000; exit 6']);
    await running.until('100000\n');
    await live.server.crash();
    await running.until('Waiting for it', 'err');
    await live.start();
    await running.until('connected again', 'err');
    writeFileSync(join(live.root, 'go-on'), '');
    const { code, stdout } = await running.ended;
    const seq = Buffer.from(Array.from({ length: 100_000 }, (_, i) => `${i + 1}\n`).join(''));
    expect({ code, sha: sha(stdout) }).toEqual({ code: 6, sha: sha(Buffer.concat([seq, seq])) });
  });

  it('that is ended by SIGTERM leaves its command running and says how to come back; then it is there again', async () => {
    const running = start(['--run', 'left', '--', 'echo first; while [ ! -e leave ]; do sleep 0.05; done; echo second; exit 7']);
    await running.until('first\n');
    running.process.kill('SIGTERM');
    const { code, err } = await running.ended;
    expect(code).toBe(143);
    const again = /attach again: headgate tty --attach (\S+) (\S+)/.exec(err);
    writeFileSync(join(live.root, 'leave'), '');
    const back = await hg(['--attach', again?.[1] ?? '', again?.[2] ?? '']);
    expect({ code: back.code, out: back.out }).toEqual({ code: 7, out: 'first\nsecond\n' });
  });

  it('sends the first Ctrl-C to the command, and leaves with the second', async () => {
    const running = start(['--run', 'interrupted', '--', `trap 'echo caught; exit 9' INT; echo ready; while :; do sleep 0.05; done`]);
    await running.until('ready');
    running.process.kill('SIGINT');
    expect(await running.ended).toMatchObject({ code: 9, out: 'ready\ncaught\n' });
    const deaf = start(['--run', 'deaf', '--', `trap 'echo heard' INT; echo ready; while :; do sleep 0.05; done`]);
    await deaf.until('ready');
    deaf.process.kill('SIGINT');
    await deaf.until('heard');
    deaf.process.kill('SIGINT');
    const { code, err } = await deaf.ended;
    expect({ code, err }).toEqual({ code: 130, err: expect.stringContaining('left it running') });
    expect((await cli(['cancel', 'deaf', '--grace', '100ms'], { cwd: live.root, data: live.data })).code).toBe(0);
  });

  it('finds the server by --url and --token as well, and says what is wrong where it cannot', async () => {
    const { url, token } = live.server;
    expect(await hg(['--url', url, '--token', token, '--', 'echo here'])).toMatchObject({ code: 0, out: 'here\n' });
    expect(await hg(['--url', url, '--token', 'wrong', '--', 'true'])).toMatchObject({
      code: 4,
      err: expect.stringContaining('wrong token'),
    });
    expect(await hg(['--socket', live.server.socket, '--', 'true'])).toMatchObject({
      code: 2,
      err: expect.stringContaining('--url and --token'),
    });
    expect(await hg([])).toMatchObject({ code: 2, err: expect.stringContaining('say what to run') });
    expect(await hg(['--cwd', '/etc', '--', 'true'])).toMatchObject({ code: 4 });
    expect(await hg(['--cwd', 'nowhere', '--', 'true'])).toMatchObject({ code: 1, err: expect.stringContaining('nowhere') });
    expect(await hg(['--attach', 'nobody', 'log://turn_0/sh/x'])).toMatchObject({ code: 1, err: expect.stringContaining('no run') });
    expect(await readFile(join(live.data, 'token'), 'utf8')).toContain(token);
  });

  it('cancelled by another client exits as sh does and says by whom', async () => {
    const running = start(['--run', 'cancelled', '--', 'echo on; sleep 600']);
    await running.until('on\n');
    await cli(['cancel', 'cancelled', '--reason', 'lunch'], { cwd: live.root, data: live.data });
    const { code, err } = await running.ended;
    expect({ code, err }).toEqual({ code: 130, err: expect.stringMatching(/cancelled by cli:\d+: lunch/) });
  });
});
