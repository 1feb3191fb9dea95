import { writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { parseChannelPath } from '../../src/model/paths.ts';
import { WireClient } from '../support/built-server.ts';
import { cli } from '../support/cli.ts';
import { openWithModel } from '../support/live-model.ts';
import { LiveServer } from '../support/live-server.ts';
import type { OpenAiServer } from '../support/openai-server.ts';
import { type ReadBytes, rebuild, type TurnContext } from '../support/rebuild.ts';

const live = new LiveServer();
let model: OpenAiServer;

beforeAll(async () => {
  model = await openWithModel(live);
});
afterEach(() => live.closeClients());
afterAll(async () => {
  await live.close();
  await model.close();
});

const sh = (command: string, more: object = {}) => ({ name: 'sh', args: JSON.stringify({ command, ...more }) });

/** A client of the project that commands in its folder belong to. */
async function connect(): Promise<WireClient> {
  const client = await WireClient.connect(live.server);
  live.clients.push(client);
  await client.call('init', { name: basename(live.root), projectRoot: live.root, client: { name: 'test' } });
  return client;
}

/** Bytes of channels by `stream/read`, in the pages that it answers, and of other entries by `get`. */
const reader =
  (client: WireClient, run: string): ReadBytes =>
  async (path, from, to) => {
    const channel = parseChannelPath(path);
    if (!channel) return Buffer.from((await client.call<{ body: string }>('get', { run, path })).body).subarray(from, to);
    const { turn, action, slug } = channel;
    const params = { run, path: `log://turn_${turn}/${action}/${slug}`, channel: channel.channel };
    const parts: Buffer[] = [];
    for (let at = from; at < to; at += parts.at(-1)!.length) {
      const page = await client.call<{ chunk: string; encoding: BufferEncoding }>('stream/read', {
        ...params,
        from: at,
        max_bytes: to - at,
      });
      parts.push(Buffer.from(page.chunk, page.encoding));
      if (parts.at(-1)!.length === 0) break;
    }
    return Buffer.concat(parts);
  };

describe('{#context_record} over the wire, of a run that is over', () => {
  it('every request that the model got is made again from getContext and the stored bytes, also after a restart', async () => {
    await writeFile(join(live.root, 'AGENTS.md'), '# Rules\n\nBe brief.\n');
    const client = await connect();
    await client.call('addModel', { alias: 'm', actual: 'm', price: { input: 1, output: 1 } });
    const { run } = await client.call<{ run: string }>('startRun', { model: 'm', contextLimit: 16_000 });
    model.answer(
      { kind: 'say', text: 'Looking.', calls: [sh('seq 1 40000; echo oops >&2; exit 2')] },
      {
        kind: 'say',
        calls: [sh(String.raw`printf 'caf\351 \377\n\033[1mbold\033[0m\rover\n'`), sh('sleep 0.1; echo late', { yield_ms: 0 })],
      },
      { kind: 'say', calls: [sh('while [ ! -e never ]; do sleep 0.2; [ -e late ] || break; done; seq 1 9000')] },
      { kind: 'say', calls: [sh('seq 9000 18000')] },
      { kind: 'say', calls: [sh('seq 18000 27000')] },
      { kind: 'say', text: 'Done.' },
    );
    expect(await client.call('act', { prompt: 'go\n', run, yolo: true, wait: true })).toMatchObject({ status: 200 });
    expect(JSON.stringify(model.requests.at(-1)!.body)).toMatch(/\[reclaimed: .*late/);
    await live.crashAndStart();
    const later = await connect();
    expect(model.requests).toHaveLength(6);
    for (const [index, { body }] of model.requests.entries()) {
      const context = await later.call<TurnContext>('getContext', { run, turn: index + 1 });
      const again = await rebuild(context, reader(later, run));
      expect(again.messages).toEqual(body.messages);
      expect(again.tools).toEqual(body.tools);
      expect(context).toMatchObject({ requests: 1, usage: { inputTokens: 120, outputTokens: 30 }, cost: 150 / 1e6 });
    }

    const shown = await cli(['context', run, '--text'], { cwd: live.root, data: live.data });
    expect(shown.code).toBe(0);
    expect(shown.out).toMatch(/^turn 6 of m-1: \d+ messages, about [\d,]+ tokens; used 120 tokens in, 30 out, cost 0\.00015\n/);
    expect(shown.out).toMatch(/exact +prompt:\/\/loop_1\/user bytes 0 to 3\n/);
    expect(shown.out).toMatch(/ calls {4}sh \{"command":"seq 18000 27000"\}\n/);
  });

  it('{#cli_context} headgate context prints a turn for people and as JSON, and says what is wrong', async () => {
    const client = await connect();
    await writeFile(
      join(live.root, 'hi.yaml'),
      'steps:\n  - say: "hi \\u001b[31m"\n    calls:\n      - { tool: get, input: { path: "known://" } }\n',
    );
    await client.call('addModel', { alias: 'hi', actual: 'hi.yaml', provider: 'scripted' });
    const { run } = await client.call<{ run: string }>('ask', { prompt: 'hello', model: 'hi', wait: true });
    const print = (...args: string[]) => cli(['context', ...args], { cwd: live.root, data: live.data });
    const first = await print(run, '--turn', '1');
    expect(first.err).toBe('');
    expect(first.out).toMatch(/^turn 1 of hi-1: 3 messages, .*\ntools: env, wait, get/);
    expect(first.out).toContain('1. system');
    const json = JSON.parse((await print(run, '--json')).out) as TurnContext;
    expect(json).toMatchObject({ run, turn: 2, cost: null });
    const wrong = await print(run, '--turn', '9');
    expect(wrong.code).toBe(1);
    expect(wrong.err).toContain('its turns are 1 to 2');
  });
});
