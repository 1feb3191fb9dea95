import { appendFile, mkdir, rename, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Redaction } from '../../../src/redact/index.ts';
import { stars, TOKENS } from '../../support/secrets.ts';
import { type ToolHarness, toolHarness } from './producers.ts';

let t: ToolHarness;
let file: string;
beforeEach(async () => {
  t = await toolHarness();
  file = join(t.h.root, 'dev.log');
});
afterEach(() => t.h.close());

/** Follows the file in the background. */
async function follow(input: object = {}): Promise<void> {
  void t.call('tail', { path: 'dev.log', yield_ms: 0, ...input }).catch(() => undefined);
  await t.h.event('stream/started');
}

const marks = () =>
  t
    .text('tail', 2)
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Record<string, unknown>);

describe('{#tool_tail} tail', () => {
  it('begins with the last lines and brings what is written', async () => {
    await writeFile(file, 'one\ntwo\nthree\nfour\n');
    await follow({ lines: 2 });
    await t.shows('tail', 1, 'four\n');
    await appendFile(file, 'five');
    await t.shows('tail', 1, 'five');
    expect(t.text('tail', 1)).toBe('three\nfour\nfive');
    expect(marks()).toMatchObject([{ type: 'follow', at: 8, output: 0, why: 'begin' }]);
    expect(t.log('tail')).toMatchObject({ status: 102, attributes: { subject: 'file://dev.log' } });
    t.cancel('tail');
    await t.h.event('stream/ended');
    expect(t.log('tail')).toMatchObject({ status: 499, outcome: 'cancelled' });
  });

  it.each([
    [{ lines: 0 }, 'a\nb\nc', 'a'.repeat(0)],
    [{ lines: 1 }, 'a\nb\nc', 'c'],
    [{ lines: 99 }, 'a\nb\n', 'a\nb\n'],
    [{ whole: true }, 'a\nb\n', 'a\nb\n'],
  ])('with %j of %j begins with %j', async (input, text, expected) => {
    await writeFile(file, text);
    await follow(input);
    await t.shows('tail', 2, 'begin');
    await appendFile(file, 'END');
    await t.shows('tail', 1, 'END');
    expect(t.text('tail', 1)).toBe(`${expected}END`);
  });

  it('follows the name: over a file that comes later, its rotation and its truncation', async () => {
    await follow();
    await t.shows('tail', 2, 'there is no dev.log');
    await writeFile(file, 'first\n');
    await t.shows('tail', 1, 'first\n');
    await appendFile(file, 'last words\n');
    await rename(file, `${file}.1`);
    await writeFile(file, 'second\n');
    await t.shows('tail', 1, 'second\n');
    await truncate(file);
    await t.shows('tail', 2, 'truncated');
    await appendFile(file, 'third\n');
    await t.shows('tail', 1, 'third\n');
    expect(t.text('tail', 1)).toBe('first\nlast words\nsecond\nthird\n');
  });

  it('follows the name over a time in which its folder is a file', async () => {
    const folder = join(t.h.root, 'logs');
    await mkdir(folder);
    await writeFile(join(folder, 'dev.log'), 'one\n');
    await follow({ path: 'logs/dev.log' });
    await t.shows('tail', 1, 'one\n');
    await rm(folder, { recursive: true });
    await writeFile(folder, 'a file');
    await t.shows('tail', 2, 'there is no logs/dev.log');
    await rm(folder);
    await mkdir(folder);
    await writeFile(join(folder, 'dev.log'), 'two\n');
    await t.shows('tail', 1, 'two\n');
  });

  it('goes on after a restart of the server where it was, no byte lost or repeated, also when the file was rotated meanwhile', async () => {
    await writeFile(file, 'old\n');
    await follow({ whole: true });
    await t.shows('tail', 1, 'old\n');
    await t.h.restart(async () => {
      await appendFile(file, 'while away\n');
      await rename(file, `${file}.1`);
      await writeFile(file, 'new\n');
    });
    await t.shows('tail', 1, 'new\n');
    expect(t.text('tail', 1)).toBe('old\nwhile away\nnew\n');
    await t.h.restart(() => appendFile(file, 'more\n'));
    await t.shows('tail', 1, 'more\n');
    expect(t.text('tail', 1)).toBe('old\nwhile away\nnew\nmore\n');
    expect(t.log('tail').status).toBe(102);
  });

  it('takes a file of the same number with other bytes for another one after a restart', async () => {
    await writeFile(file, 'OLD line 1\nOLD line 2\n');
    await follow({ lines: 1 });
    await t.shows('tail', 1, 'OLD line 2\n');
    const { ino } = await stat(file);
    // Written again in place: a new file may be given the number of a removed one, this one has it for sure.
    await t.h.restart(() => writeFile(file, 'NEW line 1\nNEW line 2\nNEW line 3\n'));
    await t.shows('tail', 1, 'NEW line 3\n');
    expect((await stat(file)).ino).toBe(ino);
    expect(t.text('tail', 1)).toBe('OLD line 2\nNEW line 1\nNEW line 2\nNEW line 3\n');
    expect(marks().at(-1)).toMatchObject({
      at: 0,
      output: 11,
      why: expect.stringContaining('replaced while the server was away') as string,
    });
    await t.h.restart(async () => {
      await rename(file, `${file}.1`);
      await writeFile(`${file}.1`, 'of something else '.repeat(10));
      await writeFile(file, 'newer\n');
    });
    await t.shows('tail', 1, 'newer\n');
    expect(t.text('tail', 1)).not.toContain('else');
  });

  it('{#redaction_stored} knows its file after a restart by what is not masked of it', async () => {
    await t.h.close();
    t = await toolHarness({ redaction: new Redaction({ stored: true }) });
    file = join(t.h.root, 'dev.log');
    const { public: shown, secret } = TOKENS[0]!;
    await writeFile(file, `one ${shown}${secret}\n`);
    await follow();
    const masked = `one ${shown}${stars(secret)}\n`;
    await t.shows('tail', 1, masked);
    await t.h.restart(() => appendFile(file, 'two\n'));
    await t.shows('tail', 1, 'two\n');
    expect(t.text('tail', 1)).toBe(`${masked}two\n`);
  });

  it.each([
    ['../../etc/passwd', 403, /outside the project root/],
    ['.', 422, /is no file/],
  ])('of %s is refused', async (path, status, message) => {
    await t.call('tail', { path });
    expect(t.log('tail')).toMatchObject({ status, body: expect.stringMatching(message) as string });
  });

  it('does not follow a name that is turned into a link out of the project', async () => {
    await writeFile(file, 'inside\n');
    await follow();
    await t.shows('tail', 1, 'inside');
    await symlink('/etc/hostname', `${file}.new`);
    await rename(`${file}.new`, file);
    await t.h.event('stream/ended');
    expect(t.log('tail')).toMatchObject({ status: 500, body: expect.stringContaining('outside the project root') as string });
    expect(t.text('tail', 1)).toBe('inside\n');
  });

  it('{#file_constraints} follows nothing that a constraint keeps from models, by a link or a link that comes later neither', async () => {
    await writeFile(join(t.h.root, '.env'), 'KEY=1\n');
    t.h.runtime.constrainFiles(t.h.caller(), { path: '.env', ignore: true });
    await symlink('.env', file);
    await t.call('tail', { path: 'dev.log' });
    expect(t.log('tail')).toMatchObject({ status: 403 });
    await rm(file);
    await writeFile(file, 'one\n');
    void t.call('tail', { path: 'dev.log', yield_ms: 0, lines: 5 }).catch(() => undefined);
    const { payload } = await t.h.event('stream/started');
    const run = String(payload['run']);
    const path = String(payload['path']);
    const output = `${path.replace('log://turn_1/tail', 'tail://turn_1')}_1`;
    await t.until(() => t.h.entry(run, output).body === 'one\n');
    await symlink('.env', `${file}-link`);
    await rename(`${file}-link`, file);
    await t.h.event('stream/ended', { path });
    expect(t.h.entry(run, path)).toMatchObject({ status: 500 });
    expect(t.h.entry(run, output).body).toBe('one\n');
  });
});
