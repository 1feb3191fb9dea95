import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Redaction } from '../../src/redact/index.ts';
import { FRAME, type WireClient } from '../support/built-server.ts';
import { TestEventSource } from '../support/event-source.ts';
import { stars, TOKENS } from '../support/secrets.ts';
import { TOKEN as ADMIN, READ_TOKEN, startServer, type WireServer } from '../support/server.ts';
import { propose } from '../support/temp-store.ts';
import { TtyClient } from '../support/tty-client.ts';

const GITHUB = TOKENS[0]!;
const SECRET = GITHUB.public + GITHUB.secret;
const SHOWN = GITHUB.public + stars(GITHUB.secret);
const RUN_TOKEN = 'test-token-of-run-scope';
const OUTPUT = `one\ntoken ${SECRET}\nthree\n`;

let server: WireServer;
let admin: WireClient;
let other: WireClient;
let path: string;

beforeEach(async () => {
  server = await startServer({
    tokens: [
      { token: ADMIN, scope: 'admin' },
      { token: READ_TOKEN, scope: 'read', name: 'reader' },
      { token: RUN_TOKEN, scope: 'run', name: 'runner' },
    ],
    redaction: new Redaction(),
  });
  admin = await server.connect();
  other = await server.connect({ token: READ_TOKEN });
  ({ path } = server.parts.accept('curl', { command: `curl -H 'X-Token: ${SECRET}' host` }));
  await admin.call('stream', { run: 'r1', path, channel: 1, chunk: OUTPUT });
});
afterEach(() => server.close());

const end = () => admin.call('stream/completed', { run: 'r1', path, exit_code: 0 });
const sse = (token: string) =>
  TestEventSource.open(`${server.http}/runs/r1/channels/${encodeURIComponent(path)}`, { authorization: `Bearer ${token}` });

describe('{#digest} a digest for clients', () => {
  it('shows secrets to nobody, and is of a whole channel', async () => {
    await end();
    const digest = { run: 'r1', path, channel: 1, format: 'digest' };
    for (const client of [admin, other]) {
      const { body } = await client.call<{ body: string }>('get', digest);
      expect(body).toContain('****');
      expect(body).not.toContain(GITHUB.secret.slice(3, 8));
    }
    await expect(admin.call('get', { ...digest, line: 2 })).rejects.toMatchObject({ data: { name: 'invalid_params', field: 'line' } });
    await expect(admin.call('get', { run: 'r1', path, format: 'digest' })).rejects.toMatchObject({
      data: { name: 'invalid_params', field: 'path' },
    });
  });
});

describe('{#redaction} a client that is not the operator', () => {
  it.each([
    ['stream/read', () => ({ run: 'r1', path, channel: 1 })],
    ['stream/read', () => ({ run: 'r1', path, channel: 1, from: 12, max_bytes: 14 })],
    ['stream/read', () => ({ run: 'r1', path, channel: 1, lines: { last: 2 } })],
    ['stream/read', () => ({ run: 'r1', path, channel: 1, match: 'token' })],
    ['stream/read', () => ({ run: 'r1', path, channel: 1, format: 'screen' })],
    ['get', () => ({ run: 'r1', path, channel: 1 })],
    ['get', () => ({ run: 'r1', path, channel: 1, line: 2 })],
    ['get', () => ({ run: 'r1', path, format: 'screen' })],
    ['getEntries', () => ({ run: 'r1' })],
    ['stream/list', () => ({})],
    ['getProposals', () => ({})],
  ] as const)('reads no secret with %s, and the operator does', async (method, params) => {
    await end();
    propose(server.parts.store, server.parts.run, 'echo', `echo ${SECRET}`);
    const part = GITHUB.secret.slice(3, 8);
    const shown = JSON.stringify(await other.call(method, params()));
    expect(shown).not.toContain(part);
    expect(shown).toContain('****');
    expect(JSON.stringify(await admin.call(method, params()))).toContain(part);
    expect(JSON.stringify(await admin.call(method, { ...params(), redact: true }))).not.toContain(part);
  });

  it('gets lengths, offsets and lines as they are', async () => {
    const asked = { run: 'r1', path, channel: 1, lines: { first: 2, count: 1 } };
    const { chunk: shown, ...rest } = await other.call<{ chunk: string }>('stream/read', asked);
    const { chunk, ...same } = await admin.call<{ chunk: string }>('stream/read', asked);
    expect(rest).toEqual(same);
    expect(shown).toBe(`token ${SHOWN}\n`);
    expect(chunk).toBe(`token ${SECRET}\n`);
  });

  it('cannot ask to see them', async () => {
    for (const [method, params] of [
      ['stream/read', { run: 'r1', path, channel: 1 }],
      ['get', { run: 'r1', path, channel: 1 }],
      ['stream/subscribe', { run: 'r1', path }],
      ['stream/list', {}],
      ['getProposals', {}],
    ] as const) {
      const asked = { ...params, redact: false };
      await expect(other.call(method, asked)).rejects.toThrow(/redact: false needs a token of scope "admin"/);
    }
  });

  it.each([{ format: 'raw' }, { format: 'text' }, { carriage: 'raw' }])('follows without secrets: %j', async (how) => {
    const { subscription } = await other.call<{ subscription: number }>('stream/subscribe', { run: 'r1', path, ...how });
    await admin.call('stream', { run: 'r1', path, channel: 1, chunk: SECRET.slice(0, 20) });
    await admin.call('stream', { run: 'r1', path, channel: 1, chunk: `${SECRET.slice(20)}\n` });
    await end();
    await other.notice('stream/ended', (params) => params['subscription'] === subscription);
    const pieces = other.notices.flatMap(({ method, params }) => {
      if (method === FRAME) return [Buffer.from(params['bytes'] as Buffer).toString()];
      return method === 'stream/chunk' ? [String(params['chunk'])] : [];
    });
    expect(pieces.join('')).toBe(`${OUTPUT}${SECRET}\n`.replaceAll(SECRET, SHOWN));
  });

  it('is told of no secret in events and errors', async () => {
    const seen = other.notice('ui/notify');
    server.parts.tell(`the token is ${SECRET}`, 'r1');
    expect((await seen)['text']).toBe(`the token is ${SHOWN}`);
    expect((await admin.notice('ui/notify'))['text']).toBe(`the token is ${SECRET}`);
    await expect(other.call('getRun', { run: SECRET })).rejects.toThrow(SHOWN);
  });

  it('gets an event stream without secrets', async () => {
    await end();
    for (const [token, text] of [
      [READ_TOKEN, OUTPUT.replace(SECRET, SHOWN)],
      [ADMIN, OUTPUT],
    ] as const) {
      const stream = await sse(token);
      await stream.event('ended');
      expect(stream.events.flatMap(({ event, data }) => (event === 'chunk' ? [data['chunk']] : [])).join('')).toBe(text);
      stream.close();
    }
  });

  it('gets a terminal session without secrets', async () => {
    for (const [token, text] of [
      [RUN_TOKEN, OUTPUT.replace(SECRET, SHOWN)],
      [ADMIN, OUTPUT],
    ] as const) {
      const tty = await TtyClient.open({ http: server.http, token }, { attach: path, run: 'r1', project: server.parts.project.name });
      await tty.until(() => tty.bytes(1).length >= OUTPUT.length);
      expect(tty.bytes(1).toString()).toBe(text);
      tty.socket.terminate();
    }
  });
});
