import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NotRegularError, readSmallFile } from '../../../src/core/small-file.ts';

let folder: string;
const at = (name: string) => join(folder, name);
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'headgate-small-'));
  execFileSync('mkfifo', [at('pipe')]);
  writeFileSync(at('file'), 'some text');
  symlinkSync('file', at('link'));
  symlinkSync('pipe', at('link-to-pipe'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('{#no_pause} a small file', () => {
  it('is read up to its limit, and not beyond', () => {
    expect(readSmallFile(at('file'), 9)).toBe('some text');
    expect(() => readSmallFile(at('file'), 8)).toThrow('it has 9 bytes; 8 are allowed');
    expect(readSmallFile('/proc/self/comm', 100)).toMatch(/\n$/);
    expect(() => readSmallFile('/proc/self/maps', 10)).toThrow('10 are allowed');
  });

  it('is no link unless links are asked for', () => {
    expect(() => readSmallFile(at('link'), 100)).toThrow(/ELOOP/);
    expect(readSmallFile(at('link'), 100, { links: true })).toBe('some text');
  });

  it.each(['pipe', 'link-to-pipe', '.', '/dev/zero'])('is never waited for where %s lies instead', (name) => {
    expect(() => readSmallFile(name.startsWith('/') ? name : at(name), 100, { links: true })).toThrow(NotRegularError);
  });
});
