import { describe, expect, test } from 'vitest';
import type { BackendHandle, ClosedFact, ExitFact, KillRequest } from '../../src/model/ports/backend.ts';
import type { StoringSink } from './backend-probe.ts';

export const KILL: KillRequest = { requestedBy: 'test', reason: 'because', signal: 'SIGTERM', graceMs: 10_000 };

/** What the tests need of the suite around them: a command started, or run to the end of its output. */
export interface KillContext {
  start(command: string): Promise<{ handle: BackendHandle; sink: StoringSink }>;
  run(command: string): Promise<{ handle: BackendHandle; sink: StoringSink; exit: ExitFact; closed: ClosedFact }>;
  /** Whether a process runs, by its number as commands see it. */
  isRunning(pid: number): Promise<boolean>;
  /** Commands run in a terminal, which ends with them: nothing in it goes on writing. */
  readonly terminal: boolean;
}

/** How every backend ends a tree, and what it makes of processes that stay (SPEC {#kill_tree}, {#detached}). */
export function killContract({ start, run, isRunning, terminal }: KillContext): void {
  describe('{#kill_tree} {#receipt} kill', () => {
    test('ends a tree and names every process of it', async () => {
      const { handle, sink } = await start("sh -c 'sleep 300 & echo $!; sleep 300 & echo $!; echo up; wait'");
      const [, one, two] = await sink.match(1, /(\d+)\n(\d+)\nup/);
      const receipt = await handle.kill(KILL);
      expect(receipt.confirmedDead).toEqual(expect.arrayContaining([Number(one), Number(two)]));
      expect(receipt.escaped).toEqual([]);
      expect(receipt.signals.map(({ signal }) => signal)).toEqual(['SIGTERM']);
      expect(receipt).toMatchObject({ requestedBy: 'test', reason: 'because' });
      expect(receipt.finishedAt).toBeGreaterThanOrEqual(receipt.requestedAt);
      expect([await isRunning(Number(one)), await isRunning(Number(two))]).toEqual([false, false]);
      expect(await handle.exited).toMatchObject({ exitCode: 143, signal: 'SIGTERM' });
      expect(await handle.closed).toEqual({ detached: [] });
    });

    test('answers as soon as nothing is left, not after the grace period', async () => {
      const { handle, sink } = await start('echo up; sleep 300');
      await sink.match(1, /up/);
      const { requestedAt, finishedAt } = await handle.kill({ ...KILL, graceMs: 60_000 });
      expect((finishedAt ?? Number.POSITIVE_INFINITY) - requestedAt).toBeLessThan(5000);
    });

    test('finds a child that took a session of its own', async () => {
      const { handle, sink } = await start("setsid sh -c 'echo $$ away; exec sleep 300' & wait");
      const [, escapee] = await sink.match(1, /(\d+) away/);
      const receipt = await handle.kill(KILL);
      expect(receipt.confirmedDead).toContain(Number(escapee));
      expect(await isRunning(Number(escapee))).toBe(false);
    });

    test('ends also what only the group ties to the command, when its leader has ended before', async () => {
      const { handle, sink } = await start(
        `(trap '' TERM; echo begun; exec env -i /bin/sleep 300 > /dev/null 2>&1) & echo "$! sleeps"; wait`,
      );
      const [, sleeper] = await sink.match(1, /(\d+) sleeps/);
      await sink.match(1, /begun/);
      const receipt = await handle.kill({ ...KILL, graceMs: 200 });
      expect(receipt.escaped).toEqual([]);
      expect(await isRunning(Number(sleeper))).toBe(false);
    });

    test('ends what ignores SIGTERM by SIGKILL after the grace period', async () => {
      const { handle, sink } = await start("trap '' TERM; echo up; while :; do sleep 1; done");
      await sink.match(1, /up/);
      const receipt = await handle.kill({ ...KILL, graceMs: 200 });
      expect(receipt.signals.map(({ signal }) => signal)).toEqual(['SIGTERM', 'SIGKILL']);
      const [term, kill] = receipt.signals;
      expect((kill?.at ?? 0) - (term?.at ?? 0)).toBeGreaterThanOrEqual(190);
      expect(receipt.escaped).toEqual([]);
      expect(await handle.exited).toMatchObject({ exitCode: 137, signal: 'SIGKILL' });
    });

    test('lets a command that handles SIGTERM end itself, with the last of its output', async () => {
      const { handle, sink } = await start('trap "sleep 0.2; echo bye; exit 7" TERM; echo up; while :; do sleep 0.05; done');
      await sink.match(1, /up/);
      const receipt = await handle.kill(KILL);
      expect((await handle.exited).exitCode).toBe(7);
      await handle.closed;
      // What the shell says of its own child is on the same channel where there is one only.
      expect(sink.text(1)).toMatch(/^up\n(Terminated\n)?bye\n$/);
      expect(receipt.signals.map(({ signal }) => signal)).toEqual(['SIGTERM']);
    });

    test('ends a stopped command', async () => {
      const { handle, sink } = await start('echo up; sleep 300');
      await sink.match(1, /up/);
      await handle.signal('SIGSTOP');
      const receipt = await handle.kill(KILL);
      // Where the stop had not come about yet the first signal was enough; where it had, the command had to be woken.
      expect([['SIGTERM'], ['SIGTERM', 'SIGCONT']]).toContainEqual(receipt.signals.map(({ signal }) => signal));
      expect(receipt.escaped).toEqual([]);
    });

    test('begins with another signal when asked to, and refuses one that does not exist', async () => {
      const { handle, sink } = await start('echo up; sleep 300');
      await sink.match(1, /up/);
      await expect(handle.kill({ ...KILL, signal: 'SIGNONSENSE' })).rejects.toMatchObject({ kind: 'invalid_params' });
      const receipt = await handle.kill({ ...KILL, signal: 'KILL' });
      expect(receipt.signals.map(({ signal }) => signal)).toEqual(['SIGKILL']);
      expect((await handle.exited).signal).toBe('SIGKILL');
    });

    test('twice answers the same receipt, and a less patient second request hurries the first', async () => {
      const { handle, sink } = await start('trap "echo no" TERM; echo up; while :; do sleep 0.05; done');
      await sink.match(1, /up/);
      const first = handle.kill({ ...KILL, graceMs: 600_000 });
      await sink.match(1, /no/);
      const second = handle.kill({ ...KILL, requestedBy: 'somebody else', graceMs: 0 });
      expect(await second).toEqual(await first);
      expect((await first).requestedBy).toBe('test');
    });

    test('right after the start leaves nothing that runs', async () => {
      for (let i = 0; i < 10; i++) {
        const { handle, sink } = await start('echo $$; sleep 300');
        const receipt = await handle.kill({ ...KILL, graceMs: 100 });
        await handle.closed;
        const pid = Number(sink.text(1));
        expect(receipt.escaped).toEqual([]);
        expect(receipt.finishedAt).not.toBeNull();
        if (pid !== 0) expect(await isRunning(pid)).toBe(false);
      }
    });

    test('after the end finds nothing to do and says so', async () => {
      const { handle } = await run('echo done');
      expect(await handle.kill(KILL)).toMatchObject({ signals: [], confirmedDead: [], escaped: [] });
    });
  });

  if (terminal) return;
  describe('{#detached} output that outlives the command', () => {
    test('of a background process is read for a while, then left, and the process is named and not killed', async () => {
      const { closed, sink, exit } = await run('(sleep 0.2; echo late; exec sleep 300) & echo $!');
      const pid = Number(/\d+/.exec(sink.text(1))?.[0]);
      expect(exit.exitCode).toBe(0);
      expect(sink.text(1)).toContain('late\n');
      expect(closed.detached).toContain(pid);
      expect(await isRunning(pid)).toBe(true);
    });

    test('is found in another session as well', async () => {
      const { closed } = await run('setsid sleep 300 & sleep 0.1');
      expect(closed.detached.length).toBe(1);
      expect(await isRunning(closed.detached[0] ?? 0)).toBe(true);
    });

    test('of a background process that ends soon is read to its end', async () => {
      const { closed, sink } = await run('(sleep 0.3; echo late) &');
      expect(sink.text(1)).toBe('late\n');
      expect(closed.detached).toEqual([]);
    });

    test('is none when a background process has redirected it', async () => {
      const { closed, sink } = await run("sh -c 'sleep 300 > /dev/null 2>&1 & echo $!'");
      expect(closed.detached).toEqual([]);
      expect(await isRunning(Number(sink.text(1)))).toBe(true);
    });

    test('that goes on without end does not keep it from closing', async () => {
      const { closed } = await run('(while :; do echo again; sleep 0.001; done) & echo $!');
      expect(closed.detached.length).toBeGreaterThan(0);
    });
  });
}
