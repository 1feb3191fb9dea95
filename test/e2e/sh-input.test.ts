import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { cli, type RunningCli, startCli } from '../support/cli.ts';
import { faulty, liveServer } from '../support/live-server.ts';

const live = liveServer();
const start = (run: string, command: string): RunningCli =>
  startCli(['sh', '--run', run, '--', command], { cwd: live.root, data: live.data });
const hg = (...args: string[]) => cli(args, { cwd: live.root, data: live.data });
/** Every line is another one, so that what is missing, or comes twice, changes the whole. */
const numbered = (count: number) => Buffer.from(Array.from({ length: count }, (_, i) => `${i}\n`).join(''));

const SLOW = { timeout: 20_000, interval: 50 };

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

  it('{#input_offset} has no hole and nothing twice when the server is killed in the middle of a write', async () => {
    const input = numbered(LINES);
    const running = start('hole', 'echo up; while [ ! -e hole-go ]; do sleep 0.05; done; cat > hole');
    running.process.stdin.end(input);
    await running.until('up');
    const [{ path } = { path: '' }] = JSON.parse((await hg('ps', '--json', '--run', 'hole')).out) as { path: string }[];
    // Where no byte was taken for two seconds, a write of the rest is under way.
    const more = JSON.stringify({ run: 'hole', path, chunk: '' });
    let at = -1;
    await vi.waitUntil(async () => {
      const before = at;
      at = (JSON.parse((await hg('rpc', 'stream/input', more)).out) as { offset?: number }).offset ?? 0;
      return at > 0 && at === before;
    }, SLOW);
    await live.server.crash();
    await live.start();
    writeFileSync(join(live.root, 'hole-go'), '');
    expect(await running.ended).toMatchObject({ code: 0, err: expect.not.stringContaining('cut off') as string });
    expect(readFileSync(join(live.root, 'hole')).equals(input)).toBe(true);
  });

  it.each(['before', 'after'])('{#input_offset} is whole when the server is killed right %s the pipe takes a piece', async (when) => {
    // The third write of that server is in the middle of the first chunk.
    await live.crashAndStart(faulty(`${when}-input 3`));
    const input = numbered(5000);
    const running = start(`fault-${when}`, `cat > fault-${when}`);
    running.process.stdin.end(input);
    await live.died();
    await live.start();
    expect(await running.ended).toMatchObject({ code: 0 });
    expect(readFileSync(join(live.root, `fault-${when}`)).equals(input)).toBe(true);
  });
});
