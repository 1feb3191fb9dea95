import { writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { readAll, WireClient } from '../support/built-server.ts';
import { cli } from '../support/cli.ts';
import { LiveServer } from '../support/live-server.ts';
import { type OpenAiServer, openAiServer } from '../support/openai-server.ts';
import { rebuild, type TurnContext } from '../support/rebuild.ts';
import { stars, TOKENS } from '../support/secrets.ts';

const { public: shown, secret } = TOKENS[0]!;
const VALUE = 'value-of-the-server-0123';
const SEEN = `it is ${shown}${secret}, ${VALUE} and own-value-of-it\n`;
const MASKED = `it is ${shown}${stars(secret)}, ${stars(VALUE)} and ${stars('own-value-of-it')}\n`;
/** Prints it in pieces that are cut within each of the secrets, so that each write is a chunk of its own. */
const PIECES = [
  `it is ${shown}${secret.slice(0, 9)}`,
  `${secret.slice(9)}, ${VALUE.slice(0, 11)}`,
  `${VALUE.slice(11)} and own-val`,
  'ue-of-it\n',
];
const SCRIPT = PIECES.map((piece) => `printf '${piece.replace('\n', '\\n')}'`).join('\nsleep 0.02\n');
const COMMAND = 'sh print.sh';

const live = new LiveServer();
let model: OpenAiServer;

beforeAll(async () => {
  model = await openAiServer();
  Object.assign(live.env, { HEADGATE_OPENAI_BASE_URL: model.url, HEADGATE_OPENAI_API_KEY: 'none', DEPLOY_TOKEN: VALUE });
  await live.open();
  await writeFile(join(live.root, 'print.sh'), SCRIPT);
});
afterEach(() => live.closeClients());
afterAll(async () => {
  await live.close();
  await model.close();
});

/** A client of the project that commands in its folder belong to. */
async function connect(token = live.server.token): Promise<WireClient> {
  const client = await WireClient.connect({ ...live.server, token });
  live.clients.push(client);
  await client.call('init', { name: basename(live.root), projectRoot: live.root, client: { name: 'test' } });
  return client;
}

/** One with a token of scope `run`. */
async function limited(admin: WireClient, name: string): Promise<WireClient> {
  return await connect((await admin.call<{ token: string }>('token/add', { name, scope: 'run' })).token);
}

describe('{#redaction_stream} secrets that a command prints in pieces', () => {
  it('are seen by the operator alone: not by a client of scope run, not with --redact', async () => {
    const admin = await connect();
    const other = await limited(admin, 'follower');
    const place = await live.proposed(admin, COMMAND, { env: { MY_SECRET: 'own-value-of-it' } });
    await other.call('stream/subscribe', { ...place });
    await admin.call('run/resolve', { run: place.run, resolution: { path: place.path, action: 'accept' } });
    await other.notice('stream/ended', ({ path }) => path === place.path);
    const told = other.notices.flatMap(({ method, params }) => (method === 'stream/chunk' ? [String(params['chunk'])] : []));
    expect(told.join('')).toBe(MASKED);
    expect((await readAll(other, place.run, place.path, 1)).toString()).toBe(MASKED);
    expect((await readAll(admin, place.run, place.path, 1)).toString()).toBe(SEEN);
    const output = (...more: string[]) => cli(['output', place.run, place.path, ...more], { cwd: live.root, data: live.data });
    expect(await output()).toMatchObject({ err: '', out: SEEN });
    expect((await output('--redact')).out).toBe(MASKED);
  });
});

describe('{#redaction} a run whose command prints secrets', () => {
  it('shows them to the model and to clients of scope run in nothing, and its record is what the model was sent', async () => {
    const admin = await connect();
    const other = await limited(admin, 'watcher');
    await admin.call('addModel', { alias: 'm', actual: 'm', price: { input: 1, output: 1 } });
    const { run } = await admin.call<{ run: string }>('startRun', { model: 'm' });
    const words = `I will print ${shown}${secret} now.`;
    model.answer(
      { kind: 'say', text: words, calls: [{ name: 'sh', args: JSON.stringify({ command: COMMAND }) }] },
      { kind: 'say', text: 'Done.' },
    );
    expect(await admin.call('act', { prompt: 'go', run, yolo: true, wait: true })).toMatchObject({ status: 200 });
    const sent = model.requests[1]!.body.messages;
    const result = String(sent.find(({ role }) => role === 'tool')?.content);
    expect(result).toContain(`it is ${shown}${stars(secret)}, ${stars(VALUE)} and`);
    await other.notice('stream/ended');
    const { turns: _turns, ...info } = await other.call<Record<string, unknown>>('getRun', { run });
    const contexts = [1, 2].map((turn) => other.call('getContext', { run, turn }));
    const seen = JSON.stringify([info, ...(await Promise.all(contexts)), await other.call('getEntries', { run }), other.notices]);
    expect(seen).toContain(`it is ${shown}${stars(secret)}`);
    for (const part of [secret.slice(9), VALUE]) expect(seen).not.toContain(part);
    const context = await admin.call<TurnContext>('getContext', { run, turn: 2 });
    const raw = async (path: string, from: number, to: number) => {
      const { body } = await admin.call<{ body: string }>('get', { run, path });
      return Buffer.from(body).subarray(from, to);
    };
    const { messages } = await rebuild(context, raw);
    expect(messages.find(({ role }) => role === 'tool')?.content).toBe(result);
  });
});
