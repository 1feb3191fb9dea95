import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createFile, replaceFile } from '../../../src/core/whole-file.ts';

describe('a small file that is written as a whole', () => {
  let folder: string;
  let file: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'headgate-whole-'));
    file = join(folder, 'facts');
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('takes the place of the one before in one step, for its owner alone, with nothing left beside it', () => {
    replaceFile(file, 'one');
    const { ino } = statSync(file);
    replaceFile(file, 'two');
    // Another file: a reader that had opened the one before reads that to its end.
    expect(statSync(file).ino).not.toBe(ino);
    expect([readFileSync(file, 'utf8'), statSync(file).mode & 0o777, readdirSync(folder)]).toEqual(['two', 0o600, ['facts']]);
  });

  it('leaves the one before as it was where it cannot be replaced', () => {
    mkdirSync(file);
    expect(() => replaceFile(file, 'two')).toThrow(/EISDIR|ENOTEMPTY/);
    expect([statSync(file).isDirectory(), readdirSync(folder)]).toEqual([true, ['facts']]);
  });

  it('is that of the first writer where the first one decides', () => {
    createFile(file, 'first');
    createFile(file, 'second');
    expect([readFileSync(file, 'utf8'), readdirSync(folder)]).toEqual(['first', ['facts']]);
  });
});
