import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createContainerBackend } from '../../src/backends/container/index.ts';
import { systemClock } from '../../src/core/clock.ts';
import { silentLogger } from '../../src/core/logger.ts';
import type { ContainerPlace } from '../../src/model/place.ts';
import type { Backend, BackendHandle } from '../../src/model/ports/backend.ts';
import type { ProducerSpec } from '../../src/model/records.ts';
import { serviceAvailable } from '../support/require.ts';
import { BUSYBOX, type DockerService, SHELL_LESS, startDocker } from '../support/services/dockerd.ts';
import { StoringSink, sha256 } from './backend-probe.ts';

const KILL = { requestedBy: 'test', reason: null, signal: 'SIGTERM', graceMs: 5000 };

describe.skipIf(!serviceAvailable('docker'))('{#backend_container} containers followed through the engine', () => {
  let service: DockerService;
  let folder: string;
  let backend: Backend;
  let handles: BackendHandle[];
  let count = 0;

  beforeAll(async () => {
    service = await startDocker();
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
    for (const handle of handles) {
      await handle.kill({ ...KILL, signal: 'SIGKILL' });
      await handle.detach();
    }
    for (const { Id } of await service.docker.listContainers({ all: true }))
      await service.docker.getContainer(Id).remove({ force: true, v: true });
    rmSync(folder, { recursive: true, force: true });
  });

  function open(): Backend {
    return createContainerBackend({ folder, clock: systemClock, logger: silentLogger });
  }

  function request(command: string, place: Partial<ContainerPlace>, change: Partial<ProducerSpec> = {}) {
    const container = { host: service.host, network: 'none', ...place };
    return { producerId: `p${++count}-1`, spec: { command, cwd: '', env: {}, stdin: false, container, ...change } };
  }

  async function start(command: string, place: Partial<ContainerPlace>, change: Partial<ProducerSpec> = {}) {
    const sink = new StoringSink();
    const asked = request(command, place, change);
    const handle = await backend.start(asked, sink);
    handles.push(handle);
    return { handle, sink, asked };
  }

  /** A container that is not ours. */
  async function foreign(command: string, change: object = {}): Promise<string> {
    const container = await service.docker.createContainer({
      Image: BUSYBOX,
      Cmd: ['/bin/sh', '-c', command],
      HostConfig: { NetworkMode: 'none', LogConfig: { Type: 'local', Config: {} } },
      ...change,
    });
    await container.start();
    return container.id;
  }

  describe('an image without a shell', () => {
    const image = SHELL_LESS;

    test('runs a program with its arguments: output, errors and exit code', async () => {
      const { handle, sink } = await start('/app/busybox sh -c "echo out; echo err >&2; exit 3"', { image });
      expect(await handle.exited).toMatchObject({ exitCode: 3, signal: null });
      expect(await handle.closed).toEqual({ detached: [] });
      expect([sink.text(1), sink.text(2)]).toEqual(['out\n', 'err\n']);
    });

    test('refuses by name what only a shell could do', async () => {
      await expect(start('echo a | cat', { image })).rejects.toMatchObject({ kind: 'unsupported', facts: { outcome: 'no_shell' } });
    });

    test('invalid UTF-8 and NUL bytes, and a last line without its end, arrive as they are', async () => {
      const { handle, sink } = await start(String.raw`/app/busybox printf 'a\377\376\000b\nend\303'`, { image });
      await handle.closed;
      expect([...sink.of(1)]).toEqual([0x61, 0xff, 0xfe, 0, 0x62, 0x0a, ...Buffer.from('end'), 0xc3]);
    });

    test('5 MiB arrive exactly, also when they are taken up in the middle', async () => {
      const { handle, sink, asked } = await start('/app/busybox seq 1 600000', { image });
      await sink.match(1, /\n100\n/);
      await handle.detach();
      const adopted = await open().adopt(asked, handle.ref, sink.offsets(), sink);
      handles.push(adopted);
      expect(await adopted.exited).toMatchObject({ exitCode: 0 });
      await adopted.closed;
      expect(sha256(sink.of(1))).toBe(sha256(Array.from({ length: 600_000 }, (_, i) => `${i + 1}\n`).join('')));
      expect(sink.repeated).toBe(0);
    });

    test('a kill ends it by signal, names its processes and is confirmed', async () => {
      const { handle, sink } = await start('/app/busybox sh -c "echo up; sleep 300"', { image });
      await sink.match(1, /up/);
      const receipt = await handle.kill(KILL);
      expect(receipt.signals.map(({ signal }) => signal)).toEqual(['SIGTERM']);
      expect(receipt.confirmedDead.length).toBeGreaterThan(0);
      expect(await handle.exited).toMatchObject({ exitCode: 143, signal: 'SIGTERM' });
      expect(await handle.kill(KILL)).toEqual(receipt);
    });

    test('takes input, and the end of it', async () => {
      const { handle, sink } = await start('/app/busybox wc -c', { image }, { stdin: true });
      expect(await handle.write(Buffer.alloc(300_000, 'x'))).toMatchObject({ bytes: 300_000 });
      await handle.closeInput();
      await handle.closed;
      expect(sink.text(1)).toBe('300000\n');
    });

    test('is removed with its volumes at the end, and not before its output is read', async () => {
      const { handle } = await start('/app/busybox sleep 0.2', { image });
      await expect(handle.dispose()).rejects.toMatchObject({ kind: 'conflict' });
      await handle.closed;
      await handle.dispose();
      expect(await service.docker.listContainers({ all: true })).toEqual([]);
    });
  });

  describe('a terminal of the engine', () => {
    const tty = { term: 'xterm-256color', cols: 100, rows: 40 };

    test('has its size, takes input, and is resized', async () => {
      const { handle, sink } = await start('sh', { image: BUSYBOX }, { tty, stdin: true });
      await handle.write(Buffer.from('stty size; echo $TERM\n'));
      await sink.match(1, /40 100\r\nxterm-256color/);
      await handle.resize(120, 50);
      await handle.write(Buffer.from('stty size\n'));
      // Its prompt: before, the terminal is in the mode of the command, and what ends the input there is a NUL to the shell.
      await sink.match(1, /50 120[^#]*# /);
      await handle.closeInput();
      expect(await handle.exited).toMatchObject({ exitCode: 0 });
      await handle.closed;
    });

    test('is taken up again, with its output whole and its input open', async () => {
      const { handle, sink, asked } = await start('sh', { image: BUSYBOX }, { tty, stdin: true });
      await handle.write(Buffer.from('echo one\n'));
      await sink.match(1, /\none\r\n/);
      await handle.detach();
      const adopted = await open().adopt(asked, handle.ref, sink.offsets(), sink);
      handles.push(adopted);
      await adopted.write(Buffer.from('echo two; exit 4\n'));
      expect(await adopted.exited).toMatchObject({ exitCode: 4 });
      await adopted.closed;
      expect(sink.text(1)).toMatch(/\none\r\n[^]*\ntwo\r\n/);
      expect(sink.repeated).toBe(0);
    });
  });

  describe('a container of somebody else', () => {
    test('its log is followed from the first byte to its end, with its exit code', async () => {
      const container = await foreign('echo before; sleep 0.3; printf "a\\377\\n"; echo err >&2; exit 5');
      const { handle, sink } = await start('docker logs', { container, watch: 'logs' });
      expect(await handle.exited).toMatchObject({ exitCode: 5 });
      await handle.closed;
      expect(sink.of(1)).toEqual(Buffer.from('before\na\xff\n', 'latin1'));
      expect(sink.text(2)).toBe('err\n');
    });

    test('`since` resuming by time: the log is resumed at its byte, with nothing repeated', async () => {
      const container = await foreign('i=0; while [ $i -lt 200 ]; do echo line $i; i=$((i+1)); sleep 0.005; done');
      const { handle, sink, asked } = await start('docker logs', { container, watch: 'logs' });
      await sink.match(1, /line 50\n/);
      await handle.detach();
      const adopted = await open().adopt(asked, handle.ref, sink.offsets(), sink);
      handles.push(adopted);
      await adopted.closed;
      expect(sink.text(1)).toBe(Array.from({ length: 200 }, (_, i) => `line ${i}\n`).join(''));
      expect(sink.repeated).toBe(0);
    });

    test('a cancel stops the watch only', async () => {
      const container = await foreign('while :; do echo on; sleep 0.05; done');
      const { handle, sink } = await start('docker logs', { container, watch: 'logs' });
      await sink.match(1, /on/);
      expect(await handle.kill(KILL)).toMatchObject({ signals: [], confirmedDead: [] });
      await handle.closed;
      await handle.dispose();
      expect((await service.docker.getContainer(container).inspect()).State.Running).toBe(true);
    });

    test('attach brings what it writes from now on, and takes input', async () => {
      const container = await foreign('echo before; while read -r line; do echo "got $line"; done', { OpenStdin: true });
      await expect.poll(async () => String(await service.docker.getContainer(container).logs({ stdout: true }))).toMatch(/before/);
      const { handle, sink } = await start('docker attach', { container, watch: 'attach' }, { stdin: true });
      await expect.poll(() => handle.write(Buffer.from('one\n')).catch(() => 0)).toMatchObject({ bytes: 4 });
      await sink.match(1, /got one\n/);
      expect(sink.text(1)).toBe('got one\n');
    });

    test('that is not there is refused by name', async () => {
      await expect(start('docker logs', { container: 'nobody', watch: 'logs' })).rejects.toMatchObject({
        kind: 'not_found',
        facts: { outcome: 'container_missing' },
      });
    });

    test('removed while it is watched ends the watch with that', async () => {
      const container = await foreign('echo up; sleep 300');
      const { handle, sink } = await start('docker logs', { container, watch: 'logs' });
      await sink.match(1, /up/);
      await service.docker.getContainer(container).remove({ force: true });
      const exit = await handle.exited;
      await handle.closed;
      // Between its end and its removal the exit code may have been seen.
      expect(exit.failure?.outcome ?? exit.exitCode).toSatisfy((end) => end === 'container_gone' || end === 137);
    });
  });
});
