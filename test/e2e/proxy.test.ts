import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { type IncomingMessage, type OutgoingHttpHeaders } from 'node:http';
import { request } from 'node:https';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import WebSocket from 'ws';
import { type BuiltServer, serve, WireClient } from '../support/built-server.ts';
import { Authority } from '../support/certificates.ts';
import { freePort } from '../support/free-port.ts';
import { serviceAvailable } from '../support/require.ts';
import { tempFolder } from '../support/temp-store.ts';
import { TtyClient } from '../support/tty-client.ts';

const HOST = 'headgate.example';
const PAGE = fileURLToPath(new URL('../../docs/operations.md', import.meta.url));

describe.each(['nginx', 'caddy'] as const)('{#proxy} behind %s with TLS, under a path', (kind) => {
  if (!serviceAvailable(kind) || !serviceAvailable('openssl')) {
    it.skip('is not tried here', () => {});
    return;
  }
  let temp: Awaited<ReturnType<typeof tempFolder>>;
  let server: BuiltServer;
  let port: number;
  let ca: Buffer;
  let stopProxy: () => Promise<void>;

  /** What TLS and Node's HTTP need to reach the proxy under its name, which no resolver knows. */
  const reach = (headers: OutgoingHttpHeaders = {}) => ({
    ca,
    servername: HOST,
    headers: { host: HOST, authorization: `Bearer ${server.token}`, ...headers },
  });
  const get = (path: string, headers: OutgoingHttpHeaders = {}) =>
    new Promise<IncomingMessage>((resolve, reject) => {
      request(`https://127.0.0.1:${port}${path}`, { ...reach(headers), agent: false }, resolve)
        .on('error', reject)
        .end();
    });
  const socket = (path: string, headers: Record<string, string> = {}) => new WebSocket(`wss://127.0.0.1:${port}${path}`, reach(headers));

  beforeAll(async () => {
    temp = await tempFolder();
    const { cert, key } = new Authority(temp.folder).sign('proxy', `DNS:${HOST}`);
    ca = await readFile(join(temp.folder, 'ca.pem'));
    port = await freePort();
    const config = join(temp.folder, 'headgate.yaml');
    await writeFile(config, 'decisionLog: { file: decisions.log }\n');
    server = await serve(join(temp.folder, 'data'), [
      ...['--public-url', `https://${HOST}:${port}/headgate`, '--trusted-proxy', '127.0.0.1', '--config', config],
    ]);
    const example = new RegExp(`\`\`\`${kind}\n([\\s\\S]*?)\`\`\``).exec(await readFile(PAGE, 'utf8'))?.[1] ?? '';
    const text = example
      .replaceAll('8443', `${port}`)
      .replaceAll('127.0.0.1:4711', new URL(server.http).host)
      .replace('cert.pem', cert)
      .replace('key.pem', key);
    const file = join(temp.folder, 'proxy.conf');
    const nginx = `daemon off; worker_processes 1; pid ${temp.folder}/pid; error_log stderr; events {}
http { access_log off; client_body_temp_path ${temp.folder}/b; proxy_temp_path ${temp.folder}/p; fastcgi_temp_path ${temp.folder}/f; uwsgi_temp_path ${temp.folder}/u; scgi_temp_path ${temp.folder}/s;
${text}}\n`;
    await writeFile(file, kind === 'nginx' ? nginx : `{\n  admin off\n  auto_https disable_redirects\n}\n${text}`);
    await mkdir(join(temp.folder, 'home'));
    const words =
      kind === 'nginx' ? ['/usr/sbin/nginx', '-c', file, '-e', 'stderr'] : ['caddy', 'run', '--adapter', 'caddyfile', '--config', file];
    const [program = '', ...args] = words;
    const home = join(temp.folder, 'home');
    const proxy = spawn(program, args, {
      stdio: 'ignore',
      env: { ...process.env, HOME: home, XDG_DATA_HOME: home, XDG_CONFIG_HOME: home },
    });
    stopProxy = async () => {
      const gone = once(proxy, 'exit');
      proxy.kill('SIGTERM');
      await gone;
    };
    const healthy = () => get('/headgate/healthz').then((response) => response.resume().statusCode === 200);
    await vi.waitUntil(() => healthy().catch(() => false), { timeout: 15_000 });
  }, 60_000);
  afterAll(async () => {
    await stopProxy?.();
    await server?.stop();
    await temp?.remove();
  });

  it('serves the portal, whose files are found relative to it', async () => {
    const root = await get('/headgate/');
    expect(new URL(String(root.resume().headers.location), `https://${HOST}/headgate/`).pathname).toBe('/headgate/portal/');
    const page = await get('/headgate/portal/');
    let html = '';
    for await (const part of page) html += String(part);
    const assets = [...html.matchAll(/(?:src|href)="([^"]+\.(?:js|css))"/g)].map(
      ([, name = '']) => new URL(name, `https://${HOST}/headgate/portal/`).pathname,
    );
    expect(assets.length).toBeGreaterThan(0);
    for (const asset of assets) expect((await get(asset)).resume().statusCode, asset).toBe(200);
  });

  it('carries a command over the WebSocket, its output as an event stream, and a terminal', async () => {
    const line = socket('/headgate/rpc');
    const client = new WireClient(line);
    await once(line, 'open');
    await client.call('init', { name: 'test', projectRoot: temp.folder });
    const { run } = await client.call<{ run: string }>('startRun', { model: 'scripted', yolo: true });
    const { path } = await client.call<{ path: string }>('sh', { run, command: 'echo first; read line; echo "$line"' });
    const stream = await get(`/headgate/runs/${run}/channels/${encodeURIComponent(path)}`);
    expect(stream.headers['content-type']).toContain('text/event-stream');
    let text = '';
    stream.on('data', (part: Buffer) => (text += part.toString()));
    // It comes while the command still runs: nothing on the way gathers it.
    await expect.poll(() => text).toContain('first');
    await client.call('stream/input', { run, path, chunk: 'second\n' });
    await expect.poll(() => text).toContain('event: ended');
    expect(text).toContain('second');
    await client.close();
    const [line1] = (await readFile(join(temp.folder, 'decisions.log'), 'utf8')).split('\n');
    // The proxy says who it was asked by, which is this machine here.
    expect(JSON.parse(line1 ?? '')).toMatchObject({ decision: 'start', from: '127.0.0.1' });

    const terminal = new TtyClient(socket('/headgate/tty'));
    await once(terminal.socket, 'open');
    terminal.first({ projectRoot: temp.folder, cmd: 'read line; echo "got $line"; head -c 300000 /dev/zero', tty: null });
    expect(await terminal.answer()).toMatchObject({ ok: true });
    terminal.type('a line\n');
    expect(await terminal.exit()).toMatchObject({ type: 'exit', code: 0 });
    // Every byte, also those that no text has.
    expect(terminal.bytes().equals(Buffer.concat([Buffer.from('got a line\n'), Buffer.alloc(300_000)]))).toBe(true);
  });

  it("takes pages of the proxy's origin and refuses those of others", async () => {
    const answer = async (origin: string) => {
      const line = socket('/headgate/rpc', { origin });
      const status = await Promise.race([
        once(line, 'open').then(() => 101),
        once(line, 'unexpected-response').then(([, response]) => (response as IncomingMessage).statusCode),
      ]);
      line.on('error', () => {});
      line.terminate();
      return status;
    };
    expect(await answer(`https://${HOST}:${port}`)).toBe(101);
    expect(await answer('https://evil.example')).toBe(403);
    expect((await get('/headgate/metrics', { authorization: '' })).resume().statusCode).toBe(404);
  });
});
