import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ProducerIo } from '../../../src/hooks/producer.ts';
import { isPrivate } from '../../../src/plugins/fetch/address.ts';
import { readableText } from '../../../src/plugins/fetch/readable-worker.mjs';
import { runFetch } from '../../../src/plugins/fetch/run.ts';
import { type ToolHarness, toolHarness } from './producers.ts';

let t: ToolHarness;
let server: Server;
let base: string;
const seen: string[] = [];
const pages: Record<string, RequestListener> = {
  '/page': (_, response) => {
    response.setHeader('content-type', 'text/html; charset=utf-8');
    response.end(
      '<title>A page</title><style>x{}</style><h1>Gauges</h1><p>Read <a href="/more">more</a>.<script>evil()</script><ul><li>one<li>two</ul>',
    );
  },
  '/deep': (_, response) => {
    response.setHeader('content-type', 'text/html');
    response.end(`<p>Begin</p>${'<b>'.repeat(330_000)}${'</i>'.repeat(250_000)}`);
  },
  '/gzip': (_, response) => {
    response.setHeader('content-encoding', 'gzip');
    response.end(gzipSync('x'.repeat(100_000)));
  },
  '/empty': (_, response) => void response.writeHead(200, { 'content-encoding': 'gzip', 'content-length': '0' }).end(),
  '/same': (_, response) => void response.writeHead(304, { 'content-encoding': 'br' }).end(),
  '/cut-gzip': (_, response) => {
    response.setHeader('content-encoding', 'gzip');
    response.end(gzipSync('x'.repeat(100_000)).subarray(0, 12));
  },
  '/broken-gzip': (_, response) => {
    response.writeHead(200, { 'content-encoding': 'gzip', 'content-length': '1000' });
    response.write(gzipSync('half').subarray(0, 10));
    setImmediate(() => response.destroy());
  },
  '/missing': (_, response) => {
    response.statusCode = 404;
    response.end('no such page');
  },
  '/hop': (_, response) => void response.writeHead(302, { location: '/page' }).end(),
  '/round': (_, response) => void response.writeHead(302, { location: '/round' }).end(),
  '/away': (_, response) => void response.writeHead(302, { location: 'http://169.254.169.254/latest/meta-data' }).end(),
  '/cut': (_, response) => {
    response.setHeader('content-length', '100');
    response.write('half');
    setImmediate(() => response.destroy());
  },
  '/hang': (_, response) => void response.write('begun\n'),
  '/echo': (request, response) => void request.pipe(response),
};

