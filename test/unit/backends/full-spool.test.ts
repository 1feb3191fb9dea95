import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { FolderWatch } from '../../../src/backends/shim/folder-watch.ts';
import { ProducerFolder } from '../../../src/backends/shim/producer-folder.ts';
import { SHIM_SH } from '../../../src/backends/shim/shim-sh.ts';
import { SHIM_FILE } from '../../../src/backends/shim/shim-text.ts';
import { silentLogger } from '../../../src/core/logger.ts';
import { eventually } from '../../contract/backend-probe.ts';
import { serviceAvailable } from '../../support/require.ts';
import { smallDisk } from '../../support/small-disk.ts';

describe.skipIf(!serviceAvailable('mount'))('{#shim_exit} a spool on a full disk', () => {
  test('the shim publishes the exit code, trying again for as long as the disk is full', async () => {
    const disk = smallDisk(256 * 1024);
    try {
      const folder = new ProducerFolder(disk.folder, 'p1');
      writeFileSync(join(disk.folder, SHIM_FILE), SHIM_SH);
      folder.prepare({ command: '', cwd: '/', env: {}, stdin: false });
      const elsewhere = mkdtempSync(join(tmpdir(), 'headgate-full-'));
      const command = `while [ ! -e ${elsewhere}/go ]; do sleep 0.02; done; exit 7`;
      const shim = spawn('sh', [join(disk.folder, SHIM_FILE), folder.path, '0', '1', '/bin/sh', '-c', command], {
        detached: true,
        stdio: 'ignore',
      });
      const exit = once(shim, 'exit');
      await eventually(() => folder.main() !== undefined, 'the command is about to run');
      disk.fill(0);
      writeFileSync(join(elsewhere, 'go'), '');
      const published = join(folder.path, 'exit');
      await eventually(() => existsSync(published), 'the shim has tried to publish');
      expect([statSync(published).size, folder.exitCode(), shim.exitCode]).toEqual([0, undefined, null]);
      disk.clear();
      await exit;
      expect([folder.exitCode(), shim.exitCode]).toEqual([7, 0]);
      rmSync(elsewhere, { recursive: true });
    } finally {
      disk.remove();
    }
  });

  test('{#spool_space} what is remembered of missing bytes stays whole when it cannot be written again', () => {
    const disk = smallDisk(256 * 1024);
    try {
      const folder = new ProducerFolder(disk.folder, 'p1');
      folder.prepare({ command: '', cwd: '/', env: {}, stdin: false });
      folder.setBase(1, 42);
      disk.fill(0);
      expect(() => folder.setBase(1, 99)).toThrow(/ENOSPC/);
      expect(folder.base(1)).toBe(42);
    } finally {
      disk.remove();
    }
  });
});

describe('{#delivery} a change that fs.watch does not tell of', () => {
  test('`fs.watch` missing an event: what came is found by the safety poll', async () => {
    const root = mkdtempSync(join(tmpdir(), 'headgate-watch-'));
    const folder = join(root, 'p1');
    mkdirSync(folder);
    const told: (string | null)[] = [];
    const watch = new FolderWatch(folder, (name) => void told.push(name), silentLogger);
    try {
      // The watch is on a folder that is there no more: nothing that happens in the new one is told.
      rmSync(folder, { recursive: true });
      mkdirSync(folder);
      writeFileSync(join(folder, 'out.1'), 'unseen');
      await eventually(() => told.includes(null), 'the poll looks');
      expect(told).not.toContain('out.1');
    } finally {
      watch.close();
      rmSync(root, { recursive: true });
    }
  });
});
