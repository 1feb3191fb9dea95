import { existsSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BuiltServer, serve } from '../support/built-server.ts';
import { type CliResult, cli, startCli } from '../support/cli.ts';
import { serviceAvailable } from '../support/require.ts';
import { tempFolder } from '../support/temp-store.ts';

let root: string;
let data: string;
let project: string;
let server: BuiltServer;
let remove: () => Promise<void>;

beforeAll(async () => {
  const temp = await tempFolder();
  root = realpathSync(temp.folder);
  remove = temp.remove;
  data = join(root, 'data');
  project = join(root, 'project');
  mkdirSync(project);
  server = await serve(data);
});
afterAll(async () => {
  await server.stop();
  await remove();
});

const hg = (args: string[]): Promise<CliResult> => cli(args, { cwd: project, data });
const start = (args: string[]) => startCli(args, { cwd: project, data });

describe('{#cli_sh} headgate sh in other places', () => {
  it.skipIf(!serviceAvailable('bwrap'))('{#sandbox} runs a command in a sandbox, and passes its exit code on', async () => {
    const kept = await hg(['sh', '--sandbox', 'workspace', '--', 'sh', '-c', 'echo in > boxed; echo x > /etc/boxed || exit 5']);
    expect(kept).toMatchObject({ code: 5, out: '' });
    expect(readFileSync(join(project, 'boxed'), 'utf8')).toBe('in\n');
    const nothing = await hg(['sh', '--sandbox', 'read-only', '--', 'rm', 'boxed']);
    expect(nothing.code).toBe(1);
    expect(existsSync(join(project, 'boxed'))).toBe(true);
    const token = await hg(['sh', '--sandbox', 'workspace', '--', 'cat', join(data, 'token')]);
    expect(token).toMatchObject({ code: 1, out: '' });
  });

  it('{#places} refuses options that do not go together, before anything is proposed', async () => {
    for (const [words, told] of [
      [['--memory', '512m', '--', 'true'], '--memory goes with --image or --container'],
      [['--watch', 'logs', '--container', 'web', '--', 'true'], '--watch runs nothing'],
      [['--image', 'x', '--sandbox', 'workspace', '--', 'true'], "a sandbox is for commands on the runner's machine"],
      [['--memory', 'lots', '--image', 'x', '--', 'true'], 'It is a size such as 512m'],
      [['--host', 'a b', '--', 'true'], '[user@]host[:port]'],
      [[], 'no command named'],
    ] as const) {
      const { code, err } = await hg(['sh', '--run', 'refused-places', ...words]);
      expect([code, err]).toEqual([2, expect.stringContaining(told)]);
    }
    expect(JSON.parse((await hg(['ps', '--all', '--json'])).out)).not.toContainEqual(expect.objectContaining({ run: 'refused-places' }));
  });

  it('{#cli_attach} says where a command is to run that is no plain process: when it is proposed, when it starts, and in ps', async () => {
    const place = ['--image', 'debian:12', '--docker', 'unix:///no/such.sock', '--mount', '/srv:/data:ro'];
    const [, path] = (await hg(['sh', '--run', 'placed', '--propose', ...place, '--', 'true'])).out.trim().split(' ');
    const attached = start(['attach', 'placed']);
    await attached.until('in container, image debian:12, host unix:///no/such.sock, mount /srv:/data:ro\n');
    await hg(['rpc', 'run/resolve', JSON.stringify({ run: 'placed', resolution: { path, action: 'accept' } })]);
    await attached.until('[container]');
    attached.process.kill('SIGINT');
    await attached.ended;
    expect((await hg(['ps', '--all', '--run', 'placed'])).out).toMatch(/STATE +BACKEND .*\n.* container /);
    expect((await hg(['ps', '--all', '--run', 'shell'])).out).not.toContain('BACKEND');
  });
});

describe.skipIf(!serviceAvailable('bwrap'))('{#sandbox_default} {#environment} headgate serve with a sandbox in its configuration', () => {
  it('runs every command in it, with the variables that it allows and without its data folder', async () => {
    const boxed = join(root, 'boxed-data');
    const config = join(root, 'headgate.yaml');
    writeFileSync(config, 'sandbox: {mode: read-only}\nenvironment: {allow: [PATH, "SHOWN_*"]}\n');
    const strict = await serve(boxed, ['--config', config], { SHOWN_ONE: 'shown', SHOWN_TOKEN: 'secret', OTHER: 'other' });
    try {
      const at = { cwd: project, data: boxed };
      const script = `echo "$SHOWN_ONE,$SHOWN_TOKEN,$OTHER"; touch made || echo refused; cat ${boxed}/token ${boxed}/headgate.db`;
      const { out, code } = await cli(['sh', script], at);
      expect([out, code]).toEqual(['shown,,\nrefused\n', 1]);
      expect(existsSync(join(project, 'made'))).toBe(false);
      const wider = await cli(['sh', '--sandbox', 'workspace', '--', 'touch', 'made'], at);
      expect([wider.code, wider.err]).toEqual([4, expect.stringContaining('may write nowhere')]);
    } finally {
      await strict.stop();
    }
  });
});