beforeEach(async () => {
  seen.length = 0;
  server = createServer((request, response) => {
    seen.push(`${request.method} ${request.url}`);
    pages[request.url!]!(request, response);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  t = await toolHarness();
});
afterEach(async () => {
  await t.h.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

describe('{#tool_fetch} fetch', () => {
  it('stores the body as it came, the heads, and the text of a page', async () => {
    await t.call('fetch', { url: `${base}/page` });
    expect(t.log('fetch')).toMatchObject({ status: 200, attributes: { subject: `private ${base}/page` } });
    // The model is shown the channels by their names.
    expect(JSON.stringify(t.h.model.requests.at(-1)!.body.messages)).toMatch(/_3 \(text\)/);
    expect(t.text('fetch', 1)).toContain('<script>evil()</script>');
    expect(t.text('fetch', 2)).toMatch(new RegExp(`^> GET ${base}/page\n< HTTP/1.1 200 OK\n< content-type: text/html`));
    expect(t.text('fetch', 3)).toBe(`A page\n\n# Gauges\n\nRead more <${base}/more>.\n\n- one\n- two\n`);
    expect(t.log('fetch').body).toMatch(
      /body: \d+ bytes.*\nheaders: .*\ntext: .*\n200 OK; text\/html; charset=utf-8; \d+ bytes; channel 3 has the text of the page$/,
    );
  });

  it('{#no_pause} goes on with everything else while a page is read that is made to be slow, and says that its text ends early', async () => {
    let longestMs = 0;
    let last = performance.now();
    const ticking = setInterval(() => {
      longestMs = Math.max(longestMs, performance.now() - last);
      last = performance.now();
    }, 10);
    await t.call('fetch', { url: `${base}/deep` });
    clearInterval(ticking);
    expect(t.log('fetch')).toMatchObject({
      status: 200,
      body: expect.stringContaining('nested so deeply that its text ends early') as string,
    });
    expect(t.text('fetch', 3)).toMatch(/^Begin/);
    expect(longestMs).toBeLessThan(1500);
  });

  it('decompresses, and cuts off at max_bytes, and says so', async () => {
    await t.call('fetch', { url: `${base}/gzip`, max_bytes: 5000 });
    expect(t.log('fetch')).toMatchObject({
      status: 500,
      outcome: 'too_large',
      body: expect.stringContaining('cut off at max_bytes 5000') as string,
    });
    expect(t.text('fetch', 1)).toBe('x'.repeat(5000));
  });

  it.each([
    ['HEAD', '/gzip', '200 OK'],
    ['GET', '/empty', '200 OK'],
    ['GET', '/same', '304 Not Modified'],
  ])('does not miss the compressed body that a response has not: %s of %s', async (method, path, status) => {
    await t.call('fetch', { url: base + path, method });
    expect(t.log('fetch')).toMatchObject({ status: 200, body: expect.stringContaining(`${status}; no content type; 0 bytes`) as string });
    expect(t.text('fetch', 2)).toContain('< content-encoding: ');
  });

  it.each([
    ['/broken-gzip', 'failed', /aborted|cut|closed/, ''],
    ['/cut-gzip', 'failed', /unexpected end of file/, ''],
    ['/missing', 'http:404', /404 Not Found/, 'no such page'],
    ['/away', 'redirected', /another host; call fetch with that URL/, ''],
    ['/round', 'redirects', /5 redirects were followed/, ''],
    ['/cut', 'failed', /aborted|cut|closed/, 'half'],
  ])('of %s ends with %s', async (path, outcome, message, body) => {
    await t.call('fetch', { url: base + path });
    expect(t.log('fetch')).toMatchObject({ status: 500, outcome, body: expect.stringMatching(message) as string });
    expect(t.text('fetch', 1)).toBe(body);
  });

  it('follows a redirect within its host, and shows each head', async () => {
    await t.call('fetch', { url: `${base}/hop` });
    expect(seen).toEqual(['GET /hop', 'GET /page']);
    expect(t.text('fetch', 2).match(/^> GET .*$/gm)).toEqual([`> GET ${base}/hop`, `> GET ${base}/page`]);
    expect(t.log('fetch')).toMatchObject({ status: 200, body: expect.stringContaining('after 1 redirects') as string });
  });

  it('sends a body with another method, which is in what is decided on', async () => {
    await t.call('fetch', { url: `${base}/echo`, method: 'POST', body: 'measure' });
    expect(t.text('fetch', 1)).toBe('measure');
    expect(t.log('fetch').attributes).toMatchObject({ subject: `private POST ${base}/echo` });
  });

  it('is ended by a cancel and by its time limit while the server says nothing', async () => {
    const ended = t.call('fetch', { url: `${base}/hang` });
    await t.h.event('stream/started');
    await t.shows('fetch', 1, 'begun');
    t.cancel('fetch');
    await ended;
    expect(t.log('fetch')).toMatchObject({ status: 499, outcome: 'cancelled' });
    await t.h.close();
    t = await toolHarness();
    await t.call('fetch', { url: `${base}/hang`, timeout_ms: 50 });
    expect(t.log('fetch')).toMatchObject({ status: 500, outcome: 'timeout' });
  });

  it('says before it is allowed that a host is in a private network', async () => {
    void t.call('fetch', { url: 'http://localhost:1/' }, {}).catch(() => undefined);
    const { payload } = await t.h.event('run/proposal');
    expect(payload['summary']).toMatch(/^GET http:\/\/localhost:1\/ \(private address (127\.0\.0\.1|::1)\)/);
    expect(seen).toEqual([]);
  });

  it('does not connect to a name that turns out to be private only now, and was not allowed as such', async () => {
    const io = { write: async () => {}, signal: new AbortController().signal } as unknown as ProducerIo;
    const url = base.replace('127.0.0.1', 'localhost');
    const input = { url, method: 'GET', headers: {}, maxBytes: 10, inner: false };
    expect(await runFetch(input, io)).toMatchObject({ exitCode: 1, outcome: 'private_address' });
    expect(seen).toEqual([]);
  });

  it.each([
    [{ url: 'file:///etc/passwd' }, 422, /URL of http or https/],
    [{ url: 'http://me:secret@example.com/' }, 422, /leave them out/],
    [{ url: 'http://example.com/', headers: { Host: 'x' } }, 422, /set by fetch itself/],
    [{ url: 'http://example.com/', headers: { a: 'b\r\nc: d' } }, 422, /must be one line/],
    [{ url: 'http://example.com/', body: 'x' }, 422, /GET has no body/],
  ])('with %j is refused', async (input, status, message) => {
    await t.call('fetch', input);
    expect(t.log('fetch')).toMatchObject({ status, body: expect.stringMatching(message) as string });
  });

  it('in ask mode looks only', async () => {
    await t.call('fetch', { url: `${base}/echo`, method: 'DELETE' }, { yolo: true }, 'ask');
    expect(t.log('fetch')).toMatchObject({ status: 403 });
    expect(seen).toEqual([]);
  });

  it.each([
    ...[
      '127.0.0.1',
      '10.1.2.3',
      '172.31.0.1',
      '192.168.1.1',
      '169.254.169.254',
      '100.64.0.1',
      '0.0.0.0',
      '::1',
      '::',
      'fe80::1',
      'fd00::1',
    ],
    ...[
      '::ffff:127.0.0.1',
      '::ffff:a00:1',
      '64:ff9b::7f00:1',
      '2002:7f00:1::',
      '224.0.0.1',
      '255.255.255.255',
      'fe80::1%eth0',
      'no address',
    ],
  ])('takes %s for private', (address) => expect(isPrivate(address)).toBe(true));

  it.each(['93.184.216.34', '1.1.1.1', '172.32.0.1', '2606:4700::1111', '::ffff:1.1.1.1'])('takes %s for public', (address) =>
    expect(isPrivate(address)).toBe(false),
  );

  it('makes text of any page without a throw, and none of its scripts', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.constantFrom('<p>', '</p>', '<script>', 'EVIL</script>', '<pre>', '</a>', '<a href="x">', '<', '&amp;', 'word', '<head>'),
        ),
        (parts) => {
          expect(typeof readableText(parts.join(''), new URL('http://h/')).text).toBe('string');
        },
      ),
    );
    expect(readableText('<p>a</p><script>EVIL</script><p>b<br>c</p><pre>x  y\n z</pre>', new URL('http://h/'))).toEqual({
      text: 'a\n\nb\nc\n\nx  y\n z\n',
      cut: false,
    });
  });
});
