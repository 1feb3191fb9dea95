import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createContainerBackend } from '../../src/backends/container/index.ts';
import { systemClock } from '../../src/core/clock.ts';
import { silentLogger } from '../../src/core/logger.ts';
import type { ContainerPlace } from '../../src/model/place.ts';
import type { BackendHandle } from '../../src/model/ports/backend.ts';
import type { ProducerSpec } from '../../src/model/records.ts';
import { serviceAvailable } from '../support/require.ts';
import { BUSYBOX, type DockerService, SHELL_LESS, startDocker } from '../support/services/dockerd.ts';
import { Sshd } from '../support/services/sshd.ts';
import { eventually, StoringSink, sha256 } from './backend-probe.ts';

const KILL = { requestedBy: 'test', reason: null, signal: 'SIGTERM', graceMs: 5000 };
const MIB = 1024 * 1024;
const SEQUENCE = 'i=0; while [ $i -lt 300 ]; do echo line $i; i=$((i+1)); sleep 0.02; done; exit 9';
const LINES = Array.from({ length: 300 }, (_, i) => `line ${i}\n`).join('');

/** The text of a log as Docker's API returns it: frames of an 8-byte header, whose last four are the length, and the bytes. */
function unframed(log: Buffer): string {
  let text = '';
  for (let at = 0; at < log.length; at += 8 + log.readUInt32BE(at + 4))
    text += log.toString('utf8', at + 8, at + 8 + log.readUInt32BE(at + 4));
  return text;
}

