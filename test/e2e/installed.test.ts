import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { cliEnv } from '../support/cli.ts';
import { installed, packed } from '../support/installed.ts';
import { tempFolder } from '../support/temp-store.ts';

const run = promisify(execFile);

describe('{#installed} the package that npm installs', () => {
  let temp: Awaited<ReturnType<typeof tempFolder>>;
  let headgate: (...words: string[]) => Promise<string>;
  let data: string;

  const pid = () => (JSON.parse(readFileSync(join(data, 'server.json'), 'utf8')) as { pid: number }).pid;
  const gone = (process_: number) => vi.waitUntil(() => !existsSync(`/proc/${process_}`), { timeout: 10_000 });

  beforeAll(async () => {
    temp = await tempFolder();
    data = join(temp.folder, 'data');
    const project = join(temp.folder, 'project');
    await mkdir(project);
    const command = await installed(await packed(join(temp.folder, 'first')), join(temp.folder, 'prefix'));
    headgate = async (...words) => (await run(command, words, { cwd: project, env: cliEnv({ data }) })).stdout;
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
    await installed(await packed(join(temp.folder, 'second'), next), join(temp.folder, 'prefix'));
    expect(await headgate('--version')).toBe(`${next}\n`);
    await headgate('stop');
    await headgate('serve', '--detach');
    const { http } = JSON.parse(readFileSync(join(data, 'server.json'), 'utf8')) as { http: string };
    expect(await (await fetch(`${http}/healthz`)).json()).toMatchObject({ version: next });
    expect(await live()).toMatchObject([{ run: 'kept', path }]);
    await headgate('rpc', 'stream/input', JSON.stringify({ run: 'kept', path, chunk: 'a line\n' }));
    await vi.waitUntil(async () => (await live()).length === 0, { timeout: 15_000, interval: 200 });
    expect(await headgate('output', 'kept', path)).toBe('begun\ngot a line\n');
    expect(JSON.parse(await headgate('doctor', '--json'))).toMatchObject({ ok: true });

    await headgate('stop');
    await run('npm', ['uninstall', '--global', '--prefix', join(temp.folder, 'prefix'), 'headgate']);
    expect(existsSync(join(temp.folder, 'prefix/bin/headgate'))).toBe(false);
    expect(existsSync(join(data, 'headgate.db'))).toBe(true);
  }, 240_000);
});
