import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { identify } from '../../../src/backends/process/proc.ts';
import { overdueIn } from '../../../src/backends/warden/overdue.ts';
import { WARDEN_SH } from '../../../src/backends/warden/warden-sh.ts';
import { bootId } from '../../../src/core/boot-id.ts';
import { tempFolder } from '../../support/temp-store.ts';

const SHELLS = ['dash', 'bash', 'busybox sh'];

let folder: string;
let remove: () => Promise<void>;
const started: ChildProcess[] = [];

beforeEach(async () => {
  const temp = await tempFolder();
  folder = realpathSync(temp.folder);
  remove = temp.remove;
});

afterEach(async () => {
  for (const child of started.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }
  await remove();
});

const lives = (child: ChildProcess) => child.exitCode === null && child.signalCode === null;
const line = (pid: number) => `${pid} ${identify(pid)?.startTicks} ${bootId()}\n`;

/** A spool in which the command `p1` runs, which may run for a second without a server, and the server has gone long ago. */
function spoolOf(name: string): { spool: string; shim: ChildProcess } {
  const spool = join(folder, name);
  mkdirSync(join(spool, 'p1'), { recursive: true });
  const env = { PATH: process.env['PATH'], HEADGATE_SPOOL: spool, HEADGATE_PRODUCER: 'p1' };
  const shim = spawn('sh', ['-c', 'trap "kill %1; exit 0" TERM; sleep 600 & wait; :'], { detached: true, stdio: 'ignore', env });
  started.push(shim);
  writeFileSync(join(spool, 'p1', 'pid'), line(shim.pid ?? 0));
  writeFileSync(join(spool, 'p1', 'lifetime'), '1\n');
  writeFileSync(join(spool, 'gone'), `1 ${bootId()}\n`);
  return { spool, shim };
}

function warden(spool: string, shell: readonly string[] = ['sh']): ChildProcess {
  const script = join(folder, 'warden.sh');
  writeFileSync(script, WARDEN_SH);
  const [program = 'sh', ...words] = shell;
  const child = spawn(program, [...words, script, spool], { detached: true, stdio: 'ignore' });
  started.push(child);
  return child;
}

describe('{#lifetime_warden} the warden of a spool', () => {
  it.each(SHELLS)('ends what is overdue, says what it did, and leaves: %s', async (shell) => {
    const { spool, shim } = spoolOf('spool');
    const child = warden(spool, shell.split(' '));
    writeFileSync(join(spool, 'warden'), line(child.pid ?? 0));
    await once(shim, 'exit');
    await once(child, 'exit');
    expect(overdueIn(join(spool, 'p1'))).toMatchObject({
      reason: expect.stringContaining('longer than its lifetime of 1s'),
      receipt: { requestedBy: 'lifetime', signals: [{ signal: 'SIGTERM' }], escaped: [] },
    });
    expect(existsSync(join(spool, 'warden'))).toBe(false);
  });

  it('ends nothing of a spool of which this one is a copy', async () => {
    const { spool, shim } = spoolOf('spool');
    const copy = join(folder, 'copy');
    cpSync(spool, copy, { recursive: true });
    const child = warden(copy);
    writeFileSync(join(copy, 'warden'), line(child.pid ?? 0));
    await once(child, 'exit');
    expect(lives(shim)).toBe(true);
    expect(overdueIn(join(copy, 'p1'))).toBeUndefined();
  });

  it('of two on one spool the one leaves that has no claim, and the other when its claim is taken away', async () => {
    const { spool, shim } = spoolOf('spool');
    writeFileSync(join(spool, 'server'), line(process.pid));
    const [first, second] = [warden(spool), warden(spool)];
    writeFileSync(join(spool, 'warden'), line(first.pid ?? 0));
    await once(second, 'exit');
    await vi.waitUntil(() => !existsSync(join(spool, 'gone')), { timeout: 10_000, interval: 10 });
    expect([lives(first), lives(shim)]).toEqual([true, true]);
    writeFileSync(join(spool, 'warden'), line(process.pid));
    first.kill('SIGCONT');
    await once(first, 'exit');
    expect(readFileSync(join(spool, 'warden'), 'utf8')).toBe(line(process.pid));
    expect(lives(shim)).toBe(true);
  });

  it('leaves when the spool is gone', async () => {
    const { spool } = spoolOf('spool');
    writeFileSync(join(spool, 'server'), line(process.pid));
    const child = warden(spool);
    writeFileSync(join(spool, 'warden'), line(child.pid ?? 0));
    await vi.waitUntil(() => !existsSync(join(spool, 'gone')), { timeout: 10_000, interval: 10 });
    rmSync(spool, { recursive: true });
    child.kill('SIGCONT');
    await once(child, 'exit');
  });
});
