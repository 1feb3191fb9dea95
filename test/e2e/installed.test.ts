import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { cliEnv } from '../support/cli.ts';
import { installed, packed } from '../support/installed.ts';
import { otherNode, serviceAvailable } from '../support/require.ts';
import { tempFolder } from '../support/temp-store.ts';

const run = promisify(execFile);

/** Another Node.js than that of the tests, where it is installed. */
const OTHERS = ([22] as const).filter((major) => serviceAvailable(`node${major}`));

describe.each([undefined, ...OTHERS])('{#installed} the package that npm installs, with Node.js %s', (major) => {
  const other = major && otherNode(major);
  const env = other ? { PATH: `${other.bin}:${process.env['PATH']}` } : {};
  let temp: Awaited<ReturnType<typeof tempFolder>>;
  let headgate: (...words: string[]) => Promise<string>;
  let data: string;
  let tarball: string;

  const pid = () => (JSON.parse(readFileSync(join(data, 'server.json'), 'utf8')) as { pid: number }).pid;
  const gone = (process_: number) => vi.waitUntil(() => !existsSync(`/proc/${process_}`), { timeout: 10_000 });

  beforeAll(async () => {
    temp = await tempFolder();
    data = join(temp.folder, 'data');
    const project = join(temp.folder, 'project');
    await mkdir(project);
    tarball = await packed(join(temp.folder, 'first'));
    const command = await installed(tarball, join(temp.folder, 'prefix'), other?.binding);
    headgate = async (...words) => (await run(command, words, { cwd: project, env: cliEnv({ data, env }) })).stdout;
  }, 180_000);
  afterAll(async () => {
    if (data && existsSync(join(data, 'server.json'))) await headgate('stop', '--kill').catch(() => '');
    await temp?.remove();
  });

  it('serves; a command outlives kill -9 of the server, an upgrade and the removal of the package', async () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    expect(await headgate('--version')).toBe(`${version}\n`);
    await headgate('serve', '--detach');
    await headgate('rpc', 'startRun', '{"alias": "kept", "model": "scripted", "yolo": true}');
    const { path } = JSON.parse(await headgate('rpc', 'sh', '{"run": "kept", "command": "echo begun; read line; echo got $line"}')) as {
      path: string;
    };
    const live = async () => JSON.parse(await headgate('ps', '--json')) as { path: string; run: string }[];
    expect(await live()).toMatchObject([{ run: 'kept', path }]);
    const first = pid();
    process.kill(first, 'SIGKILL');
    await gone(first);
    await headgate('serve', '--detach');
    expect(pid()).not.toBe(first);
    expect(await live()).toMatchObject([{ run: 'kept', path }]);

    const next = `${version}-next`;
    await installed(await packed(join(temp.folder, 'second'), next), join(temp.folder, 'prefix'), other?.binding);
    expect(await headgate('--version')).toBe(`${next}\n`);
    await headgate('stop');
    await headgate('serve', '--detach');
    const { http } = JSON.parse(readFileSync(join(data, 'server.json'), 'utf8')) as { http: string };
    expect(await (await fetch(`${http}/healthz`)).json()).toMatchObject({ version: next });
    expect(await live()).toMatchObject([{ run: 'kept', path }]);
    await headgate('rpc', 'stream/input', JSON.stringify({ run: 'kept', path, chunk: 'a line\n' }));
    await vi.waitUntil(async () => (await live()).length === 0, { timeout: 15_000, interval: 200 });
    expect(await headgate('output', 'kept', path)).toBe('begun\ngot a line\n');
    const { ok, checks } = JSON.parse(await headgate('doctor', '--json')) as { ok: boolean; checks: { name: string; detail: string }[] };
    expect(ok).toBe(true);
    expect(checks.find(({ name }) => name === 'node')?.detail).toMatch(new RegExp(`^v${major ?? process.versions.node.split('.')[0]}\\.`));

    await headgate('stop');
    await run('npm', ['uninstall', '--global', '--prefix', join(temp.folder, 'prefix'), 'headgate']);
    expect(existsSync(join(temp.folder, 'prefix/bin/headgate'))).toBe(false);
    expect(existsSync(join(data, 'headgate.db'))).toBe(true);
  }, 240_000);

  it.runIf(major === undefined)(
    'is run by npx without being installed',
    async () => {
      const words = ['--yes', '--ignore-scripts', '--prefer-offline', '--package', tarball, 'headgate', '--version'];
      const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
      expect((await run('npx', words, { cwd: temp.folder, env: cliEnv({ data }) })).stdout).toBe(`${version}\n`);
    },
    180_000,
  );
});
