import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RpcClient } from '../../src/rpc/client/index.ts';
import { connectUnixSocket } from '../../src/rpc/node/unix-socket.ts';
import type { NotificationParamsOf } from '../../src/rpc/protocol/table.ts';
import { type BuiltServer, serve } from '../support/built-server.ts';
import { Authority, type Identity } from '../support/certificates.ts';
import { serviceAvailable } from '../support/require.ts';
import { type BuiltRunner, startRunner } from '../support/runner.ts';
import { type NetHost, Network } from '../support/services/netns.ts';
import { tempFolder } from '../support/temp-store.ts';

/** How long the cable is out. */
const OUTAGE_MS = 30_000;
const LINES = 250;
const TICKING = `i=0; while [ $i -lt ${LINES} ]; do i=$((i+1)); echo "line $i of $$"; sleep 0.1; done; exit 7`;

const here = serviceAvailable('netns') && serviceAvailable('openssl');

describe.skipIf(!here)('{#runner_process} {#tls} runners on other machines, over TLS', () => {
  let folder: string;
  let remove: () => Promise<void>;
  let network: Network;
  let ca: Authority;
  let own: Identity;
  let server: BuiltServer;
  let client: RpcClient;
  let token: string;
  const runners: BuiltRunner[] = [];

  beforeEach(async () => {
    ({ folder, remove } = await tempFolder());
    await mkdir(join(folder, 'project'));
    network = new Network();
    ca = new Authority(folder);
    own = ca.sign('server', ...[1, 2, 3].map((n) => `IP:10.77.${n}.1`));
  });
  afterEach(async () => {
    try {
      client.close();
      await Promise.all(runners.splice(0).map((one) => one.stop()));
      await server.stop();
    } finally {
      network.close();
      await remove();
    }
  });

  async function start(leaseSeconds: number): Promise<void> {
    const args = ['--host', '0.0.0.0', '--tls-cert', own.cert, '--tls-key', own.key, '--runner-lease', String(leaseSeconds)];
    server = await serve(join(folder, 'data'), args, {}, network.prefix);
    // The file system is shared, the network is not: from here the server is reached over its unix socket only.
    client = new RpcClient(await connectUnixSocket(server.socket));
    await client.call('init', { name: 'test', projectRoot: join(folder, 'project') });
    ({ token } = await client.call('token/add', { name: 'machines', scope: 'runner' }));
  }

  async function runner(host: NetHost, name: string, labels: string): Promise<BuiltRunner> {
    const url = server.url.replace('0.0.0.0', host.serverAddress);
    const args = ['--name', name, '--labels', labels, '--ca', ca.cert];
    const started = await startRunner({ url, token }, join(folder, name), args, {}, host.prefix);
    runners.push(started);
    return started;
  }

  /** A command for a selector, accepted and watched; throws on a gap or an overlap of what comes. */
  async function watched(command: string, selector: string) {
    const { run } = await client.call('startRun', { model: 'scripted' });
    const { path } = await client.call('sh', { run, command, runner: selector });
    const parts: Buffer[] = [];
    let bytes = 0;
    const watchers = new Set<() => void>();
    client.on('stream/chunk', (chunk) => {
      if (chunk.run !== run || chunk.channel !== 1) return;
      if (chunk.offset !== bytes) throw new Error(`expected offset ${bytes}, got ${chunk.offset}`);
      const part = Buffer.from(chunk.chunk, chunk.encoding);
      parts.push(part);
      bytes += part.length;
      for (const look of watchers) look();
    });
    const ended = new Promise<NotificationParamsOf<'stream/ended'>>((resolve) => {
      client.on('stream/ended', (end) => {
        if (end.run === run && end.subscription !== undefined) resolve(end);
      });
    });
    await client.call('run/resolve', { run, resolution: { path, action: 'accept' } });
    await client.call('stream/subscribe', { run, path });
    const text = () => Buffer.concat(parts).toString();
    const until = (part: string) =>
      new Promise<void>((resolve) => {
        const look = () => {
          if (!text().includes(part)) return;
          watchers.delete(look);
          resolve();
        };
        watchers.add(look);
        look();
      });
    return { run, path, ended, text, until };
  }

  it('{#exactly_once} {#runner_selection} get the work of their labels; two that are off the network for 30 s, unplugged or cut off, lose nothing and repeat nothing', async () => {
    await start(60);
    const [left, right, third] = [network.host(), network.host(), network.host()];
    await Promise.all([runner(left, 'a', 'left,gpu'), runner(right, 'b', 'right,gpu')]);
    const [onA, onB] = await Promise.all([watched('ip -br addr; hostname', 'gpu,left'), watched('ip -br addr', 'gpu,!left')]);
    expect(await onA.ended).toMatchObject({ status: 200 });
    expect(await onB.ended).toMatchObject({ status: 200 });
    expect(onA.text()).toContain('10.77.1.2');
    expect(onB.text()).toContain('10.77.2.2');

    const later = await watched('ip -br addr', 'later,gpu');
    expect(await client.call('stream/list', { run: later.run })).toMatchObject([
      { state: 'queued', waitsFor: expect.stringMatching(/^a runner named or labelled "later" and "gpu" \("a" is not "later"; "b" is/) },
    ]);

    const both = await Promise.all([watched(TICKING, 'name:a'), watched(TICKING, 'name:b')]);
    await Promise.all(both.map((ticking) => ticking.until('line 20 ')));
    left.unplug();
    right.silence();
    // What was on its way when the cable came out may still be told.
    await delay(1000);
    const before = both.map((ticking) => ticking.text());
    await runner(third, 'c', 'later,gpu');
    expect(await later.ended).toMatchObject({ status: 200 });
    expect(later.text()).toContain('10.77.3.2');
    await delay(OUTAGE_MS - 1000);
    expect(both.map((ticking) => ticking.text())).toEqual(before);
    left.plugIn();
    right.endSilence();
    for (const ticking of both) {
      expect(await ticking.ended).toMatchObject({ status: 500, exit_code: 7 });
      const pid = /of (\d+)/.exec(ticking.text())?.[1];
      expect(ticking.text()).toBe(Array.from({ length: LINES }, (_, i) => `line ${i + 1} of ${pid}\n`).join(''));
      const { chunk } = await client.call('stream/read', { run: ticking.run, path: ticking.path, channel: 1 });
      expect(chunk).toBe(ticking.text());
    }
  }, 180_000);

  it('{#runner_lease} whose machine is switched off for good: after the lease 500 lost, and nothing is left at 102', async () => {
    await start(3);
    const [machine, other] = [network.host(), network.host()];
    await Promise.all([runner(machine, 'a', 'left'), runner(other, 'b', 'right')]);
    const [lost, kept] = await Promise.all([watched('echo up; sleep 300', 'left'), watched('echo up; read line; echo "$line"', 'right')]);
    await Promise.all([lost.until('up\n'), kept.until('up\n')]);
    machine.powerOff();
    expect(await lost.ended).toMatchObject({ status: 500, outcome: 'lost' });
    expect(await client.call('runner/list', {})).toMatchObject([
      { name: 'a', state: 'away', live: 0, owner: 'machines' },
      { name: 'b', state: 'ready', live: 1 },
    ]);
    await client.call('stream/input', { run: kept.run, path: kept.path, chunk: 'still here\n' });
    expect(await kept.ended).toMatchObject({ status: 200 });
    expect(kept.text()).toBe('up\nstill here\n');
    const entries = await client.call('getEntries', { body: false });
    expect(entries.filter(({ status }) => status === 102)).toEqual([]);
  }, 60_000);
});
