import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { dialIn } from '../../../src/compose/dial-in.ts';
import { ConnectionClosed, type FollowedChunk, RpcClient, RpcError } from '../../../src/rpc/client/index.ts';
import { type RpcHarness, rpcHarness } from '../../support/rpc-harness.ts';

let h: RpcHarness;
beforeEach(async () => {
  h = await rpcHarness();
});
afterEach(() => h.close());

const transport = () => dialIn({ accept: (channel) => void h.server.accept(channel) });

async function connect(): Promise<RpcClient> {
  const client = new RpcClient(transport());
  await client.call('init', { name: h.project.name, projectRoot: h.project.root });
  return client;
}

async function read(chunks: AsyncGenerator<FollowedChunk, unknown, void>): Promise<{ text: Record<number, string>; end: unknown }> {
  const parts: Record<number, Uint8Array[]> = {};
  const at: Record<number, number> = {};
  for (;;) {
    const next = await chunks.next();
    if (next.done) {
      const text = Object.fromEntries(
        Object.entries(parts).map(([channel, pieces]) => [channel, Buffer.concat(pieces).toString('latin1')]),
      );
      return { text, end: next.value };
    }
    const { channel, offset, bytes } = next.value;
    expect(offset).toBe(at[channel] ?? offset);
    at[channel] = offset + bytes.length;
    (parts[channel] ??= []).push(bytes);
  }
}

describe('{#client_call} the client', () => {
  it("answers results and throws the server's errors with code, name and facts", async () => {
    const client = await connect();
    expect(await client.call('ping', {})).toMatchObject({ pong: true });
    const error = await client.call('getRun', { run: 'nope' }).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(RpcError);
    expect(error).toMatchObject({ code: -32004, kind: 'not_found', data: { status: 404 } });
    expect((error as Error).message).toContain('nope');
  });

  it('hands notifications to who listens, until they are taken back, the greeting included', async () => {
    const client = new RpcClient(transport());
    const greeted = new Promise((resolve) => client.on('headgate/hello', resolve));
    expect(await greeted).toMatchObject({ version: '1.2.3' });
    await client.call('init', { name: h.project.name, projectRoot: h.project.root });
    const seen: string[] = [];
    const stop = client.on('ui/notify', ({ text }) => seen.push(text));
    h.tell('one');
    await client.call('ping', {});
    stop();
    h.tell('two');
    await client.call('ping', {});
    expect(seen).toEqual(['one']);
  });

  it('cancels a call when its signal is aborted', async () => {
    const client = await connect();
    const begun = new Promise<void>((resolve) => {
      h.runtime.prompt = () => {
        resolve();
        return new Promise(() => {});
      };
    });
    const abort = new AbortController();
    const call = client.call('act', { prompt: 'x', wait: true }, { signal: abort.signal }).catch((caught: unknown) => caught);
    await begun;
    abort.abort();
    expect(await call).toMatchObject({ kind: 'cancelled', code: -32800 });
    await expect(client.call('ping', {}, { signal: abort.signal })).rejects.toThrow();
  });

  it('ends every waiting call when the connection is gone, and those that come later', async () => {
    const client = await connect();
    h.runtime.prompt = () => new Promise(() => {});
    const call = client.call('act', { prompt: 'x', wait: true }).catch((caught: unknown) => caught);
    const closed = new Promise((resolve) => client.onClose(resolve));
    client.close();
    expect(await call).toBeInstanceOf(ConnectionClosed);
    await closed;
    expect(client.open).toBe(false);
    await expect(client.call('ping', {})).rejects.toBeInstanceOf(ConnectionClosed);
  });
});

describe('{#client_follow} following a producer', () => {
  it('brings both channels from the start to the end, and how it ended', async () => {
    const { path } = h.accept('build');
    const writer = await connect();
    await writer.call('stream', { run: 'r1', path, channel: 1, chunk: 'héllo ' });
    const reader = await connect();
    const reading = read(reader.follow('r1', path));
    await writer.call('stream', { run: 'r1', path, channel: 2, chunk: '//8=', encoding: 'base64' });
    await writer.call('stream', { run: 'r1', path, channel: 1, chunk: 'world' });
    await writer.call('stream/completed', { run: 'r1', path, exit_code: 0 });
    const { text, end } = await reading;
    expect(Buffer.from(text[1]!, 'latin1').toString()).toBe('héllo world');
    expect(text[2]).toBe('\u00ff\u00ff');
    expect(end).toMatchObject({ status: 200, exit_code: 0 });
  });

  it('begins at an offset, of one channel', async () => {
    const { path } = h.accept('build');
    const client = await connect();
    await client.call('stream', { run: 'r1', path, channel: 1, chunk: '0123456789' });
    await client.call('stream', { run: 'r1', path, channel: 2, chunk: 'not this' });
    await client.call('stream/completed', { run: 'r1', path });
    expect((await read(client.follow('r1', path, { channel: 1, from: 7 }))).text).toEqual({ 1: '789' });
  });

  it('of a slow reader loses and repeats nothing, and leaves the connection to others', async () => {
    const { path } = h.accept('flood');
    const writer = await connect();
    const reader = await connect();
    const chunks = reader.follow('r1', path);
    const line = '0123456789abcde\n';
    const first = chunks.next();
    for (let i = 0; i < 200; i++) await writer.call('stream', { run: 'r1', path, channel: 1, chunk: line.repeat(8192) });
    await writer.call('stream', { run: 'r1', path, channel: 2, chunk: 'the end' });
    await writer.call('stream/completed', { run: 'r1', path });
    expect(await reader.call('ping', {})).toMatchObject({ pong: true });
    const head = (await first).value as FollowedChunk;
    const { text, end } = await read(chunks);
    expect(Buffer.from(head.bytes).toString('latin1') + text[1]).toBe(line.repeat(8192 * 200));
    expect(text[2]).toBe('the end');
    expect(end).toMatchObject({ status: 200 });
  });

  it('stops when the reader stops, and its subscription is gone', async () => {
    const { path } = h.accept('build');
    const client = await connect();
    await client.call('stream', { run: 'r1', path, channel: 1, chunk: 'x' });
    for await (const { bytes } of client.follow('r1', path)) {
      expect(bytes).toHaveLength(1);
      break;
    }
    expect((await client.call('stream/subscribe', { run: 'r1', path })).subscription).toBeGreaterThan(1);
    await expect(client.call('stream/unsubscribe', { subscription: 1 })).rejects.toMatchObject({ kind: 'not_found' });
  });

  it('of something that is not there throws not_found', async () => {
    const client = await connect();
    await expect(client.follow('r1', 'log://turn_7/sh/none').next()).rejects.toMatchObject({ kind: 'not_found' });
  });

  it('throws when the connection is lost', async () => {
    const { path } = h.accept('build');
    const client = await connect();
    const next = client.follow('r1', path).next();
    await client.call('ping', {});
    client.close();
    await expect(next).rejects.toBeInstanceOf(ConnectionClosed);
  });
});
