import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { cli, type RunningCli, startCli } from '../support/cli.ts';
import { liveServer } from '../support/live-server.ts';

const live = liveServer();
const start = (run: string, command: string): RunningCli =>
  startCli(['sh', '--run', run, '--', command], { cwd: live.root, data: live.data });
const hg = (...args: string[]) => cli(args, { cwd: live.root, data: live.data });
/** Every line is another one, so that what is missing, or comes twice, changes the whole. */
const numbered = (count: number) => Buffer.from(Array.from({ length: count }, (_, i) => `${i}\n`).join(''));

/** Much more than a pipe and what lies before it hold. */
const LINES = 400_000;

describe('{#cli_sh} the input of a command', () => {
  it('{#stdin} reaches one that begins to read late with every byte and its end', async () => {
    const input = numbered(LINES);
    const running = start('late', 'sleep 5; cat');
    running.process.stdin.end(input);
    const { code, stdout, err } = await running.ended;
    expect({ code, err, bytes: stdout.length, same: stdout.equals(input) }).toEqual({ code: 0, err: '', bytes: input.length, same: true });
  });

  it('waits while the server is away, and is sent when it is back', async () => {
    const running = start('waits', 'echo up; cat > waited');
    await running.until('up');
    await live.server.crash();
    await running.until('Waiting for it', 'err');
    const input = numbered(LINES);
    running.process.stdin.end(input);
    await live.start();
    expect(await running.ended).toMatchObject({ code: 0 });
    expect(readFileSync(join(live.root, 'waited')).equals(input)).toBe(true);
  });

  it('ends with an error instead of a hole when nobody knows what has come, and the command goes on', async () => {
    const running = start('hole', 'echo up; while [ ! -e hole-go ]; do sleep 0.05; done; cat > hole');
    running.process.stdin.write(numbered(LINES));
    await running.until('up');
    const [{ path } = { path: '' }] = JSON.parse((await hg('ps', '--json', '--run', 'hole')).out) as { path: string }[];
    // Where one more byte has no room, a write of the rest is under way.
    const more = JSON.stringify({ run: 'hole', path, chunk: 'x' });
    await vi.waitUntil(async () => (await hg('rpc', 'stream/input', more)).out === '{"status":"ok","bytes":0}\n', { timeout: 20_000 });
    await live.server.crash();
    await live.start();
    const { code, err } = await running.ended;
    expect({ code, err }).toEqual({
      code: 1,
      err: expect.stringMatching(/input was cut off: the command has got \d+ bytes of it, and the next \d+ may have come or not/),
    });
    expect(err).toContain('headgate tty --attach hole');
    writeFileSync(join(live.root, 'hole-go'), '');
    expect((await hg('cancel', 'hole', '--grace', '100ms')).code).toBe(0);
  });
});
