import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BuiltServer, serve } from '../support/built-server.ts';
import { type CliResult, cli } from '../support/cli.ts';
import { tempFolder } from '../support/temp-store.ts';

let data: string;
let project: string;
let server: BuiltServer;
let remove: () => Promise<void>;

beforeAll(async () => {
  const temp = await tempFolder();
  remove = temp.remove;
  data = join(temp.folder, 'data');
  project = join(temp.folder, 'project');
  mkdirSync(project);
  server = await serve(data);
});
afterAll(async () => {
  await server.stop();
  await remove();
});

const hg = (...args: string[]): Promise<CliResult> => cli(['policy', ...args], { cwd: project, data });

describe('{#cli_policy} {#policy_methods} headgate policy, on the built server', () => {
  it('adds a rule, says what it decides for every command, and takes it back', async () => {
    expect(await hg('list')).toMatchObject({ code: 0, out: '', err: expect.stringContaining('allowed to the tools sh and env') as string });
    expect((await hg('check', 'ls')).out).toBe('allow: ls: it only looks\n  allow  ls  (it only looks)\n');
    expect((await hg('check', 'echo x')).out).toContain('\n  the tool env may, since it only looks (--tool env)\n');
    expect((await hg('check', 'make')).out).not.toContain('the tool env may');
    expect(await hg('add', 'allow', 'sh(git status *)')).toMatchObject({ code: 0, out: 'added rule 1: allow sh(git status *)\n' });
    const checked = await hg('check', 'git status -s && git push origin main');
    expect(checked).toMatchObject({ code: 0 });
    expect(checked.out).toBe(
      [
        'ask: git push origin main: no rule is about it',
        '  allow  git status -s  (allow sh(git status *))',
        '  ask  git push origin main  (no rule is about it)',
        "  to allow it: headgate policy add allow 'sh(git push origin main) in .'",
        '',
      ].join('\n'),
    );
    expect(JSON.parse((await hg('check', '--json', '--tool', 'env', 'ls')).out)).toMatchObject({ decision: 'allow', by: 'default' });
    expect((await hg('list')).out).toMatch(/^ID {2}DECISION {2}FROM .*\n 1 {2}allow .* ago +sh\(git status \*\)\n$/);
    expect(JSON.parse((await hg('remove', '1', '--json')).out)).toMatchObject({ id: 1, removedBy: expect.any(String) as string });
    expect((await hg('list', '--removed')).out).toContain('removed by');
  });

  it('refuses what is no rule, with what one looks like', async () => {
    const refused = await hg('add', 'deny', 'sh(');
    expect(refused.code).not.toBe(0);
    expect(refused.err).toContain('write tool(pattern)');
    expect((await hg('remove', '99')).err).toContain('headgate policy list');
    expect((await hg('add', 'perhaps', 'sh')).code).toBe(2);
  });
});
