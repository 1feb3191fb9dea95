import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, copyFileSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { hasEnvironment, holdsOpen, identify, processesSince, readAlive, readStat } from '../../../src/backends/process/proc.ts';
import { bootId } from '../../../src/core/boot-id.ts';

describe('processes of this host', () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'headgate-proc-'));
  });

  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  test('are read also when their name holds blanks and parentheses', async () => {
    const odd = join(folder, 'a) (b 1 2');
    copyFileSync('/bin/sleep', odd);
    const child = spawn(odd, ['60'], { stdio: 'ignore', detached: true });
    await once(child, 'spawn');
    expect(readStat(child.pid ?? 0)).toMatchObject({ parent: process.pid, group: child.pid, session: child.pid });
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(readStat(child.pid ?? 0)).toBeUndefined();
  });

  test('are told from a later one with the same number, and from one of another boot', () => {
    const self = identify(process.pid);
    expect(self).toBeDefined();
    if (!self) return;
    expect(readAlive(self)?.pid).toBe(process.pid);
    expect(readAlive({ ...self, startTicks: String(Number(self.startTicks) + 1) })).toBeUndefined();
    expect(readAlive({ ...self, bootId: 'another' })).toBeUndefined();
    expect(self.bootId).toBe(bootId());
  });

  test('are listed from a start time on', async () => {
    const self = readStat(process.pid);
    const listed = await processesSince(self?.startTicks ?? '0');
    expect(listed.map(({ pid }) => pid)).toContain(process.pid);
    const later = await processesSince(String(Number(self?.startTicks) + 1));
    expect(later.map(({ pid }) => pid)).not.toContain(process.pid);
  });

  test('show what is in their environment, whole pairs only', async () => {
    const child = spawn('sleep', ['60'], { stdio: 'ignore', env: { ...process.env, ONE: 'a', TWO: 'bc' } });
    await once(child, 'spawn');
    const pid = child.pid ?? 0;
    expect(hasEnvironment(pid, ['ONE=a', 'TWO=bc'])).toBe(true);
    expect(hasEnvironment(pid, ['TWO=b'])).toBe(false);
    expect(hasEnvironment(pid, ['NE=a'])).toBe(false);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(hasEnvironment(pid, ['ONE=a'])).toBe(false);
  });

  test('show which files they hold open, by whatever name', () => {
    const [held, other] = [join(folder, 'held'), join(folder, 'other')];
    closeSync(openSync(other, 'a'));
    const fd = openSync(held, 'a');
    expect(holdsOpen(process.pid, [other, held])).toBe(true);
    expect(holdsOpen(process.pid, [other])).toBe(false);
    closeSync(fd);
    expect(holdsOpen(process.pid, [held])).toBe(false);
  });
});
