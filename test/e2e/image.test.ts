import { execFile, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { parse } from 'yaml';
import { WireClient } from '../support/built-server.ts';
import { installed, packed } from '../support/installed.ts';
import { ended, stored } from '../support/live-server.ts';
import { serviceAvailable } from '../support/require.ts';
import { type DockerService, importFolder, startDocker } from '../support/services/dockerd.ts';
import { tempFolder } from '../support/temp-store.ts';

const FOLDER = fileURLToPath(new URL('../../docker', import.meta.url));
const BASE = 'headgate-test/node:1';
const IMAGE = 'headgate';
const run = promisify(execFile);

/** A root file system with busybox, Node.js and what Node.js is linked with: what the image's base has, without a download. */
function baseFolder(folder: string): void {
  for (const name of ['bin', 'etc', 'tmp', 'usr/bin', 'usr/local/bin', 'opt']) mkdirSync(join(folder, name), { recursive: true });
  const busybox = execFileSync('sh', ['-c', 'command -v busybox'], { encoding: 'utf8' }).trim();
  cpSync(busybox, join(folder, 'bin/busybox'));
  for (const applet of execFileSync(busybox, ['--list'], { encoding: 'utf8' }).trim().split('\n')) {
    if (applet !== 'busybox') symlinkSync('busybox', join(folder, 'bin', applet));
  }
  cpSync(realpathSync(process.execPath), join(folder, 'usr/local/bin/node'));
  const libraries = execFileSync('ldd', [process.execPath], { encoding: 'utf8' }).match(/\/\S+/g) ?? [];
  for (const library of libraries) {
    mkdirSync(join(folder, dirname(library)), { recursive: true });
    cpSync(realpathSync(library), join(folder, library));
  }
  writeFileSync(join(folder, 'etc/passwd'), 'root:x:0:0:root:/:/bin/sh\nnode:x:1000:1000:node:/tmp:/bin/sh\n');
  writeFileSync(join(folder, 'etc/group'), 'root:x:0:\nnode:x:1000:\n');
}

describe.skipIf(!serviceAvailable('docker') || !serviceAvailable('busybox'))('{#image} the container image', () => {
  let temp: Awaited<ReturnType<typeof tempFolder>>;
  let service: DockerService;
  let port: number;
  const docker = async (...words: string[]) =>
    (await run('docker', ['--host', service.host, ...words], { env: { ...process.env, DOCKER_BUILDKIT: '0' } })).stdout.trim();
  const compose = () =>
    parse(readFileSync(join(FOLDER, 'compose.yaml'), 'utf8').replaceAll('server:4711', `127.0.0.1:${port}`)) as {
      services: Record<'server' | 'runner', { command: string[]; volumes: string[] }>;
    };
  /** Starts a service as the compose file says, in the host's network, since the daemon of this test has none. */
  const up = async (name: 'server' | 'runner', ...more: string[]) => {
    const { command, volumes } = compose().services[name];
    const words = [...command.map((word) => word.replace('0.0.0.0', '127.0.0.1')), ...(name === 'server' ? ['--port', `${port}`] : [])];
    await docker(
      'run',
      '--detach',
      '--init',
      '--network',
      'host',
      '--name',
      name,
      ...volumes.flatMap((volume) => ['-v', volume]),
      ...more,
      IMAGE,
      ...words,
    );
  };
  const headgate = (...words: string[]) => docker('exec', 'server', 'node', '/opt/headgate/dist/src/main.js', ...words);
  const ready = () =>
    vi.waitUntil(
      () =>
        fetch(`http://127.0.0.1:${port}/readyz`).then(
          ({ ok }) => ok,
          () => false,
        ),
      { timeout: 60_000, interval: 100 },
    );
  const connect = async () => {
    const token = await docker('exec', 'server', 'cat', '/data/token');
    return WireClient.connect({ url: `ws://127.0.0.1:${port}/rpc`, token } as never, '/project');
  };

  beforeAll(async () => {
    temp = await tempFolder();
    const probe = createServer().listen(0, '127.0.0.1');
    await once(probe, 'listening');
    port = (probe.address() as { port: number }).port;
    probe.close();
    service = await startDocker();
    baseFolder(join(temp.folder, 'base'));
    await importFolder(service.docker, join(temp.folder, 'base'), BASE);
    const context = join(temp.folder, 'context');
    cpSync(FOLDER, context, { recursive: true });
    await installed(await packed(join(temp.folder, 'packed')), join(context, 'package'));
    // As a build context of a checkout has it.
    rmSync(join(temp.folder, 'packed'), { recursive: true });
    await docker('build', '--network', 'none', '--build-arg', `BASE=${BASE}`, '--tag', IMAGE, context);
  }, 300_000);
  afterAll(async () => {
    await service?.stop();
    await temp?.remove();
  }, 60_000);

  it('serves as another user than root, with its data in a volume, killed and started again', async () => {
    await up('server');
    await ready();
    expect(await docker('exec', 'server', 'id', '-u')).toBe('1000');
    expect(await docker('exec', 'server', 'stat', '-c', '%U %a', '/data')).toBe('node 700');
    const health = JSON.parse(await docker('inspect', '--format', '{{json .Config.Healthcheck.Test}}', 'server')) as string[];
    const checked = (...env: string[]) =>
      docker('exec', ...env, 'server', ...health.slice(1).map((word) => word.replace('4711', `${port}`)));
    await checked();
    const client = await connect();
    const { run: alias } = await client.call<{ run: string }>('startRun', { model: 'scripted', yolo: true });
    const command = 'id -u; echo kept > /project/file; sleep 1000';
    const { path } = await client.call<{ path: string }>('sh', { run: alias, command });
    const place = { run: alias, path };
    await stored(client, place, 5);

    await docker('kill', '--signal', 'KILL', 'server');
    await docker('start', 'server');
    await ready();
    await checked();
    const again = await connect();
    // Its container's processes ended with it; what it had written is there.
    expect(await ended(again, place)).toMatchObject({ status: 500, outcome: 'lost' });
    expect(await again.call('stream/read', { ...place, channel: 1, from: 0 })).toMatchObject({ chunk: '1000\n' });
    await headgate('backup', '/project/backup.tar');
    await headgate('restore', '/project/backup.tar', '/project/restored');
    expect(await headgate('doctor', '--data', '/project/restored')).toMatch(/ok +database/);
    await again.close();
  }, 180_000);

  it('with a runner of its own, as the compose file has it: its commands outlive the server', async () => {
    const token = await headgate('token', 'add', '--scope', 'runner', '--name', 'box');
    await up('runner', '--env', `HEADGATE_TOKEN=${token}`);
    const client = await connect();
    await expect
      .poll(() => client.call('runner/list'), { timeout: 30_000 })
      .toContainEqual(expect.objectContaining({ name: 'box', state: 'ready' }));
    const { run: alias } = await client.call<{ run: string }>('startRun', { model: 'scripted', yolo: true });
    const command = 'hostname; while [ ! -e /project/end ]; do sleep 0.1; done; echo over';
    const { path } = await client.call<{ path: string }>('sh', { run: alias, command, runner: 'box' });
    const place = { run: alias, path };
    await stored(client, place, 3);
    await docker('kill', '--signal', 'KILL', 'server');
    await docker('start', 'server');
    await ready();
    await docker('exec', 'runner', 'touch', '/project/end');
    const again = await connect();
    expect(await ended(again, place)).toMatchObject({ status: 200 });
    const { chunk } = await again.call<{ chunk: string }>('stream/read', { ...place, channel: 1, from: 0 });
    expect(chunk).toMatch(/\nover\n$/);
    await again.close();
  }, 120_000);
});
