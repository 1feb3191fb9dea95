import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { HolePuncher } from '../../../src/backends/shim/hole-puncher.ts';
import { silentLogger } from '../../../src/core/logger.ts';
import { serviceAvailable } from '../../support/require.ts';
import { smallDisk } from '../../support/small-disk.ts';

describe('{#spool_space} giving bytes of a file back', () => {
  let folder: string;
  let said: string[];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'headgate-punch-'));
    said = [];
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const logger = { ...silentLogger, warn: (_facts: object, message: string) => void said.push(message) };

  /** Punches the first 64 KiB of a file of 128 KiB, twice. */
  async function punch(puncher: HolePuncher, file: string): Promise<boolean[]> {
    writeFileSync(file, Buffer.alloc(128 * 1024, 'x'));
    const fd = openSync(file, 'r');
    try {
      return [await puncher.punch(fd, 0, 64 * 1024), await puncher.punch(fd, 0, 64 * 1024)];
    } finally {
      closeSync(fd);
    }
  }

  test.skipIf(!serviceAvailable('fallocate'))('frees their space and leaves the size of the file and every other byte', async () => {
    const file = join(folder, 'f');
    const puncher = new HolePuncher(logger);
    expect(await punch(puncher, file)).toEqual([true, true]);
    expect([statSync(file).size, statSync(file).blocks * 512]).toEqual([128 * 1024, 64 * 1024]);
    expect(
      readFileSync(file)
        .subarray(64 * 1024)
        .every((byte) => byte === 120),
    ).toBe(true);
    expect([puncher.works, said]).toEqual([true, []]);
  });

  test.skipIf(!serviceAvailable('fallocate'))('is tried again after a failure that passes', async () => {
    const program = join(folder, 'fallocate');
    writeFileSync(
      program,
      `#!/bin/sh\n[ -e ${folder}/works ] && exec fallocate "$@"\necho 'fallocate: Cannot allocate memory' >&2\nexit 1\n`,
      {
        mode: 0o700,
      },
    );
    const puncher = new HolePuncher(logger, program);
    await expect(punch(puncher, join(folder, 'f'))).rejects.toThrow(/Cannot allocate memory/);
    writeFileSync(join(folder, 'works'), '');
    expect(await punch(puncher, join(folder, 'f'))).toEqual([true, true]);
    expect([puncher.works, said]).toEqual([true, []]);
  });

  test('is given up, and said once, where there is no fallocate', async () => {
    const puncher = new HolePuncher(logger, 'no-such-fallocate');
    expect(await punch(puncher, join(folder, 'f'))).toEqual([false, false]);
    expect([puncher.works, said.length]).toEqual([false, 1]);
  });

  test.skipIf(!serviceAvailable('mount'))('is given up, and said once, on a file system that cannot do it', async () => {
    const disk = smallDisk(0, 'ramfs');
    try {
      const puncher = new HolePuncher(logger);
      expect(await punch(puncher, join(disk.folder, 'f'))).toEqual([false, false]);
      expect([puncher.works, said.length]).toEqual([false, 1]);
    } finally {
      disk.remove();
    }
  });
});
