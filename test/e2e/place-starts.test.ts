import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { SSH_TIMES } from '../../src/backends/ssh/connection.ts';
import type { WireClient } from '../support/built-server.ts';
import { Gate } from '../support/gate.ts';
import { ended, liveServer, type Place, receiptOf } from '../support/live-server.ts';
import { serviceAvailable } from '../support/require.ts';
import { BUSYBOX, type DockerService, startDocker } from '../support/services/dockerd.ts';
import { Sshd } from '../support/services/sshd.ts';

async function accepted(client: WireClient, params: Record<string, unknown>): Promise<Place> {
  const { run } = await client.call<{ run: string }>('startRun', { model: 'scripted' });
  const { path } = await client.call<{ path: string }>('sh', { run, ...params });
  await client.call('run/resolve', { run, resolution: { path, action: 'accept' } });
  return { run, path };
}

describe.skipIf(!serviceAvailable('sshd'))('{#backend_ssh} a server and a host behind a bad link', () => {
  const live = liveServer();
  let sshd: Sshd;
  let gate: Gate;
  const place = () => ({ ...sshd.place({ host: '127.0.0.1', port: gate.port }) });

  beforeEach(() => gate.reset());

  beforeAll(async () => {
    sshd = await Sshd.start();
    gate = await Gate.open({ host: '127.0.0.1', port: sshd.port });
    const key = readFileSync(join(sshd.folder, 'host.pub'), 'utf8');
    sshd.know(`[127.0.0.1]:${gate.port} ${key}`);
  });

  afterAll(async () => {
    gate.close();
    await sshd.stop();
  });

  it('that resets every connection: the server lives, and the entry says why', async () => {
    gate.state = 'reset';
    const client = await live.client();
    for (let i = 0; i < 5; i++) {
      const at = await accepted(client, { command: 'true', ssh: place() });
      expect(await ended(client, at)).toMatchObject({ outcome: 'unreachable' });
    }
    gate.state = 'open';
  });

  it('cancelled before the host has answered: the command never runs', async () => {
    gate.state = 'silent';
    const client = await live.client();
    const next = gate.next();
    const at = await accepted(client, { command: `touch ${live.root}/ran`, ssh: place() });
    await next;
    await client.call('stream/cancel', { ...at, grace_ms: 100 });
    gate.release();
    await receiptOf(client, at);
    expect(existsSync(join(live.root, 'ran'))).toBe(false);
  }, 60_000);

  it('stopped while the host does not answer: the server does not wait until that counts as unreachable', async () => {
    gate.state = 'silent';
    const client = await live.client();
    const next = gate.next();
    await accepted(client, { command: 'true', ssh: place() });
    await next;
    const before = Date.now();
    await live.closeClients();
    expect(await live.server.stop()).toBe(0);
    const took = Date.now() - before;
    gate.release();
    await live.start();
    expect(took).toBeLessThan(SSH_TIMES.connectMs);
  }, 60_000);

  it('killed between the start of a command and the word that it runs, the host away at first: it runs once and ends', async () => {
    gate.release();
    gate.delayMs = 400;
    const client = await live.client();
    const at = await accepted(client, {
      command: `echo x >> ${live.root}/once; until [ -e ${live.root}/go ]; do sleep 0.05; done; exit 4`,
      ssh: place(),
    });
    await live.written('once');
    await live.server.crash();
    gate.delayMs = 0;
    gate.state = 'reset';
    const next = gate.next();
    await live.start();
    await next;
    const again = await live.client();
    await gate.next();
    gate.state = 'open';
    writeFileSync(join(live.root, 'go'), '');
    expect(await ended(again, at)).toMatchObject({ outcome: 'exit:4' });
    expect(await live.text('once')).toBe('x\n');
    await vi.waitUntil(() => !existsSync(join(sshd.state, 'headgate')) || readdirSync(join(sshd.state, 'headgate')).length === 0, {
      timeout: 10_000,
    });
  }, 60_000);
});

