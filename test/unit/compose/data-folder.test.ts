import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sandboxFinding } from '../../../src/compose/backend-doctor.ts';
import { dataPaths, makePrivate } from '../../../src/compose/server-files.ts';

let data: string;
beforeEach(() => {
  data = join(mkdtempSync(join(tmpdir(), 'headgate-data-folder-')), 'data');
  mkdirSync(data);
  chmodSync(data, 0o755);
});
afterEach(() => rmSync(join(data, '..'), { recursive: true }));

const mode = () => statSync(data).mode & 0o777;

describe('{#data_folder} a data folder that was there', () => {
  it.each([[[]], [['headgate.db', 'token']], [['server.log']]])('with %j in it is closed to other users', (names) => {
    for (const name of names) writeFileSync(join(data, name), '');
    makePrivate(data);
    expect(mode()).toBe(0o700);
  });

  it('with something else in it is refused and left as it is', () => {
    writeFileSync(join(data, 'homework.txt'), '');
    expect(() => makePrivate(data)).toThrow(
      expect.objectContaining({ kind: 'forbidden', message: expect.stringContaining('chmod 700') as string }),
    );
    expect(mode()).toBe(0o755);
    chmodSync(data, 0o700);
    makePrivate(data);
  });
});

describe('{#data_folder} a data folder that cannot be made', () => {
  it.each([
    ['in /proc, where Node tries for ever', () => '/proc/headgate/data', /ENOENT/],
    ['below a file', () => join(data, 'file', 'data'), /ENOTDIR/],
    ['in place of a file', () => join(data, 'file'), /EEXIST/],
  ])('is refused %s', (_, folder, cause) => {
    writeFileSync(join(data, 'file'), '');
    expect(() => dataPaths(folder())).toThrow(
      expect.objectContaining({ kind: 'forbidden', message: expect.stringMatching(cause) as string }),
    );
  });

  it('is made with those above it, private to its user, when only missing', () => {
    const { folder } = dataPaths(join(data, 'a', 'b'));
    expect([folder, join(folder, '..')].map((one) => statSync(one).mode & 0o777)).toEqual([0o700, 0o700]);
  });
});

describe('{#looks_place} headgate doctor', () => {
  it('says what is different without a sandbox {#sandbox_default}', () => {
    const { state, detail } = sandboxFinding({ available: false, reason: 'no bubblewrap' });
    expect(state).toBe('note');
    expect(detail).toMatch(/^no bubblewrap; .*git, rg.*token/);
    expect(sandboxFinding({ available: true, detail: 'bubblewrap 1, /usr/bin/bwrap' })).toMatchObject({
      state: 'ok',
      detail: 'bubblewrap 1, /usr/bin/bwrap',
    });
  });
});
