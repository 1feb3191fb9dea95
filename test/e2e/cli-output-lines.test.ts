import { mkdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BuiltServer, serve } from '../support/built-server.ts';
import { cli } from '../support/cli.ts';
import { tempFolder } from '../support/temp-store.ts';

let data: string;
let project: string;
let path: string;
let server: BuiltServer;
let remove: () => Promise<void>;

const hg = (args: string[]) => cli(args, { cwd: project, data });
const output = (...options: string[]) => hg(['output', 'out', path, ...options]);

beforeAll(async () => {
  const temp = await tempFolder();
  remove = temp.remove;
  const root = realpathSync(temp.folder);
  data = join(root, 'data');
  project = join(root, 'project');
  mkdirSync(project);
  server = await serve(data);
  await hg(['sh', '--run', 'out', "printf 'one\\ntwo\\nthree'"]);
  const [producer] = JSON.parse((await hg(['ps', '--all', '--json', '--run', 'out'])).out) as { path: string }[];
  path = producer?.path ?? '';
});
afterAll(async () => {
  await server.stop();
  await remove();
});

describe('{#cli_output} lines of headgate output', () => {
  it('{#stream_read} are written by number, from the end, in a range, and where they match a pattern', async () => {
    expect((await output('--line', '2')).out).toBe('two\nthree');
    expect((await output('--line', '-1')).out).toBe('three');
    expect((await output('--line', '-99', '--limit', '1')).out).toBe('one\n');
    expect((await output('--match', '^(one|three)$')).out).toBe('1:one\n3:three\n');
    expect((await output('--line', '2', '--match', 'o')).out).toBe('2:two\n');
    expect(await output('--line', '7')).toMatchObject({
      code: 0,
      out: '',
      err: expect.stringContaining('no such line; it has 3 lines') as string,
    });
    expect(await output('--match', 'four')).toMatchObject({ out: '', err: expect.stringContaining('no line that matches') as string });
  });

  it('are refused with a reason when the options are wrong, or the pattern could run for ever', async () => {
    expect(await output('--match', '(x+x+){17}y')).toMatchObject({ code: 2, err: expect.stringContaining('linear time') as string });
    expect(await output('--line', '0')).toMatchObject({ code: 2, err: expect.stringContaining('-1 the last') as string });
    expect(await output('--limit', '3')).toMatchObject({ code: 2, err: expect.stringContaining('--line') as string });
    expect(await output('--line', '2', '--from', '4')).toMatchObject({
      code: 2,
      err: expect.stringContaining('--from is a byte') as string,
    });
  });
});
