import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BuiltServer, serve } from '../support/built-server.ts';
import { fetchText } from '../support/event-source.ts';

/** What the sources of Headgate's design name, each line tried on the built server as a client would. */

let folder: string;
let root: string;
let server: BuiltServer;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'headgate-letter-'));
  root = join(folder, 'project');
  await mkdir(root);
  await writeFile(join(root, 'a.txt'), 'one\ntwo\n');
  server = await serve(join(folder, 'data'));
});

afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

const headers = () => ({ authorization: `Bearer ${server.token}`, 'headgate-project': root });
const call = (method: string, params?: object) => ({ jsonrpc: '2.0', id: 1, method, ...(params ? { params } : {}) });

async function post(body: unknown, more: Record<string, string> = {}) {
  const answer = await fetchText(`${server.http}/rpc`, {
    method: 'POST',
    headers: { ...headers(), ...more },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return { status: answer.status, answer: JSON.parse(answer.body) as Record<string, never> };
}

/** A stream of events, read to its end. */
async function streamed(method: string, params: object) {
  const { status, headers: sent, body } = await fetchText(`${server.http}/rpc`, {
    method: 'POST',
    headers: { ...headers(), accept: 'text/event-stream' },
    body: JSON.stringify(call(method, params)),
  });
  const events = body
    .split('\n\n')
    .map((block) => ({ event: /^event: (.*)$/m.exec(block)?.[1] ?? '', data: /^data: (.*)$/m.exec(block)?.[1] }))
    .filter(({ event }) => event !== '')
    .map(({ event, data }) => ({ event, data: JSON.parse(data ?? '{}') as Record<string, unknown> }));
  return { status, type: sent['content-type'], events };
}

describe('{#transport_http}', () => {
  it('A7: POST /rpc: the HTTP status follows the error of a single call, batches stay 200', async () => {
    const statuses = async (...bodies: unknown[]) => await Promise.all(bodies.map(async (body) => (await post(body)).status));
    expect(
      await statuses(
        call('ping'),
        '{',
        call('nope'),
        call('getRun', { run: 'nosuch' }),
        call('getRuns', { limit: 'many' }),
        call('sh', { run: 'nosuch', command: 'true' }),
        [call('nope'), call('ping')],
      ),
    ).toEqual([200, 400, 404, 404, 400, 404, 200]);
    await post(call('startRun', { model: 'scripted', alias: 'there' }));
    expect(await post(call('startRun', { model: 'scripted', alias: 'there' }))).toMatchObject({
      status: 409,
      answer: { error: { data: { name: 'alias_taken' } } },
    });
    expect(await post(call('sh', { run: 'there', command: 'true', backend: 'nosuch' }))).toMatchObject({ status: 501 });
    expect(await post(call('ping'), { authorization: 'Bearer wrong' })).toMatchObject({ status: 401 });
  });

  it('A7: Accept: text/event-stream on sh starts it and streams to its end in one request', async () => {
    await post(call('startRun', { model: 'scripted', alias: 'streamed' }));
    await post(call('policy/add', { decision: 'allow', rule: 'sh(*)' }));
    const { status, type, events } = await streamed('sh', { run: 'streamed', command: 'echo one; sleep 0.1; echo two >&2; exit 3' });
    expect([status, type]).toEqual([200, 'text/event-stream']);
    expect(events[0]).toMatchObject({ event: 'result', data: { run: 'streamed', path: expect.stringMatching(/^log:/) } });
    const output = events.filter(({ event }) => event === 'stream/chunk').map(({ data }) => [data['channel'], data['chunk']]);
    expect(output).toEqual([
      [1, 'one\n'],
      [2, 'two\n'],
    ]);
    expect(events.at(-1)).toMatchObject({ event: 'stream/ended', data: { exit_code: 3 } });
  });

  it('A7: Accept: text/event-stream on act streams the run to the end of its loop, and a refusal is JSON with its status', async () => {
    await post(call('startRun', { model: 'scripted', alias: 'acted' }));
    const { events } = await streamed('act', { prompt: 'hello', model: 'scripted', run: 'acted' });
    expect(events[0]).toMatchObject({ event: 'result', data: { run: 'acted', loop: 1 } });
    expect(events.at(-1)).toMatchObject({ event: 'run/state', data: { run: 'acted', loop: 1, status: 200 } });
    const refused = await post(call('act', { prompt: 'hello', model: 'nosuch' }), { accept: 'text/event-stream' });
    expect(refused).toMatchObject({ status: 404, answer: { id: 1, error: { data: { name: 'not_found' } } } });
    expect(await post(call('getRuns'), { accept: 'text/event-stream' })).toMatchObject({ status: 400 });
  });
});
