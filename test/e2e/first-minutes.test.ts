import { chmodSync, mkdirSync, readFileSync, realpathSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type CliResult, cli } from '../support/cli.ts';
import { endServer } from '../support/end-server.ts';
import { tempFolder } from '../support/temp-store.ts';

let remove: () => Promise<void>;
let data: string;
let project: string;
let deep: string;

beforeAll(async () => {
  const temp = await tempFolder();
  remove = temp.remove;
  const root = realpathSync(temp.folder);
  data = join(root, 'data');
  project = join(root, 'app');
  deep = join(project, 'src', 'deep');
  mkdirSync(join(project, '.git'), { recursive: true });
  mkdirSync(deep, { recursive: true });
});
afterAll(async () => {
  await endServer(data);
  await remove();
});

const hg = (...args: string[]): Promise<CliResult> => cli(args, { cwd: deep, data });
const rows = async (...args: string[]) => JSON.parse((await hg(...args, '--json')).out) as Record<string, string>[];

describe('the first minutes of a newcomer', () => {
  it('{#cli_ensure} begin in a subfolder without a server: act starts one and says so, once', async () => {
    const first = await hg('act', 'hello');
    expect(first).toMatchObject({ code: 0, out: expect.stringContaining('headgate models add') as string });
    expect(first.err).toContain('headgate: started a server; it goes on, and headgate stop ends it\n');
    expect((await hg('act', 'hello again')).err).not.toContain('started');
  });

  it('{#cli_server} the project is the root of the repository, and a command runs where it was typed', async () => {
    expect(await rows('projects')).toEqual([{ name: 'app', projectRoot: project }]);
    expect(await hg('sh', 'pwd')).toMatchObject({ code: 0, out: `${deep}\n` });
    expect(await hg('sh', '--cwd', 'src', 'pwd')).toMatchObject({ out: `${join(project, 'src')}\n` });
    expect(await rows('projects')).toHaveLength(1);
    // A folder that has `.headgate` is a project of its own, and one that is named is what it is.
    mkdirSync(join(project, 'src', '.headgate'));
    expect((await cli(['runs'], { cwd: deep, data })).err).toContain('no runs in this project');
    expect(await hg('sh', '--project', deep, 'pwd')).toMatchObject({ out: `${deep}\n` });
    expect((await rows('projects')).map(({ name }) => name)).toEqual(['app', 'src', 'deep']);
  });

  it('{#cli_projects} lists over all projects, with the project of each row', async () => {
    const all = await rows('ps', '--all', '--all-projects');
    expect(new Set(all.map((row) => row['project']))).toEqual(new Set(['app', 'deep']));
    const { out } = await hg('runs', '--all-projects');
    expect(out).toMatch(/^PROJECT +RUN +STATUS/);
    expect(out).toMatch(/^app +scripted-\d+ /m);
    await hg('sh', '--project', project, '--propose', './deploy.sh');
    expect(await rows('proposals', '--all-projects')).toMatchObject([{ project: 'app', command: './deploy.sh' }]);
  });

  it('{#cli_paths} a command is named by its number, by last, and by the end of its path', async () => {
    for (const word of ['one', 'two', 'three']) await hg('sh', '--run', 'names', `echo ${word}`);
    const output = async (name: string) => await hg('output', 'names', name);
    expect(await output('2')).toMatchObject({ code: 0, out: 'two\n' });
    expect(await output('#1')).toMatchObject({ code: 0, out: 'one\n' });
    expect(await output('last')).toMatchObject({ code: 0, out: 'three\n' });
    expect(await output('echo-two')).toMatchObject({ code: 0, out: 'two\n' });
    expect(await hg('export', '--format', 'text', 'names', 'echo-one')).toMatchObject({ code: 0, out: 'one\n' });
    expect(await output('e')).toMatchObject({
      code: 2,
      err: expect.stringMatching(/2 of them end with e; name one\n {2}.*echo-one/) as string,
    });
    expect(await output('4')).toMatchObject({ code: 2, err: expect.stringContaining('headgate ps --all --run names') as string });
    expect((await hg('ps', '--all', '--run', 'names')).out).toMatch(/^ *3 +names +log:\/\/turn_0\/sh\/echo-three /m);
    const waits = await hg('sh', '--run', 'asked', '--propose', './a.sh');
    await hg('sh', '--run', 'asked', '--propose', './b.sh');
    expect((await hg('reject', 'asked', 'last')).out).toContain('b-sh');
    expect((await hg('reject', 'asked', 'a-sh')).out).toContain(waits.out.trim().split(' ')[1]);
  });

  it('{#cli_portal} opens the portal with an address that is on no command line', async () => {
    const browser = join(data, 'browser.sh');
    writeFileSync(browser, `#!/bin/sh\nprintf '%s' "$*" > '${data}/opened'\n`);
    chmodSync(browser, 0o755);
    const opened = await cli(['open', 'names'], { cwd: deep, data, env: { BROWSER: browser } });
    expect(opened).toMatchObject({ code: 0, out: '' });
    await vi.waitUntil(() => statSync(join(data, 'opened'), { throwIfNoEntry: false }));
    const file = readFileSync(join(data, 'opened'), 'utf8');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const token = readFileSync(join(data, 'token'), 'utf8').trim();
    expect(file).not.toContain(token);
    expect(readFileSync(file, 'utf8')).toContain(`#token=${token}&`);
    expect((await hg('portal')).out).toContain(`token=${token}`);
  });

  it('{#cli_act} takes the prompt from a file, and {#cli_serve} says what is wrong with a configuration without serving', async () => {
    writeFileSync(join(data, 'prompt.txt'), 'hello from a file\n');
    expect(await hg('act', '--prompt-file', join(data, 'prompt.txt'))).toMatchObject({
      code: 0,
      out: expect.stringContaining('hello from a file') as string,
    });
    expect(await hg('act', 'x', '--prompt-file', join(data, 'prompt.txt'))).toMatchObject({ code: 2 });
    expect(await hg('act', '--prompt-file', join(data, 'missing'))).toMatchObject({
      code: 2,
      err: expect.stringContaining('ENOENT') as string,
    });
    writeFileSync(join(data, 'good.yaml'), 'policy: {rules: [{deny: "sh(git push *)"}]}\n');
    writeFileSync(join(data, 'bad.yaml'), 'policy: {rules: [{deny: "sh("}]}\n');
    expect(await hg('check', '--config', join(data, 'good.yaml'))).toMatchObject({ code: 0 });
    expect(await hg('check', '--config', join(data, 'bad.yaml'))).toMatchObject({
      code: 2,
      err: expect.stringContaining('policy.rules') as string,
    });
  });

  it('{#cli_server} help has one line for what all commands share', async () => {
    const { out } = await hg('sh', '--help');
    expect(out.match(/--socket/g)).toHaveLength(1);
    expect(out.indexOf('--run')).toBeLessThan(out.indexOf('Server and project:'));
    expect((await hg('version')).out).toBe((await hg('-v')).out);
    expect((await hg('-V')).out).toBe((await hg('-v')).out);
  });
});