describe.skipIf(!serviceAvailable('docker'))('{#backend_container} in containers', () => {
  let service: DockerService;
  let folder: string;
  let handles: BackendHandle[];
  let backend: ReturnType<typeof open>;
  let count = 0;

  beforeAll(async () => {
    service = await startDocker({ liveRestore: true });
  });

  afterAll(async () => {
    await service.stop();
  });

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'headgate-container-'));
    backend = open();
    handles = [];
  });

  afterEach(async () => {
    for (const handle of handles) await handle.detach();
    for (const { Id } of await service.docker.listContainers({ all: true }))
      await service.docker.getContainer(Id).remove({ force: true, v: true });
    rmSync(folder, { recursive: true, force: true });
  });

  function open() {
    return createContainerBackend({ folder, clock: systemClock, logger: silentLogger, detachedGraceMs: 300 });
  }

  function request(command: string, place: Partial<ContainerPlace>, change: Partial<ProducerSpec> = {}) {
    const container = { host: service.host, ...(place.container ? {} : { network: 'none' }), ...place };
    return { producerId: `p${++count}-1`, spec: { command, cwd: '', env: {}, stdin: false, container, ...change }, run: 'r1' };
  }

  async function start(command: string, place: Partial<ContainerPlace> = { image: BUSYBOX }, change: Partial<ProducerSpec> = {}) {
    const sink = new StoringSink();
    const asked = request(command, place, change);
    const handle = await backend.start(asked, sink);
    handles.push(handle);
    return { handle, sink, asked };
  }

  async function run(command: string, place: Partial<ContainerPlace>, change: Partial<ProducerSpec> = {}) {
    const started = await start(command, place, change);
    const exit = await started.handle.exited;
    await started.handle.closed;
    return { ...started, exit };
  }

  async function containers(): Promise<string[]> {
    return (await service.docker.listContainers({ all: true })).map(({ Id }) => Id);
  }

  async function onlyContainer() {
    const [id = ''] = await containers();
    return service.docker.getContainer(id);
  }

  async function foreign(): Promise<string> {
    const container = await service.docker.createContainer({
      Image: BUSYBOX,
      Cmd: ['/bin/sh', '-c', 'trap "exit 0" TERM; while :; do sleep 1 & wait $!; done'],
      HostConfig: { NetworkMode: 'none' },
    });
    await container.start();
    return container.id;
  }

  describe('a new one', () => {
    test('has the limits, mounts, user and read-only root that were asked for', async () => {
      const limits = { memory: 64 * MIB, cpus: 0.5, pids: 50, read_only: true, user: 'nobody' };
      const mounts = [{ source: service.folder, target: '/shared', read_only: true }];
      const { sink, exit } = await run(
        'id -un; (touch /x) 2>&1; (touch /shared/x) 2>&1; cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/cpu/cpu.cfs_quota_us',
        { image: BUSYBOX, ...limits, mounts },
      );
      expect(exit.exitCode).toBe(0);
      expect(sink.text(1)).toMatch(/^nobody\n.*\/x: .*\n.*x: .*\n67108864\n50\n50000\n$/);
    });

    test('is labelled with its run, producer, owner and instance, holds no variable of the command, and is removed at the end', async () => {
      const { handle, asked } = await start('echo $SECRET', { image: BUSYBOX, name: 'my-name' }, { env: { SECRET: 'hidden' } });
      const info = await service.docker.getContainer('my-name').inspect();
      expect(info.Config.Labels).toMatchObject({ 'headgate.run': 'r1', 'headgate.producer': asked.producerId });
      expect(Object.keys(info.Config.Labels)).toEqual(expect.arrayContaining(['headgate.owner', 'headgate.instance']));
      expect(JSON.stringify(info)).not.toContain('hidden');
      await handle.closed;
      await handle.dispose();
      expect(await containers()).toEqual([]);
      expect((await service.docker.listVolumes()).Volumes ?? []).toEqual([]);
    });

    test('whose name is taken is refused by name, and the other is not touched', async () => {
      await service.docker.createContainer({ Image: BUSYBOX, name: 'taken', Cmd: ['true'] });
      await expect(start('true', { image: BUSYBOX, name: 'taken' })).rejects.toMatchObject({
        kind: 'conflict',
        facts: { outcome: 'name_taken' },
      });
      expect(await containers()).toHaveLength(1);
    });

    test('of an image that is not there is refused by name when it may not be pulled', async () => {
      await expect(start('true', { image: 'nobody/has-it', pull: 'never' })).rejects.toMatchObject({
        kind: 'not_found',
        facts: { outcome: 'image_missing' },
      });
    });

    test('that wants more memory than it may is killed', async () => {
      const { exit } = await run('head -c 200000000 /dev/zero | tail', { image: BUSYBOX, memory: 32 * MIB });
      expect(exit).toMatchObject({ exitCode: 137, signal: 'SIGKILL' });
    });

    test('stopped from outside ends its command by the signal, with the last of its output', async () => {
      const { handle, sink } = await start('trap "echo bye; exit 7" TERM; echo up; while :; do sleep 0.05; done');
      await sink.match(1, /up/);
      await (await onlyContainer()).stop();
      expect(await handle.exited).toMatchObject({ exitCode: 7 });
      await handle.closed;
      expect(sink.text(1)).toBe('up\nbye\n');
    });

    test('killed from outside says so, and no byte that was written is lost', async () => {
      const { handle, sink } = await start('seq 1 300000; echo up; sleep 300');
      await sink.match(1, /^1\n/);
      await (await onlyContainer()).kill();
      expect(await handle.exited).toMatchObject({ exitCode: 137, signal: 'SIGKILL' });
      await handle.closed;
      const whole = `${Array.from({ length: 300_000 }, (_, i) => `${i + 1}\n`).join('')}up\n`;
      expect(whole.startsWith(sink.text(1))).toBe(true);
      expect(sink.repeated).toBe(0);
    });

    test('removed while it runs ends with that', async () => {
      const { handle, sink } = await start('echo up; sleep 300');
      await sink.match(1, /up/);
      await (await onlyContainer()).remove({ force: true, v: true });
      const exit = await handle.exited;
      await handle.closed;
      // The engine kills before it removes, and whoever looks in between sees that.
      const killed = { exitCode: 137, signal: 'SIGKILL' };
      expect(exit).toMatchObject(exit.exitCode === null ? { failure: { outcome: 'container_gone' } } : killed);
    });

    test('that has stopped before it is taken up is read to its end', async () => {
      const { handle, sink, asked } = await start('echo one; sleep 0.5; seq 1 50000; exit 6');
      await sink.match(1, /one/);
      await handle.detach();
      const container = await onlyContainer();
      await expect.poll(async () => (await container.top({ ps_args: '-eo pid,args' })).Processes.join().includes('sleep 0.5')).toBe(false);
      await container.stop();
      const adopted = await open().adopt(asked, handle.ref, sink.offsets(), sink);
      handles.push(adopted);
      expect(await adopted.exited).toMatchObject({ exitCode: 6 });
      await adopted.closed;
      expect(sink.text(1)).toBe(`one\n${Array.from({ length: 50_000 }, (_, i) => `${i + 1}\n`).join('')}`);
      expect(sink.repeated).toBe(0);
    });

    test('that is stopped and that nobody knows any more is removed at the next start, and no other', async () => {
      const { handle } = await start('true');
      const other = await start('sleep 300');
      await handle.closed;
      const [running = '', ended = ''] = await containers();
      await service.docker.getContainer(ended).stop();
      await open().sweep(new Set([other.asked.producerId]));
      expect(await containers()).toEqual([running]);
    });
  });

  describe('a daemon that is killed with -9 and started again', () => {
    test('with live-restore, a new container: every byte once, the exit code, the command unharmed', async () => {
      const { handle, sink } = await start(SEQUENCE);
      await sink.match(1, /line 20\n/);
      await service.crash();
      await service.start();
      expect(await handle.exited).toMatchObject({ exitCode: 9 });
      await handle.closed;
      expect(sink.text(1)).toBe(LINES);
      expect(sink.repeated).toBe(0);
    }, 90_000);

    test('docker exec that the API cannot kill: a command in a container that is there goes on, is read on and killed', async () => {
      const container = await foreign();
      const { handle, sink } = await start(`${SEQUENCE.replace('exit 9', 'sleep 300')}`, { container });
      await sink.match(1, /line 20\n/);
      await service.crash();
      await service.start();
      await sink.match(1, /line 299\n/);
      expect(sink.text(1)).toBe(LINES);
      const receipt = await handle.kill(KILL);
      expect(receipt.confirmedDead.length).toBeGreaterThan(0);
      expect(receipt.escaped).toEqual([]);
      expect(await handle.exited).toMatchObject({ exitCode: 143 });
    });

    test('an image without a shell: read on from the log', async () => {
      const { handle, sink } = await start(`/app/busybox sh -c '${SEQUENCE.replaceAll('sleep', '/app/busybox sleep')}'`, {
        image: SHELL_LESS,
      });
      await sink.match(1, /line 20\n/);
      await service.crash();
      await service.start();
      expect(await handle.exited).toMatchObject({ exitCode: 9 });
      await handle.closed;
      const log = await (await onlyContainer()).logs({ stdout: true });
      expect({ docker: unframed(log), headgate: sink.text(1) }).toEqual({ docker: LINES, headgate: LINES });
      expect(sink.repeated).toBe(0);
    });
  });

  describe('one that is there', () => {
    test('leaves no zombie in one whose first process reaps nobody', async () => {
      const container = await service.docker.createContainer({
        Image: BUSYBOX,
        Cmd: ['sleep', '1000'],
        HostConfig: { NetworkMode: 'none' },
      });
      await container.start();
      const { State } = await container.inspect();
      const ended = async (command: string, change: Partial<ProducerSpec> = {}) => {
        const { handle, exit } = await run(command, { container: container.id }, change);
        await handle.dispose();
        return exit.exitCode;
      };
      const codes = [ended('echo one'), ended('exit 3'), ended('exit 5', { stdin: true }), ended('sleep 0.2; exit 4')];
      expect(await Promise.all(codes)).toEqual([0, 3, 5, 4]);
      await eventually(() => childrenOf(State.Pid).length === 0, 'nothing is left below the first process');
    });

    test('and has stopped, or is not there, is refused by name', async () => {
      const { id } = await service.docker.createContainer({ Image: BUSYBOX, Cmd: ['true'] });
      await expect(start('true', { container: id })).rejects.toMatchObject({ facts: { outcome: 'container_stopped' } });
      await expect(start('true', { container: 'nobody' })).rejects.toMatchObject({ facts: { outcome: 'container_missing' } });
    });

    test('has nothing of ours at the end: no process, no file', async () => {
      const container = await foreign();
      const { handle, asked } = await run('echo x', { container });
      await handle.dispose();
      const processes = async (): Promise<string[]> => {
        const { Processes } = (await service.docker.getContainer(container).top({ ps_args: '-eo pid,args' })) as { Processes: string[][] };
        return Processes.map((row) => row.slice(1).join(' '));
      };
      await expect.poll(async () => (await processes()).filter((args) => !/^(\/bin\/sh -c trap|sleep 1)/.test(args))).toEqual([]);
      expect(JSON.stringify(await service.docker.getContainer(container).changes())).not.toContain(asked.producerId);
    });

    test('stopped while a command runs in it ends the command with that, its output read to the end', async () => {
      const container = await foreign();
      const { handle, sink } = await start('echo up; sleep 300', { container });
      await sink.match(1, /up/);
      await service.docker.getContainer(container).kill();
      expect(await handle.exited).toMatchObject({ exitCode: null, failure: { outcome: 'container_stopped' } });
      await handle.closed;
    });

    test('without `script` gives a shell in a terminal of the engine, with its size, resized, and ended by a kill', async () => {
      const container = await foreign();
      const tty = { term: 'xterm', cols: 100, rows: 40 };
      const { handle, sink } = await start('sh', { container }, { tty, stdin: true });
      await handle.write(Buffer.from('stty size\n'));
      await sink.match(1, /40 100/);
      await handle.resize(90, 30);
      await handle.write(Buffer.from('stty size\n'));
      await sink.match(1, /30 90/);
      const receipt = await handle.kill({ ...KILL, graceMs: 300 });
      expect(receipt.confirmedDead.length).toBeGreaterThan(0);
      expect(await handle.exited).toMatchObject({ exitCode: 137 });
      await handle.closed;
    });

    test('and such a terminal that cannot be taken up again is ended, and says so', async () => {
      const container = await foreign();
      const { handle, sink, asked } = await start('sh', { container }, { tty: { term: 'xterm', cols: 80, rows: 24 }, stdin: true });
      await handle.write(Buffer.from('echo up\n'));
      await sink.match(1, /up/);
      await handle.detach();
      const adopted = await open().adopt(asked, handle.ref, sink.offsets(), sink);
      expect(await adopted.exited).toMatchObject({ failure: { outcome: 'terminal_lost' } });
    });
  });

  test('without an engine the command is refused by name, and capabilities say why', async () => {
    const nowhere = createContainerBackend({
      folder,
      clock: systemClock,
      logger: silentLogger,
      env: { DOCKER_HOST: 'unix:///nonexistent.sock' },
    });
    expect(await nowhere.capabilities()).toMatchObject({ available: false, reason: expect.stringContaining('/nonexistent.sock') });
    await expect(start('true', { image: BUSYBOX, host: 'unix:///nonexistent.sock' })).rejects.toMatchObject({
      kind: 'overloaded',
      facts: { outcome: 'engine_unreachable' },
    });
  });

  describe('an image that is pulled', () => {
    let registry: Server;

    afterEach(() => new Promise<void>((resolve) => void registry.close(() => resolve())));

    async function serve(answer: (path: string) => { status: number; body: string } | undefined): Promise<string> {
      registry = createServer((incoming, outgoing) => {
        const found = answer(incoming.url ?? '');
        if (!found) return;
        outgoing.writeHead(found.status, { 'Content-Type': 'application/json' }).end(found.body);
      });
      await new Promise<void>((resolve) => void registry.listen(0, '127.0.0.1', resolve));
      return `127.0.0.1:${(registry.address() as AddressInfo).port}`;
    }

    test('and that no registry has ends the command with that, told on channel 3', async () => {
      const name = await serve((path) =>
        path === '/v2/'
          ? { status: 200, body: '{}' }
          : { status: 404, body: '{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}' },
      );
      const { exit, sink } = await run('true', { image: `${name}/nobody` });
      expect(exit).toMatchObject({ exitCode: null, failure: { outcome: 'image_missing' } });
      expect(sink.text(3)).toContain(`${name}/nobody`);
    });

    test('is no longer pulled when the command is killed, and the command never runs', async () => {
      let asked = () => {};
      const isAsked = new Promise<void>((resolve) => {
        asked = resolve;
      });
      const name = await serve((path) => {
        if (path === '/v2/') return { status: 200, body: '{}' };
        asked();
        return undefined;
      });
      const { handle } = await start('true', { image: `${name}/slow` });
      await isAsked;
      expect(await handle.kill(KILL)).toMatchObject({ signals: [] });
      expect(await handle.exited).toMatchObject({ exitCode: null });
      await handle.closed;
      registry.closeAllConnections();
      expect(await containers()).toEqual([]);
    });
  });

  describe.skipIf(!serviceAvailable('sshd'))('on another host, over SSH', () => {
    test('a command runs in a container there, exactly', async () => {
      const sshd = await Sshd.start();
      try {
        const ssh = { host: '127.0.0.1', port: sshd.port, user: 'root', identity: sshd.key, known_hosts: sshd.knownHosts };
        const container = { image: BUSYBOX, network: 'none', host: service.host };
        const sink = new StoringSink();
        const asked = {
          producerId: `p${++count}-1`,
          spec: { command: 'seq 1 100000; exit 3', cwd: '', env: {}, stdin: false, container, ssh },
        };
        const handle = await backend.start(asked, sink);
        handles.push(handle);
        expect(await handle.exited).toMatchObject({ exitCode: 3 });
        await handle.closed;
        expect(sha256(sink.of(1))).toBe(sha256(Array.from({ length: 100_000 }, (_, i) => `${i + 1}\n`).join('')));
        await handle.dispose();
      } finally {
        await sshd.stop();
      }
    });
  });
});

/** Processes of this host whose parent is `pid`, zombies too. */
function childrenOf(pid: number): string[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').split(' ').filter(Boolean);
}