describe.skipIf(!serviceAvailable('docker'))('{#backend_container} a server and an engine behind a bad link', () => {
  const live = liveServer();
  let service: DockerService;
  let gate: Gate;
  let socket: string;
  const container = (more: Record<string, unknown> = {}) => ({ host: `unix://${socket}`, image: BUSYBOX, network: 'none', ...more });
  const mounts = () => [{ source: service.folder, target: '/shared' }];
  const inShared = (name: string) => join(service.folder, name);

  beforeAll(async () => {
    service = await startDocker({ liveRestore: true });
    socket = join(service.folder, 'gate.sock');
    gate = await Gate.open({ path: service.socket }, socket);
  }, 60_000);

  beforeEach(() => gate.reset());

  afterAll(async () => {
    gate.close();
    await service.stop();
  }, 60_000);

  async function left(): Promise<string[]> {
    const volumes = (await service.docker.listVolumes()).Volumes ?? [];
    // A container that goes while the list is made is an error of the list.
    const containers = await service.docker.listContainers({ all: true }).catch(() => [{ Names: ['(one that goes)'] }]);
    return [...containers.flatMap(({ Names }) => Names), ...volumes.map(({ Name }) => Name)];
  }

  async function nothingLeft(): Promise<void> {
    await vi
      .waitUntil(async () => (await left()).length === 0, { timeout: 15_000, interval: 50 })
      .catch(async () => {
        expect(await left()).toEqual([]);
      });
  }

  it('that breaks between the start of a container and that of its command: the command never runs, nothing is left', async () => {
    gate.filter = (bytes) => {
      if (!/^POST [^ ]*\/exec /.test(bytes.toString('latin1'))) return false;
      gate.state = 'reset';
      return true;
    };
    const client = await live.client();
    const at = await accepted(client, { command: 'true', container: container() });
    expect(await ended(client, at)).toMatchObject({ outcome: 'engine_unreachable' });
    expect(await left()).not.toEqual([]);
    gate.reset();
    await nothingLeft();
  }, 60_000);

  it('that does not answer: a stop of the server does not wait for it', async () => {
    gate.state = 'silent';
    const client = await live.client();
    const next = gate.next();
    await accepted(client, { command: 'true', container: container() });
    await next;
    await live.closeClients();
    // The engine never answers: only a stop that does not wait for it comes to its end.
    expect(await live.server.stop()).toBe(0);
    gate.release();
    await live.start();
    await nothingLeft();
  }, 60_000);

  it('cancelled before the engine has answered: the command never runs, nothing is left', async () => {
    gate.state = 'silent';
    const client = await live.client();
    const next = gate.next();
    const at = await accepted(client, { command: 'touch /shared/ran', container: container({ mounts: mounts() }) });
    await next;
    await client.call('stream/cancel', { ...at, grace_ms: 100 });
    gate.release();
    await receiptOf(client, at);
    expect(existsSync(inShared('ran'))).toBe(false);
    await nothingLeft();
  }, 60_000);

  it('killed at each request of a start: the command runs once, ends, and nothing is left', async () => {
    const client = await live.client();
    let requests = 0;
    gate.filter = () => {
      requests++;
      return false;
    };
    const first = await accepted(client, { command: 'exit 3', container: container() });
    await ended(client, first);
    await live.closeClients();
    for (let at = 1; at <= Math.min(requests, 40); at++) {
      gate.reset();
      let seen = 0;
      const { server } = live;
      const command = `echo x >> /shared/once${at}; exit 4`;
      const again = await live.client();
      const place = await live.proposed(again, command, { container: container({ mounts: mounts() }) });
      // From here on: what the start of the server asks the engine is not meant.
      gate.filter = () => {
        if (++seen !== at) return seen > at;
        server.process.kill('SIGKILL');
        return true;
      };
      await again.call('run/resolve', { run: place.run, resolution: { path: place.path, action: 'accept' } }).catch(() => undefined);
      await vi.waitUntil(async () => server.process.signalCode !== null || !(await isLive(again, place)), {
        timeout: 20_000,
      });
      gate.reset();
      await server.crash();
      await live.start();
      const next = await live.client();
      const { status } = await next.call<{ status: number }>('get', { run: place.run, path: place.path });
      if (status === 202) await next.call('run/resolve', { run: place.run, resolution: { path: place.path, action: 'accept' } });
      expect({ at, ...(await ended(next, place)) }).toMatchObject({ at, outcome: 'exit:4' });
      expect(readFileSync(inShared(`once${at}`), 'utf8')).toBe('x\n');
      await nothingLeft();
      await live.closeClients();
    }
  }, 300_000);

  it('cancelled at each request of a start, and the server killed: nothing runs on, nothing is left', async () => {
    // As many as a start has before its command runs.
    for (let at = 1; at <= 10; at++) {
      gate.reset();
      let seen = 0;
      gate.filter = () => {
        if (++seen === at) gate.state = 'reset';
        return seen >= at;
      };
      const client = await live.client();
      const place = await accepted(client, { command: `echo up; sleep 1234`, container: container() });
      await vi.waitUntil(async () => seen >= at || !(await isLive(client, place)), { timeout: 20_000 });
      await client.call('stream/cancel', { ...place, grace_ms: 100 }).catch(() => undefined);
      await live.server.crash();
      gate.reset();
      await live.start();
      const next = await live.client();
      await ended(next, place);
      await nothingLeft().catch((error: unknown) => {
        throw new Error(`at request ${at}`, { cause: error });
      });
    }
  }, 300_000);

  it('away when the server comes back after a kill in the middle of a start: the command goes on to its end', async () => {
    gate.delayMs = 100;
    const client = await live.client();
    const command = 'echo x >> /shared/away; until [ -e /shared/go ]; do sleep 0.05; done; exit 4';
    const place = await accepted(client, { command, container: container({ mounts: mounts() }) });
    await vi.waitUntil(() => existsSync(inShared('away')), { timeout: 20_000, interval: 2 });
    await live.server.crash();
    gate.reset();
    gate.state = 'reset';
    await live.start();
    const next = await live.client();
    await gate.next();
    await gate.next();
    gate.state = 'open';
    writeFileSync(inShared('go'), '');
    expect(await ended(next, place)).toMatchObject({ outcome: 'exit:4' });
    expect(readFileSync(inShared('away'), 'utf8')).toBe('x\n');
    await nothingLeft();
  }, 60_000);
});

async function isLive(client: WireClient, { run, path }: Place): Promise<boolean> {
  if (client.socket.readyState !== client.socket.OPEN) return true;
  const { status } = await client.call<{ status: number }>('get', { run, path }).catch(() => ({ status: 102 }));
  return [100, 102, 202].includes(status);
}
