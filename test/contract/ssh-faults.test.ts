import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { SshBackend, SshHosts } from '../../src/backends/ssh/ssh-backend.ts';
import { systemClock } from '../../src/core/clock.ts';
import { silentLogger } from '../../src/core/logger.ts';
import type { SshPlace } from '../../src/model/place.ts';
import type { BackendHandle } from '../../src/model/ports/backend.ts';
import { serviceAvailable } from '../support/require.ts';
import { Sshd } from '../support/services/sshd.ts';
import { KILL } from './backend-kill.contract.ts';
import { eventually, StoringSink, sha256 } from './backend-probe.ts';

const TIMES = { connectMs: 5000, keepAliveMs: 150 };
const NUMBERS = Array.from({ length: 300_000 }, (_, i) => `${i + 1}\n`).join('');

describe.skipIf(!serviceAvailable('sshd'))('{#backend_ssh} SSH in trouble', () => {
  let sshd: Sshd;
  let folder: string;
  let hosts: SshHosts;
  let backend: SshBackend;
  let handles: BackendHandle[];
  let count = 0;

  beforeAll(async () => {
    sshd = await Sshd.start();
  });

  afterAll(async () => {
    await sshd.stop();
  });

  beforeEach(() => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), 'headgate-ssh-')));
    hosts = new SshHosts(TIMES);
    // The host's usual place: XDG_STATE_HOME of that sshd.
    backend = new SshBackend({ runner: () => 'test-runner', clock: systemClock, logger: silentLogger, detachedGraceMs: 300 }, hosts);
    handles = [];
  });

  afterEach(async () => {
    for (const handle of handles) await handle.kill({ ...KILL, signal: 'SIGKILL' });
    for (const handle of handles) await handle.detach();
    for (const handle of handles) await handle.dispose();
    hosts.closeUnused();
    rmSync(folder, { recursive: true, force: true });
    expect(readdirSync(sshd.state)).toEqual([]);
  });

  async function start(command: string, options: { ssh?: SshPlace; stdin?: boolean; cwd?: string } = {}) {
    const sink = new StoringSink();
    const { ssh = sshd.place(), stdin = false, cwd = folder } = options;
    const request = { producerId: `f${++count}`, spec: { command, cwd, env: {}, stdin, ssh } };
    const handle = await backend.start(request, sink);
    handles.push(handle);
    return { handle, sink, request };
  }

  /** Numbers in bursts, for as long as a test has time to make trouble; leaves a trace of every run. */
  const BURSTS =
    'echo ran >> runs; i=0; while [ $i -lt 30 ]; do seq $((i*10000+1)) $((i*10000+10000)); i=$((i+1)); sleep 0.05; done; exit 42';

  async function expectWhole({ handle, sink }: { handle: BackendHandle; sink: StoringSink }): Promise<void> {
    expect((await handle.exited).exitCode).toBe(42);
    await handle.closed;
    expect(sha256(sink.of(1))).toBe(sha256(NUMBERS));
    expect([sink.repeated, sink.bytes(2)]).toEqual([0, 0]);
    expect(readFileSync(join(folder, 'runs'), 'utf8')).toBe('ran\n');
  }

  test('SSH dropping: sshd kills the session in the middle, three times, and every byte arrives once', async () => {
    const producer = await start(BURSTS);
    for (const enough of [100_000, 700_000, 1_300_000]) {
      await eventually(() => producer.sink.bytes(1) > enough, `${enough} bytes have come`);
      sshd.killSessions();
    }
    await expectWhole(producer);
  });

  test('sshd itself is gone for a while: the command goes on, and its output is read on when sshd is back', async () => {
    const producer = await start(BURSTS);
    await eventually(() => producer.sink.bytes(1) > 100_000, 'output comes');
    expect(producer.handle.waitsFor).toBeUndefined();
    await sshd.kill();
    await eventually(() => /^host 127.0.0.1, .* since \d{4}-.*Z: /.test(producer.handle.waitsFor ?? ''), 'it says what it waits for');
    await sshd.up();
    await eventually(() => producer.handle.waitsFor === undefined, 'it waits no more');
    await expectWhole(producer);
  });

  test('a kill while sshd is gone is carried out when it is back, and the receipt says so', async () => {
    const { handle, sink } = await start('echo $$; sleep 300');
    const [pid] = await sink.match(1, /\d+/);
    await sshd.kill();
    const killed = handle.kill(KILL);
    await sshd.up();
    const receipt = await killed;
    expect(receipt.confirmedDead).toContain(Number(pid));
    expect(await handle.exited).toMatchObject({ exitCode: 143 });
    await handle.closed;
  });

  test('input that was on its way when the link broke is written once', async () => {
    const { handle, sink } = await start('cat', { stdin: true });
    const line = (i: number) => Buffer.from(`line ${i} ${'x'.repeat(2000)}\n`);
    const whole = Buffer.concat(Array.from({ length: 200 }, (_, i) => line(i)));
    let sent = 0;
    for (let i = 0; i < 200; i++) {
      let rest = line(i);
      while (rest.length > 0) {
        const { bytes: taken } = await handle.write(rest);
        sent += taken;
        rest = rest.subarray(taken);
      }
      if (i % 50 === 25) sshd.killSessions();
    }
    expect(sent).toBe(whole.length);
    await handle.closeInput();
    expect((await handle.exited).exitCode).toBe(0);
    await handle.closed;
    expect(sha256(sink.of(1))).toBe(createHash('sha256').update(whole).digest('hex'));
  });

  test('{#half_open} a link that goes silent is noticed, and read on from over a new one', async () => {
    const proxy = await Proxy.start(sshd.port);
    try {
      sshd.know(readFileSync(sshd.knownHosts, 'utf8').split('\n')[0]?.replace(`:${sshd.port}`, `:${proxy.port}`) ?? '');
      const producer = await start(BURSTS, { ssh: sshd.place({ port: proxy.port }) });
      await eventually(() => producer.sink.bytes(1) > 100_000, 'output comes');
      proxy.silence();
      await expectWhole(producer);
      expect(proxy.connections).toBeGreaterThan(1);
    } finally {
      for (const handle of handles.splice(0)) {
        await handle.closed;
        await handle.dispose();
      }
      hosts.closeUnused();
      await proxy.stop();
    }
  });

  test('more commands at a time than one connection has channels for', async () => {
    const producers = await Promise.all(Array.from({ length: 14 }, (_, i) => start(`echo ${i}; sleep 0.5; echo end`)));
    await Promise.all(producers.map(({ handle }) => handle.closed));
    expect(producers.map(({ sink }) => sink.text(1))).toEqual(producers.map((_, i) => `${i}\nend\n`));
  });

  test('a host behind another one is reached through it', async () => {
    const inner = await Sshd.start();
    try {
      inner.know(readFileSync(sshd.knownHosts, 'utf8').trim());
      writeFileSync(join(sshd.folder, 'authorized_keys'), readFileSync(join(inner.folder, 'client.pub')), { flag: 'a' });
      const { handle, sink } = await start('echo "$SSH_CONNECTION"; echo through', {
        ssh: inner.place({ jump: [`127.0.0.1:${sshd.port}`] }),
      });
      await handle.closed;
      expect(sink.text(1)).toMatch(new RegExp(`^127\\.0\\.0\\.1 \\d+ 127\\.0\\.0\\.1 ${inner.port}\nthrough\n$`));
      await handle.dispose();
      handles = [];
    } finally {
      hosts.closeUnused();
      await inner.stop();
    }
  });

  describe('is refused by name', () => {
    const refused = (ssh: SshPlace) =>
      backend.start({ producerId: 'refused', spec: { command: 'true', cwd: '', env: {}, stdin: false, ssh } }, new StoringSink());

    test('when the key of the host is not known, with its fingerprint and what to run', async () => {
      const empty = join(folder, 'known');
      writeFileSync(empty, '');
      const error = refused(sshd.place({ known_hosts: empty }));
      await expect(error).rejects.toMatchObject({ kind: 'forbidden', facts: { outcome: 'host_key_unknown', key_type: 'ssh-ed25519' } });
      await expect(error).rejects.toThrow(/SHA256:.*ssh-keyscan -p/);
    });

    test('when the key of the host is another one than before', async () => {
      const other = join(folder, 'known');
      writeFileSync(other, `[127.0.0.1]:${sshd.port} ${readFileSync(join(sshd.folder, 'stranger.pub'), 'utf8')}`);
      const error = refused(sshd.place({ known_hosts: other }));
      await expect(error).rejects.toMatchObject({ kind: 'forbidden', facts: { outcome: 'host_key_changed', line: 1 } });
      await expect(error).rejects.toThrow(/HAS CHANGED/);
    });

    test('when the key of the host is revoked', async () => {
      const other = join(folder, 'known');
      writeFileSync(other, `${readFileSync(sshd.knownHosts, 'utf8')}@revoked * ${readFileSync(join(sshd.folder, 'host.pub'), 'utf8')}`);
      await expect(refused(sshd.place({ known_hosts: other }))).rejects.toMatchObject({ facts: { outcome: 'host_key_revoked' } });
    });

    test('when it does not accept the key', async () => {
      await expect(refused(sshd.place({ identity: sshd.strangerKey }))).rejects.toMatchObject({
        kind: 'forbidden',
        facts: { outcome: 'auth_failed' },
      });
    });

    test('when the key file is not there', async () => {
      await expect(refused(sshd.place({ identity: join(folder, 'none') }))).rejects.toMatchObject({
        kind: 'not_found',
        facts: { outcome: 'key_missing' },
      });
    });

    test('when nothing listens there', async () => {
      const server = createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      const { port } = server.address() as { port: number };
      server.close();
      await expect(refused(sshd.place({ port }))).rejects.toMatchObject({ kind: 'conflict', facts: { outcome: 'refused' } });
    });

    test('when what listens there says nothing', async () => {
      const server = createServer(() => {}).listen(0, '127.0.0.1');
      await once(server, 'listening');
      const { port } = server.address() as { port: number };
      const hasty = new SshBackend(
        { runner: () => 'test-runner', clock: systemClock, logger: silentLogger },
        new SshHosts({ connectMs: 200, keepAliveMs: 1000 }),
      );
      const request = { producerId: 'silent', spec: { command: 'true', cwd: '', env: {}, stdin: false, ssh: sshd.place({ port }) } };
      await expect(hasty.start(request, new StoringSink())).rejects.toMatchObject({ kind: 'conflict', facts: { outcome: 'unreachable' } });
      server.close();
    });
  });
});

/** Carries bytes to a port, until it goes silent: connections stay open, and nothing goes through the old ones any more. */
class Proxy {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  connections = 0;
  port = 0;

  private constructor(target: number) {
    this.#server = createServer((socket) => {
      this.connections++;
      const other = connect(target, '127.0.0.1');
      for (const end of [socket, other]) {
        this.#sockets.add(end);
        end.on('error', () => {});
        end.on('close', () => this.#sockets.delete(end));
      }
      socket.pipe(other).pipe(socket);
    });
  }

  static async start(target: number): Promise<Proxy> {
    const proxy = new Proxy(target);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    const address = proxy.#server.address();
    proxy.port = typeof address === 'object' && address ? address.port : 0;
    return proxy;
  }

  silence(): void {
    for (const socket of this.#sockets) {
      socket.unpipe();
      socket.pause();
    }
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
