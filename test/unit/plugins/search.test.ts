import { execFileSync } from 'node:child_process';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ToolHarness, toolHarness } from './producers.ts';

let t: ToolHarness;
beforeEach(async () => {
  t = await toolHarness();
});
afterEach(() => t.h.close());

async function files(all: Record<string, string | Buffer>): Promise<void> {
  for (const [path, text] of Object.entries(all)) {
    await mkdir(dirname(join(t.h.root, path)), { recursive: true });
    await writeFile(join(t.h.root, path), text);
  }
}

const found = () => t.text('search', 1).split('\n').filter(Boolean);

describe('{#tool_search} search', () => {
  it('finds lines with path and number, and leaves out what git ignores, hidden and binary files, and links', async () => {
    await files({
      'src/a.ts': 'one\ngauge two\nthree gauge\n',
      'src/deep/b.ts': 'gauge\r\n',
      'node_modules/x/index.js': 'gauge\n',
      'build/out.js': 'gauge\n',
      'build/keep.js': 'gauge kept\n',
      '.hidden': 'gauge\n',
      '.git/HEAD': 'gauge\n',
      'image.bin': Buffer.from([0x67, 0, 0x67]),
      '.gitignore': '# a comment\nnode_modules/\nbuild/*\n!build/keep.js\n/top.txt\n',
      'top.txt': 'gauge\n',
      'src/top.txt': 'gauge below\n',
    });
    await symlink('/etc', join(t.h.root, 'link'));
    await t.call('search', { pattern: 'gauge\\b' });
    expect(found()).toEqual([
      'build/keep.js:1:gauge kept',
      'src/a.ts:2:gauge two',
      'src/a.ts:3:three gauge',
      'src/deep/b.ts:1:gauge',
      'src/top.txt:1:gauge below',
    ]);
    expect(t.log('search')).toMatchObject({ status: 200, attributes: { subject: 'file://.' } });
    expect(t.log('search').body).toContain('5 matching lines in 4 files (5 files, 56 bytes searched, 1 binary files left out)');
  });

  it.each([
    [{ pattern: 'a.c', literal: true }, ['x.md:2:a.c']],
    [{ pattern: 'ABC', ignore_case: true }, ['x.md:1:abc', 'y.txt:1:abc']],
    [{ pattern: '^abc$', glob: ['*.txt'] }, ['y.txt:1:abc']],
    [{ pattern: 'abc', glob: ['!*.txt'] }, ['x.md:1:abc']],
    [{ pattern: 'secret', hidden: true, ignored: true }, ['.env:1:secret', 'log.tmp:1:secret']],
    [{ pattern: 'a', files_only: true, path: 'in' }, ['in/z']],
    [{ pattern: 'four', context: 1 }, ['y.txt-3-three', 'y.txt:4:four', 'y.txt-5-five']],
    [{ pattern: 'abc', path: 'y.txt' }, ['y.txt:1:abc']],
  ])('with %j', async (input, expected) => {
    await files({
      'x.md': 'abc\na.c\n',
      'y.txt': 'abc\ntwo\nthree\nfour\nfive\n',
      '.env': 'secret\n',
      'log.tmp': 'secret\n',
      '.gitignore': '*.tmp\n',
      'in/z': 'a\na\n',
    });
    await t.call('search', input);
    expect(found()).toEqual(expected);
  });

  it('{#file_constraints} names nothing of a file that a constraint keeps from models, not even in its counts', async () => {
    await files({ 'a.txt': 'needle', 'private/b.txt': 'needle\nneedle' });
    t.h.runtime.constrainFiles(t.h.caller(), { path: 'private/**', ignore: true });
    await t.call('search', { pattern: 'needle' });
    const entry = t.log('search');
    expect(found()).toEqual(['a.txt:1:needle']);
    expect(entry.body).toContain('1 matching lines in 1 files');
    expect(`${t.text('search', 2)}${entry.body}`).not.toContain('private');
  });

  it('stops at max_matches and says that there may be more', async () => {
    await files({ 'many.txt': 'x\n'.repeat(50) });
    await t.call('search', { pattern: 'x', max_matches: 7 });
    expect(found()).toHaveLength(7);
    expect(t.log('search').body).toMatch(/stopped: 7 lines match, there may be more/);
    expect(t.text('search', 2)).toBe('stopped: 7 lines match\n');
  });

  it('shows a long line around its match', async () => {
    await files({ 'min.js': `${'a'.repeat(5000)}NEEDLE${'b'.repeat(5000)}\n` });
    await t.call('search', { pattern: 'NEEDLE' });
    expect(found()[0]).toMatch(/^min\.js:1:\.\.\.a+NEEDLEb+\.\.\. \[line of 10006 characters\]$/);
  });

  it('ends a pattern that would run for ever, and the server goes on meanwhile', async () => {
    await files({ 'evil.txt': `${'a'.repeat(40)}!\n` });
    let ticks = 0;
    const ticking = setInterval(() => ticks++, 20);
    await t.call('search', { pattern: '^(a+)+$' });
    clearInterval(ticking);
    expect(t.log('search')).toMatchObject({
      status: 500,
      outcome: 'pattern_too_slow',
      body: expect.stringContaining('evil.txt') as string,
    });
    expect(ticks).toBeGreaterThan(50);
  }, 20_000);

  it('{#no_pause} does not wait for a pipe where an ignore file would be, and blames no pattern where no file is taken in', async () => {
    await files({ 'a/x.txt': '', 'b/x.txt': '' });
    execFileSync(
      'mkfifo',
      ['a/.gitignore', 'b/.ignore', '.gitignore'].map((path) => join(t.h.root, path)),
    );
    await t.call('search', { pattern: 'x', glob: ['*.proto'] });
    expect(t.log('search')).toMatchObject({ status: 200, body: expect.stringContaining('(0 files, ') as string });
  });

  it('{#file_constraints} ends it without the name of a file that a constraint keeps from models', async () => {
    await files({ 'evil.txt': `${'a'.repeat(40)}!\n` });
    t.h.runtime.constrainFiles(t.h.caller(), { path: 'evil.txt', ignore: true });
    await t.call('search', { pattern: '^(a+)+$' });
    expect(t.log('search')).toMatchObject({ status: 500, outcome: 'pattern_too_slow' });
    expect(`${t.log('search').body}${t.text('search', 2)}`).not.toContain('evil');
  }, 20_000);

  it('is ended by a cancel in the middle of a pattern', async () => {
    await files({ 'evil.txt': `${'a'.repeat(40)}!\n` });
    const ended = t.call('search', { pattern: '^(a+)+$' });
    await t.h.event('stream/started');
    t.cancel('search');
    await ended;
    expect(t.log('search')).toMatchObject({ status: 499, outcome: 'cancelled' });
  });

  it.each([
    [{ pattern: '(' }, 422, /no regular expression.*literal: true/],
    [{ pattern: 'x', path: '../..' }, 403, /outside the project root/],
    [{ pattern: 'x', path: 'none' }, 500, /none/],
  ])('with %j is refused', async (input, status, message) => {
    await t.call('search', input);
    expect(t.log('search')).toMatchObject({ status, body: expect.stringMatching(message) as string });
  });
});
