import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { get } from 'node:https';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { HeadgateError } from '../../src/core/errors.ts';
import { tlsFailure } from '../../src/core/tls-failure.ts';
import { readTls } from '../../src/rpc/server/index.ts';
import { WireClient } from '../support/built-server.ts';
import { Authority, type Identity } from '../support/certificates.ts';
import { serviceAvailable } from '../support/require.ts';
import { startServer, TOKEN, type WireServer } from '../support/server.ts';
import { tempFolder } from '../support/temp-store.ts';

describe.skipIf(!serviceAvailable('openssl'))('{#tls} encrypted connections', () => {
  let folder: string;
  let remove: () => Promise<void>;
  let ca: Authority;
  let own: Identity;
  let server: WireServer;
  beforeAll(async () => {
    ({ folder, remove } = await tempFolder());
    ca = new Authority(folder);
    own = ca.sign('server', 'IP:127.0.0.1', 'DNS:localhost', 'DNS:*.build.example');
  });
  afterAll(() => remove());
  beforeEach(async () => {
    server = await startServer();
  });
  afterEach(() => server.close());

  const listen = (o: { host?: string; clientCa?: string } = {}) => {
    const { host, clientCa } = o;
    const tls = readTls({ ...own, ...(clientCa === undefined ? {} : { clientCa }) });
    return server.parts.server.listen({ port: 0, tls, ...(host === undefined ? {} : { host }) });
  };
  const trusted = () => ({ ca: readFileSync(ca.cert) });
  const headers = { authorization: `Bearer ${TOKEN}` };

  async function failure(url: string, options: WebSocket.ClientOptions): Promise<string> {
    const socket = new WebSocket(url, { headers, ...options });
    const code = await new Promise<string>((resolve) => {
      socket.on('error', (error) => resolve((error as { code?: string }).code ?? error.message));
      socket.on('open', () => resolve('open'));
    });
    socket.terminate();
    return code;
  }

  /** The status of GET /healthz with this Host. */
  const health = (http: string, host: string) =>
    new Promise<number>((resolve, reject) => {
      get(`${http}/healthz`, { ...trusted(), servername: 'localhost', headers: { host } }, (response) => {
        response.resume();
        response.on('end', () => resolve(response.statusCode ?? 0));
      }).on('error', reject);
    });

  it('serve who trusts the authority, token and all, and carry large answers whole', async () => {
    const { url, http } = await listen();
    expect([url, http]).toEqual([expect.stringMatching(/^wss:/), expect.stringMatching(/^https:/)]);
    const client = new WireClient(new WebSocket(url, { headers, ...trusted() }));
    await once(client.socket, 'open');
    await client.call('init', { name: server.parts.project.name, projectRoot: server.parts.project.root });
    const body = 'ü'.repeat(1_000_000);
    const { run } = await client.call<{ run: string }>('startRun', { model: 'scripted' });
    await client.call('set', { run, path: 'known://big', body });
    expect((await client.call<{ body: string }>('get', { run, path: 'known://big' })).body === body).toBe(true);
    await client.close();
    expect(await failure(url, { ...trusted(), headers: { authorization: 'Bearer wrong' } })).toContain('401');
  });

  it('are not opened by who does not trust it, nor without TLS, and each says what to do', async () => {
    const { url } = await listen();
    const untrusted = await failure(url, {});
    expect(tlsFailure(untrusted)).toContain('--ca');
    expect(await failure(url.replace('wss:', 'ws:'), {})).toMatch(/ECONNRESET|socket hang up/);
    const plain = await failure(server.url.replace('ws:', 'wss:'), trusted());
    expect(tlsFailure(plain), plain).toContain('ws://');
    const other = await failure(url.replace('127.0.0.1', '127.0.0.2'), trusted());
    expect(other).not.toBe('open');
    expect(await health(url.replace('wss:', 'https:').replace('/rpc', ''), 'localhost')).toBe(200);
  });

  it('ask for a client certificate where one is due, and take none of a stranger', async () => {
    const { url } = await listen({ clientCa: ca.cert });
    const mine = ca.sign('client');
    const pem = ({ cert, key }: Identity) => ({ cert: readFileSync(cert), key: readFileSync(key) });
    expect(await failure(url, { ...trusted(), ...pem(mine) })).toBe('open');
    const without = await failure(url, trusted());
    expect(tlsFailure(without), without).toContain('--cert');
    const stranger = new Authority(folder, 'stranger').sign('spy');
    expect(await failure(url, { ...trusted(), ...pem(stranger) })).not.toBe('open');
  });

  it('that say nothing hold up no server that stops', async () => {
    const { port } = await listen();
    const silent = connect(port, '127.0.0.1');
    await once(silent, 'connect');
    // Accepted in the order in which they came: once this one is served, that one is there.
    const { http } = await listen();
    expect(http).toContain('https:');
    const gone = once(silent, 'close');
    await server.close();
    await gone;
  });

  it('{#access} {#listen} may be reached from elsewhere, under the names of the certificate and no other', async () => {
    const { port } = await listen({ host: '0.0.0.0' });
    const http = `https://127.0.0.1:${port}`;
    for (const host of ['localhost', 'one.build.example:4711', '10.1.2.3']) expect(await health(http, host), host).toBe(200);
    for (const host of ['build.example.evil.example', 'evil.example']) expect(await health(http, host), host).toBe(403);
    const refused = await server.parts.server.listen({ host: '0.0.0.0', port: 0 }).catch((error: unknown) => error);
    expect(refused).toMatchObject({ kind: 'forbidden', message: expect.stringMatching(/--tls-cert.*--insecure-listen/) });
  });

  it('need files that go together; what is wrong is said by name', () => {
    const key = ca.sign('another').key;
    const wrong = (files: Parameters<typeof readTls>[0]) => {
      try {
        readTls(files);
      } catch (error) {
        return error instanceof HeadgateError ? error.message : 'another error';
      }
      return 'none';
    };
    expect(wrong({ ...own, key })).toMatch(/^--tls-key .*not the key of .*server\.pem/);
    expect(wrong({ ...own, cert: join(folder, 'none.pem') })).toMatch(/^--tls-cert .*cannot be read/);
    expect(wrong({ ...own, cert: own.key })).toMatch(/^--tls-cert .*no certificate/);
    expect(wrong({ ...own, clientCa: own.key })).toMatch(/^--tls-client-ca/);
  });
});
