import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { UsageMeter } from '../../../src/cli/top/usage.ts';
import { needsOf } from '../../../src/rpc/client/index.ts';

describe('{#cli_top} what a command uses', () => {
  it('is the processor time and the memory of all its processes, from one look to the next', async () => {
    const child = spawn('sh', ['-c', 'sh -c "echo up; while :; do :; done" & wait'], { detached: true });
    try {
      await once(child.stdout, 'data');
      const meter = new UsageMeter();
      const pid = child.pid ?? 0;
      expect(meter.look([pid], performance.now()).get(pid)).toMatchObject({ cpu: 0, processes: 2 });
      let cpu = 0;
      // A machine with other work gives it less than a whole processor.
      await expect
        .poll(() => (cpu = meter.look([pid], performance.now()).get(pid)?.cpu ?? 0), { timeout: 20_000, interval: 300 })
        .toBeGreaterThan(0.05);
      expect(cpu).toBeLessThan(1.5);
      expect(meter.look([pid], performance.now()).get(pid)?.memory).toBeGreaterThan(100_000);
      expect(meter.look([pid, 2 ** 30], performance.now()).has(2 ** 30)).toBe(false);
    } finally {
      process.kill(-(child.pid ?? 0), 'SIGKILL');
    }
  });
});

describe('{#needs_you} what needs somebody', () => {
  const run = (name: string, status: number, updatedAt: number) =>
    ({ run: name, status, outcome: status === 500 ? 'model_http' : null, model: 'm', turn: 1, createdAt: 0, updatedAt }) as never;
  const proposal = (path: string, attributes: object) =>
    ({ run: 'r', path, createdAt: 5, command: null, summary: 'which one?', attributes }) as never;

  it('is a proposal, a question, a command that waits for input, and for an hour a failure', () => {
    const commands = [
      { run: 'r', path: 'p', command: 'cat', waiting: true, lastOutputAt: 7, ageMs: 1 },
      { run: 'r', path: 'q', command: 'make', waiting: false, lastOutputAt: 7, ageMs: 1 },
    ] as never;
    const runs = [run('bad', 500, 3_599_000), run('old', 500, -10), run('good', 200, 3_599_000), run('stopped', 499, 3_599_000)];
    const needs = needsOf('app', { proposals: [proposal('a', {}), proposal('b', { question: 'which one?' })], commands, runs }, 3_600_000);
    expect(needs.map(({ kind, run, path }) => `${kind} ${run} ${path ?? ''}`)).toEqual([
      'proposal r a',
      'question r b',
      'input r p',
      'failure bad ',
    ]);
  });
});
