import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RpcClient } from '../../src/rpc/client/index.ts';
import { connectUnixSocket } from '../../src/rpc/node/unix-socket.ts';
import type { ResultOf } from '../../src/rpc/protocol/table.ts';
import { startHeadgate } from '../support/server.ts';

let headgate: Awaited<ReturnType<typeof startHeadgate>>;
beforeAll(async () => {
  headgate = await startHeadgate();
});
afterAll(() => headgate.close());

describe('{#shapes} a whole server', () => {
  it('answers in the shapes of its table, from a run to the receipt of a cancelled command', async () => {
    const client = await headgate.connect();
    const { run } = await client.call<ResultOf<'startRun'>>('startRun', { model: 'scripted', alias: 'whole' });
    const proposed = await client.call<ResultOf<'sh'>>('sh', {
      run,
      command: 'echo out; echo err >&2; read line; echo "got $line"; exit 3',
    });
    expect(proposed.status).toBe(202);
    expect(await client.call('getProposals', { run })).toHaveLength(1);
    const resolution = { path: proposed.path, action: 'accept' };
    expect((await client.call<ResultOf<'run/resolve'>>('run/resolve', { run, resolution })).channels).toHaveLength(2);
    await expect(client.call('run/resolve', { run, resolution })).rejects.toMatchObject({
      code: -32005,
      data: { name: 'proposal_resolved' },
    });
    const { subscription } = await client.call<ResultOf<'stream/subscribe'>>('stream/subscribe', { run, path: proposed.path });
    await client.notice('stream/chunk', ({ channel }) => channel === 1);
    expect(await client.call('stream/list', { run, state: 'live' })).toHaveLength(1);
    await client.call('stream/input', { run, path: proposed.path, chunk: 'hello\n' });
    expect(await client.notice('stream/ended', (end) => end['subscription'] === subscription)).toMatchObject({
      status: 500,
      outcome: 'exit:3',
      exit_code: 3,
    });
    expect(client.received(proposed.path, 1).toString()).toBe('out\ngot hello\n');
    expect(client.received(proposed.path, 2).toString()).toBe('err\n');

    const long = await client.call<ResultOf<'sh'>>('sh', { run, command: 'sleep 60' });
    await client.call('run/resolve', { run, resolution: { path: long.path, action: 'accept' } });
    await client.call('stream/cancel', { run, path: long.path, reason: 'enough' });
    await expect
      .poll(async () => (await client.call<ResultOf<'stream/receipt'>>('stream/receipt', { run, path: long.path })).receipt?.finishedAt)
      .toEqual(expect.any(Number));

    for (const [method, params] of [
      ['getModels', {}],
      ['getRuns', {}],
      ['getRun', { run }],
      ['getEntries', { run }],
      ['get', { run, path: proposed.path }],
      ['stream/list', {}],
      ['set', { run, path: 'known://notes', body: 'x' }],
      ['cp', { run, path: 'known://notes', to: 'known://more' }],
      ['mv', { run, path: 'known://more', to: 'known://last' }],
      ['rm', { run, path: 'known://last' }],
      ['run/config', { run, temperature: 1 }],
      ['run/validate', { prompt: 'x', model: 'scripted' }],
      ['stream/read', { run, path: proposed.path, channel: 1, lines: { last: 1 } }],
      ['run/inject', { run, message: 'note' }],
      ['run/rename', { run, name: 'renamed' }],
      ['run/delete', { run: 'renamed' }],
    ] as const) {
      await client.call(method, params).catch((error: unknown) => {
        throw new Error(`${method}: ${String(error)}`, { cause: error });
      });
    }
    await client.close();
  });

  it('runs a prompt to its end while the client waits, over the unix socket', async () => {
    const client = new RpcClient(await connectUnixSocket(headgate.server.socket));
    await client.call('init', { name: 'test', projectRoot: headgate.root });
    const answer = await client.call('act', { prompt: 'hello', model: 'scripted', wait: true, yolo: true });
    expect([200, 499, 500]).toContain(answer.status);
    expect((await client.call('getRun', { run: answer.run })).loops).toHaveLength(1);
    expect((await client.call('getContext', { run: answer.run })).pieces.length).toBeGreaterThan(0);
    client.close();
  });

  it('describes itself with its own version', async () => {
    const client = await headgate.connect(false);
    expect(await client.call('rpc.discover')).toMatchObject({ openrpc: '1.3.2', info: { version: '1.2.3' } });
    expect(client.notices[0]).toMatchObject({ method: 'headgate/hello', params: { version: '1.2.3' } });
    await client.close();
  });
});
