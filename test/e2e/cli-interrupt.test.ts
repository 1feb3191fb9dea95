import { randomBytes } from 'node:crypto';
import { describe, expect, it, vi } from 'vitest';
import { processesWith } from '../support/built-server.ts';
import { cli, startCli } from '../support/cli.ts';
import { liveServer } from '../support/live-server.ts';

const live = liveServer();
const start = (args: readonly string[]) => startCli(args, { cwd: live.root, data: live.data });
const hg = (args: readonly string[]) => cli(args, { cwd: live.root, data: live.data });
const producers = async (run: string) =>
  JSON.parse((await hg(['ps', '--all', '--json', '--run', run])).out) as { path: string; state: string }[];

describe('{#cli_interrupt} headgate sh', { timeout: 60_000 }, () => {
  it.each([
    ['echo ready; sleep 600', 130, 'ready\n', ''],
    [
      `trap 'kill $!; echo last words; echo "last error" >&2; exit 4' INT; sleep 600 & echo ready; wait`,
      4,
      'ready\nlast words\n',
      'last error\n',
    ],
    [
      `exec python3 -u -c 'import time\nprint("ready")\ntry:\n  time.sleep(600)\nexcept KeyboardInterrupt:\n  print("tidied up")\n  raise SystemExit(9)'`,
      9,
      'ready\ntidied up\n',
      '',
    ],
  ])('one Ctrl-C is SIGINT: what %j says then is shown, and its exit code returned', async (command, code, out, err) => {
    const running = start(['sh', command]);
    await running.until('ready');
    running.process.kill('SIGINT');
    expect(await running.ended).toMatchObject({ code, out, err });
  });

  it('is cancelled by a second Ctrl-C: exit code 130, and every process of the command gone', async () => {
    const mark = `mark-${randomBytes(6).toString('hex')}`;
    const running = start(['sh', `trap '' INT; echo ready; sleep 600 "${mark}" 2>/dev/null || sh -c 'sleep 600; : ${mark}' & wait`]);
    await running.until('ready');
    running.process.kill('SIGINT');
    await running.until('Ctrl-C again cancels it', 'err');
    running.process.kill('SIGINT');
    expect((await running.ended).code).toBe(130);
    expect(await processesWith(mark)).toEqual([]);
  });

  it.each([
    ['SIGTERM', 143],
    ['SIGHUP', 129],
    ['SIGQUIT', 131],
  ] as const)('{#cli_sh} says on %s that the command goes on, and what ends it', async (signal, code) => {
    const alias = `left-by-${code}`;
    const running = start(['sh', '--run', alias, 'echo ready; exec sleep 600']);
    await running.until('ready');
    running.process.kill(signal);
    const { err, ...ended } = await running.ended;
    expect(ended).toMatchObject({ code, signal: null });
    const [, run, path] = /headgate cancel (\S+) (\S+) ends it/.exec(err) ?? [];
    expect(await producers(alias)).toMatchObject([{ state: 'running', path }]);
    expect((await hg(['cancel', run!, path!])).code).toBe(0);
  });

  it('leaves at once on a third Ctrl-C', async () => {
    const running = start(['sh', '--run', 'stubborn', `trap '' INT TERM; echo ready; while :; do sleep 1; done`]);
    await running.until('ready');
    running.process.kill('SIGINT');
    await running.until('Ctrl-C again cancels it', 'err');
    running.process.kill('SIGINT');
    const states = async () => (await producers('stubborn')).map(({ state }) => state);
    await vi.waitUntil(async () => !(await states()).includes('running'), { timeout: 20_000, interval: 50 });
    running.process.kill('SIGINT');
    expect((await running.ended).code).toBe(130);
    const [producer] = await producers('stubborn');
    expect((await hg(['cancel', 'stubborn', producer!.path])).code).toBe(0);
  });
});
