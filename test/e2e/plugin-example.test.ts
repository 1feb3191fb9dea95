import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type BuiltServer, serve } from '../support/built-server.ts';
import { cli } from '../support/cli.ts';
import { tempFolder } from '../support/temp-store.ts';

const EXAMPLE = fileURLToPath(new URL('../../examples/word-gauge', import.meta.url));

let root: string;
let project: string;
let remove: () => Promise<void>;
let server: BuiltServer | undefined;
beforeEach(async () => {
  const temp = await tempFolder();
  root = realpathSync(temp.folder);
  remove = temp.remove;
  project = join(root, 'project');
  mkdirSync(project);
});
afterEach(async () => {
  await server?.stop();
  server = undefined;
  await remove();
});

const hg = (...args: string[]) => cli(args, { cwd: project, data: join(root, 'data') });
const rpc = async <T>(method: string, params: object = {}): Promise<T> => {
  const { out, err } = await hg('rpc', method, JSON.stringify(params));
  expect(err).toBe('');
  return JSON.parse(out) as T;
};

describe('{#plugins} the example of a plugin outside of the program', () => {
  it.each([
    ['installed from a path as a package', 'headgate-word-gauge'],
    ['named by a relative path', './gauge/index.js'],
  ])('%s adds a tool, a producer with three channels, a filter and an RPC method', async (_, name) => {
    const folder = join(root, 'config');
    mkdirSync(folder);
    if (name.startsWith('.')) {
      spawnSync('cp', ['-r', EXAMPLE, join(folder, 'gauge')]);
    } else {
      writeFileSync(join(folder, 'package.json'), '{"private": true}');
      const npm = spawnSync('npm', ['install', '--offline', '--no-audit', '--no-fund', '--install-links', EXAMPLE], { cwd: folder });
      expect(npm.status, String(npm.stderr)).toBe(0);
      expect(existsSync(join(folder, 'node_modules/headgate-word-gauge/index.js'))).toBe(true);
    }
    writeFileSync(join(folder, 'headgate.yaml'), `plugins:\n  - ${name}\n`);
    writeFileSync(join(project, 'a.txt'), 'the river is\nhigh today\n');
    const call = (files: string[]) => `  - calls: [{tool: word_gauge, input: {files: ${JSON.stringify(files)}}}]\n`;
    writeFileSync(join(project, 'gauge.yaml'), `steps:\n${call(['a.txt'])}${call(['../config/headgate.yaml', 'a.txt'])}  - say: counted\n`);
    server = await serve(join(root, 'data'), ['--config', join(folder, 'headgate.yaml')]);
    await rpc('addModel', { alias: 'gauge', actual: 'gauge.yaml', provider: 'scripted' });

    const { run, result } = await rpc<{ run: string; result: string }>('act', { model: 'gauge', prompt: 'count', wait: true });
    expect(result).toBe('counted');
    // The filter has accepted it: nobody was asked.
    const log = await rpc<{ status: number; body: string; attributes: { resolution: object } }>('get', {
      run,
      path: 'log://turn_1/word_gauge/word-gauge',
    });
    expect(log).toMatchObject({ status: 200, attributes: { resolution: { action: 'accept', by: 'policy' } } });
    expect(log.body).toMatch(/counts: 8 bytes .*\nnotes: 0 bytes .*\ntotal: 22 bytes .*\n5 words$/);
    const channel = async (turn: number, number: number) =>
      (await hg('output', run, `log://turn_${turn}/word_gauge/word-gauge`, '--channel', String(number))).out;
    expect(await channel(1, 1)).toBe('5 a.txt\n');
    expect(JSON.parse(await channel(1, 3))).toEqual({ words: 5, files: 1 });
    expect(await rpc('get', { run, path: 'log://turn_2/word_gauge/word-gauge' })).toMatchObject({ status: 500, outcome: 'missing' });
    expect(await channel(2, 2)).toContain('no such file in the project');
    expect((await hg('ps', '--all', '--run', run)).out).toContain('count the words of a.txt');

    // What runs in a thread of its own finds it in the built program too.
    writeFileSync(
      join(project, 'look.yaml'),
      'steps:\n  - calls: [{tool: search, input: {pattern: "r.v.r", path: a.txt}}]\n  - say: looked\n',
    );
    await rpc('addModel', { alias: 'look', actual: 'look.yaml', provider: 'scripted' });
    await rpc('act', { model: 'look', prompt: 'look', wait: true, yolo: true });
    expect((await hg('output', 'look-1', 'log://turn_1/search/a-txt')).out).toBe('a.txt:1:the river is\n');

    await rpc('set', { run, path: 'known://plan', body: 'one two three' });
    expect(await rpc('word-gauge/count', { run, path: 'known://plan' })).toEqual({ words: 3 });
    const refused = await hg('rpc', 'word-gauge/count', JSON.stringify({ run, path: 5 }));
    expect(refused.code).not.toBe(0);
    expect(refused.err).toContain('path');
    expect((await rpc<{ methods: object }>('discover')).methods).toHaveProperty(['word-gauge/count']);
    const backends = await rpc<{ name: string; detail?: string }[]>('backend/list');
    expect(backends.find((row) => row.name === 'word_gauge')?.detail).toBe(
      'plugin "word-gauge", in the server: 1 counts, 2 notes, 3 total',
    );
  });
});
