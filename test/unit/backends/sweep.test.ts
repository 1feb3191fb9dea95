import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { identify } from '../../../src/backends/process/proc.ts';
import { sweepSpool } from '../../../src/backends/process/sweep.ts';
import { SHIM_FILE } from '../../../src/backends/shim/shim-text.ts';
import { silentLogger } from '../../../src/core/logger.ts';

describe('{#spool_sweep} left-over producer folders', () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'headgate-sweep-'));
  });

  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  function make(name: string, pid?: string): void {
    mkdirSync(join(folder, name));
    writeFileSync(join(folder, name, 'out.1'), 'bytes');
    if (pid !== undefined) writeFileSync(join(folder, name, 'pid'), pid);
  }

  test('are removed, except those that are asked for and those whose shim runs', () => {
    const self = identify(process.pid);
    make('ended', '1 1 another-boot\n');
    make('unclaimed');
    make('wanted', '1 1 another-boot\n');
    make('running', `${self?.pid} ${self?.startTicks} ${self?.bootId}\n`);
    writeFileSync(join(folder, SHIM_FILE), 'the present shim');
    writeFileSync(join(folder, 'shim-000000000000.sh'), 'an older one');
    expect(sweepSpool({ folder, keep: new Set(['wanted']), logger: silentLogger })).toBe(3);
    expect(readdirSync(folder).sort()).toEqual(['running', SHIM_FILE, 'wanted'].sort());
  });

  test('are none where there is no spool', () => {
    rmSync(folder, { recursive: true });
    expect(sweepSpool({ folder, keep: new Set(), logger: silentLogger })).toBe(0);
    expect(existsSync(folder)).toBe(false);
  });
});
