import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readFile, readlink, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MAIN, serve, WireClient } from '../support/built-server.ts';
import { serviceAvailable } from '../support/require.ts';
import { tempFolder } from '../support/temp-store.ts';

let temp: Awaited<ReturnType<typeof tempFolder>>;
beforeEach(async () => {
  temp = await tempFolder();
});
afterEach(() => temp.remove());

function headgate(...words: string[]) {
  return spawnSync(process.execPath, [MAIN, ...words], {
    encoding: 'utf8',
    env: { ...process.env, XDG_CONFIG_HOME: join(temp.folder, 'config') },
  });
}

/** What the server tells its manager, as a program that is not ours reads it: a datagram a line. */
const LISTENER = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print('bound', flush=True)
while True:
    print(s.recv(4096).decode().replace('\\n', ' '), flush=True)
`;

describe.skipIf(!serviceAvailable('systemd'))('{#service} headgate service', () => {
  const verify = (...words: string[]) =>
    spawnSync('systemd-analyze', ['verify', ...words], { encoding: 'utf8', env: { ...process.env, XDG_RUNTIME_DIR: temp.folder } });

  it.each([
    ['of the machine', ['--as', 'daemon', '--port', '4712', '--metrics'], []],
    ['of a user', ['--user', '--data', '/srv/a "folder" with 100% $HOME', '--metrics=loopback'], ['--user']],
  ])('prints a unit %s that systemd takes', async (_, options, how) => {
    const { stdout, status } = headgate('service', 'install', '--print', ...options);
    expect(status).toBe(0);
    const unit = join(temp.folder, 'headgate.service');
    await writeFile(unit, stdout);
    const verdict = verify(...how, unit);
    // Other units of the machine are read as well, and are no concern of ours.
    expect(verdict.stderr.split('\n').filter((line) => line.includes('headgate'))).toEqual([]);
    await writeFile(unit, stdout.replace('KillMode=process', 'KillMode=proces'));
    expect(verify(...how, unit).stderr).toContain('headgate.service');
    expect(existsSync(join(temp.folder, 'config'))).toBe(false);
  });

  it('installs a unit for its user, which systemctl enables, and takes it away again', async () => {
    const file = join(temp.folder, 'config/systemd/user/headgate.service');
    expect(headgate('service', 'status', '--user')).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('no service is installed'),
    });
    expect(headgate('service', 'install').status).toBe(2);
    const installed = headgate('service', 'install', '--user');
    expect(installed).toMatchObject({ status: 0, stdout: `wrote ${file}\n` });
    expect(installed.stderr).toContain('systemctl --user daemon-reload && systemctl --user enable --now headgate.service');
    expect((await stat(file)).mode & 0o777).toBe(0o644);
    const text = await readFile(file, 'utf8');
    expect(text).toContain(`ExecStart=${process.execPath} ${MAIN} serve\n`);
    const seen = () => headgate('doctor', '--data', join(temp.folder, 'data')).stdout;
    expect(seen()).toContain(`service       ${file}\n`);
    await writeFile(file, text.replace(MAIN, '/opt/older/headgate.js'));
    expect(seen()).toMatch(
      /bad +service +.* starts \/opt\/older\/headgate.js, which is not there; headgate service install --user writes it again/,
    );
    await writeFile(file, text.replace('KillMode=process\n', ''));
    expect(seen()).toMatch(/bad +service +.* has no KillMode=process/);

    const root = join(temp.folder, 'root');
    await mkdir(join(root, 'etc/systemd/system'), { recursive: true });
    await writeFile(join(root, 'etc/systemd/system/headgate.service'), headgate('service', 'install', '--as', 'nobody', '--print').stdout);
    expect(spawnSync('systemctl', ['--root', root, 'enable', 'headgate.service']).status).toBe(0);
    expect(await readlink(join(root, 'etc/systemd/system/multi-user.target.wants/headgate.service'))).toContain('headgate.service');

    expect(headgate('service', 'uninstall', '--user').status).toBe(0);
    expect(existsSync(file)).toBe(false);
    expect(headgate('service', 'uninstall', '--user').status).toBe(1);
  });

  it('tells systemd when it is ready, that it lives, and that it stops; commands know nothing of it and outlive it', async () => {
    const socket = join(temp.folder, 'notify');
    const listener = spawn('python3', ['-c', LISTENER, socket], { stdio: ['ignore', 'pipe', 'inherit'] });
    const lines: string[] = [];
    const said = createInterface(listener.stdout);
    // Each message is followed by a barrier, by which the sender waits until it has been taken.
    said.on('line', (line) => line !== 'BARRIER=1' && lines.push(line));
    await once(said, 'line');
    const data = join(temp.folder, 'data');
    const server = await serve(data, [], { NOTIFY_SOCKET: socket, WATCHDOG_USEC: '400000' });
    try {
      const ready = `READY=1 MAINPID=${server.pid}`;
      await expect
        .poll(() => lines.filter((line) => line === ready || line === 'WATCHDOG=1').slice(0, 3))
        .toEqual([ready, 'WATCHDOG=1', 'WATCHDOG=1']);
      const client = await WireClient.connect(server, temp.folder);
      const { run } = await client.call<{ run: string }>('startRun', { model: 'scripted', yolo: true });
      const command = 'env | grep -c -e ^NOTIFY_SOCKET -e ^WATCHDOG; sleep 600';
      const { path } = await client.call<{ path: string }>('sh', { run, command });
      const { subscription } = await client.call<{ subscription: number }>('stream/subscribe', { run, path });
      await client.notice('stream/chunk', (chunk) => chunk['subscription'] === subscription);
      expect(client.received(path, 1).toString()).toBe('0\n');

      // As systemd ends and starts a unit with KillMode=process and Restart=on-failure.
      await server.crash();
      const next = await serve(data, [], { NOTIFY_SOCKET: socket });
      try {
        await expect.poll(() => lines).toContain(`READY=1 MAINPID=${next.pid}`);
        const again = await WireClient.connect(next, temp.folder);
        expect(await again.call('stream/list', { run, state: 'live' })).toMatchObject([{ path }]);
        await again.call('stream/cancel', { run, path });
        await again.notice('stream/ended', (end) => end['path'] === path);
        await again.close();
      } finally {
        expect(await next.stop()).toBe(0);
      }
      await expect.poll(() => lines.at(-1)).toBe('STOPPING=1');
    } finally {
      await server.stop();
      const gone = once(listener, 'exit');
      listener.kill();
      await gone;
    }
  });

  it('that cannot tell systemd says so and serves', async () => {
    const server = await serve(join(temp.folder, 'data'), [], { NOTIFY_SOCKET: join(temp.folder, 'nobody') });
    await expect.poll(() => server.log()).toContain('systemd could not be told');
    expect((await fetch(`${server.http}/readyz`)).status).toBe(200);
    await server.stop();
  });
});
