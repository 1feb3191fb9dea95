import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HIGH_WATER_BYTES } from '../../../src/stream/index.ts';
import { type Json, type RpcHarness, rpcHarness, type TestPeer } from '../../support/rpc-harness.ts';
import { settled } from '../stream/harness.ts';

let h: RpcHarness;
beforeEach(async () => {
  h = await rpcHarness();
});
afterEach(() => h.close());

interface Subscribed {
  subscription: number;
  channels: { channel: number; offset: number; bytes: number; status: number }[];
}

function received(client: TestPeer, subscription: number, channel = 1): string {
  return client
    .notices('stream/chunk')
    .filter((one) => one['subscription'] === subscription && one['channel'] === channel)
    .map((one) => Buffer.from(one['chunk'] as string, one['encoding'] as BufferEncoding).toString('latin1'))
    .join('');
}

const methodsOf = (client: TestPeer, subscription: number) =>
  client.messages.filter(({ params }) => params?.['subscription'] === subscription).map(({ method }) => method);

describe('{#stream_subscribe} a stream subscription', () => {
  it('answers its id first, then brings every byte, then the end', async () => {
    const { path } = h.accept('build');
    const client = await h.join();
    await client.call('stream', { run: 'r1', path, channel: 1, chunk: 'early ' });
    const { subscription, channels } = await client.call<Subscribed>('stream/subscribe', { run: 'r1', path });
    expect(channels.map(({ channel, offset, bytes, status }) => [channel, offset, bytes, status])).toEqual([
      [1, 0, 6, 102],
      [2, 0, 0, 102],
    ]);
    await client.call('stream', { run: 'r1', path, channel: 1, chunk: 'late ' });
    await client.call('stream', { run: 'r1', path, channel: 2, chunk: 'oops' });
    await client.call('stream/completed', { run: 'r1', path, exit_code: 3 });
    const { params } = await client.until(({ method, params }) => method === 'stream/ended' && params?.['subscription'] === subscription);
    expect(params).toMatchObject({ run: 'r1', path, status: 500, outcome: 'exit:3', exit_code: 3, seq: expect.any(Number) });
    expect(received(client, subscription)).toBe('early late ');
    expect(received(client, subscription, 2)).toBe('oops');
    expect(methodsOf(client, subscription).at(-1)).toBe('stream/ended');
    const answer = client.messages.findIndex(({ result }) => (result as Json | undefined)?.['subscription'] === subscription);
    expect(client.messages.findIndex(({ method }) => method === 'stream/chunk')).toBeGreaterThan(answer);
  });

  it('is where stream/ended comes from: the session is told once, after the last chunk', async () => {
    const { path } = h.accept('build');
    const client = await h.join();
    const watcher = await h.join();
    const { subscription } = await client.call<Subscribed>('stream/subscribe', { run: 'r1', path });
    await client.call('stream', { run: 'r1', path, channel: 1, chunk: 'x'.repeat(500_000) });
    await client.call('stream/completed', { run: 'r1', path });
    await client.until(({ method }) => method === 'stream/ended');
    await watcher.until(({ method }) => method === 'stream/ended');
    await settled();
    expect(client.notices('stream/ended').map((one) => one['subscription'])).toEqual([subscription]);
    expect(watcher.notices('stream/ended').map((one) => one['subscription'])).toEqual([undefined]);
  });

  it('that is ended before it could tell the end leaves the telling to the session', async () => {
    const { path } = h.accept('build');
    const writer = await h.join();
    const client = await h.join();
    const { subscription } = await client.call<Subscribed>('stream/subscribe', { run: 'r1', path });
    client.stall();
    for (let i = 0; i < 8; i++) await writer.call('stream', { run: 'r1', path, channel: 1, chunk: 'x'.repeat(1_000_000) });
    await writer.call('stream/completed', { run: 'r1', path });
    client.peer.send({ jsonrpc: '2.0', id: 'u', method: 'stream/unsubscribe', params: { subscription } });
    // It is begun in its turn, while the client still takes nothing.
    await settled();
    client.goOn();
    await client.until(({ id }) => id === 'u');
    await client.until(({ method }) => method === 'stream/ended');
    await settled();
    expect(client.notices('stream/ended').map((one) => one['subscription'])).toEqual([undefined]);
  });

  it('over a pattern takes in what is started later', async () => {
    const client = await h.join();
    const { subscription, channels } = await client.call<Subscribed>('stream/subscribe', { run: 'r1', pattern: 'log://**' });
    expect(channels).toEqual([]);
    const { path } = h.accept('later');
    await client.call('stream', { run: 'r1', path, channel: 1, chunk: 'here' });
    await client.until(({ method }) => method === 'stream/chunk');
    expect(received(client, subscription)).toBe('here');
  });

  it('needs either a path or a pattern, a format that there is, and a log entry that exists', async () => {
    const { path } = h.accept('x');
    const client = await h.join();
    expect((await client.ask('stream/subscribe', { run: 'r1' })).error?.data).toMatchObject({ name: 'invalid_params', field: 'path' });
    expect((await client.ask('stream/subscribe', { run: 'r1', path, pattern: '**' })).error?.data['name']).toBe('invalid_params');
    expect((await client.ask('stream/subscribe', { run: 'r1', path, format: 'screen' })).error?.data['name']).toBe('unsupported');
    expect((await client.ask('stream/subscribe', { run: 'r1', path: 'log://turn_9/sh/none' })).error?.data['name']).toBe('not_found');
    expect((await client.ask('stream/subscribe', { run: 'nope', path })).error?.data['name']).toBe('not_found');
  });

  it('is ended by stream/unsubscribe, once, and with the connection', async () => {
    const { path } = h.accept('x');
    const client = await h.join();
    const { subscription } = await client.call<Subscribed>('stream/subscribe', { run: 'r1', path });
    await client.call('stream/unsubscribe', { subscription });
    await client.call('stream', { run: 'r1', path, channel: 1, chunk: 'unheard' });
    await settled();
    expect(client.notices('stream/chunk')).toEqual([]);
    expect((await client.ask('stream/unsubscribe', { subscription })).error?.data['name']).toBe('not_found');
    expect((await client.ask('unsubscribe', { subscription })).error?.data['name']).toBe('not_found');
  });
});

describe('{#stream_format} format text', () => {
  it('brings text without escape sequences, a sequence split over chunks included, and numbers it by stored bytes', async () => {
    const { path } = h.accept('colour');
    const client = await h.join();
    const { subscription } = await client.call<Subscribed>('stream/subscribe', { run: 'r1', path, format: 'text' });
    for (const chunk of ['\u001b[3', '1mred\u001b[', '0m done']) await client.call('stream', { run: 'r1', path, channel: 1, chunk });
    await client.call('stream', { run: 'r1', path, channel: 2, chunk: Buffer.from([0x61, 0xff]).toString('base64'), encoding: 'base64' });
    await client.call('stream/completed', { run: 'r1', path });
    await client.until(({ method }) => method === 'stream/ended');
    const chunks = client.notices('stream/chunk');
    expect(
      chunks
        .filter(({ channel }) => channel === 1)
        .map(({ chunk }) => chunk)
        .join(''),
    ).toBe('red done');
    expect(
      chunks
        .filter(({ channel }) => channel === 2)
        .map(({ chunk }) => chunk)
        .join(''),
    ).toBe('a\ufffd');
    expect(chunks.every((one) => one['encoding'] === 'utf8' && one['subscription'] === subscription)).toBe(true);
    expect(chunks[0]).toMatchObject({ chunk: 'red', offset: 3 });
  });
});

describe('{#stream_backpressure} a client that does not read', () => {
  it('costs no more than the high-water mark, gets every byte later, and slows no other', async () => {
    const { path } = h.accept('flood');
    const writer = await h.join();
    const slow = await h.join();
    const quick = await h.join();
    const mine = await slow.call<Subscribed>('stream/subscribe', { run: 'r1', path });
    const theirs = await quick.call<Subscribed>('stream/subscribe', { run: 'r1', path });
    slow.stall();
    const piece = `${'0123456789abcde\n'.repeat(4096)}`;
    for (let i = 0; i < 160; i++) await writer.call('stream', { run: 'r1', path, channel: 1, chunk: piece });
    await writer.call('stream/completed', { run: 'r1', path });
    await quick.until(({ method }) => method === 'stream/ended');
    expect(received(quick, theirs.subscription).length).toBe(160 * piece.length);
    expect(slow.peer.waitingBytes()).toBeLessThan(HIGH_WATER_BYTES + 512 * 1024);
    slow.goOn();
    await slow.until(({ method }) => method === 'stream/ended');
    expect(received(slow, mine.subscription)).toBe(piece.repeat(160));
  });

  it('feeds every subscription of one connection, not only the first', async () => {
    const paths = ['a', 'b', 'c'].map((slug) => h.accept(slug).path);
    const writer = await h.join();
    for (const path of paths)
      for (let i = 0; i < 6; i++) await writer.call('stream', { run: 'r1', path, channel: 1, chunk: 'y'.repeat(1_000_000) });
    const client = await h.join();
    const ids: number[] = [];
    for (const path of paths) ids.push((await client.call<Subscribed>('stream/subscribe', { run: 'r1', path, channel: 1 })).subscription);
    const got = new Map(ids.map((id) => [id, 0]));
    await client.until(({ method, params }) => {
      if (method === 'stream/chunk') {
        const id = params?.['subscription'] as number;
        got.set(id, (params?.['offset'] as number) + (params?.['chunk'] as string).length);
      }
      return ids.every((id) => got.get(id) === 6_000_000);
    });
  });
});

describe('{#chunk_encoding} a chunk', () => {
  it('that is not base64, or text with half a character, is refused and nothing is stored', async () => {
    const { path } = h.accept('x');
    const client = await h.join();
    for (const chunk of ['abc', 'ab=c', '!!!!', 'YQ==YQ==']) {
      expect((await client.ask('stream', { run: 'r1', path, channel: 1, chunk, encoding: 'base64' })).error?.data, chunk).toMatchObject({
        name: 'invalid_params',
        field: 'chunk',
      });
    }
    expect((await client.ask('stream', { run: 'r1', path, channel: 1, chunk: 'half \ud83d' })).error?.data).toMatchObject({
      name: 'invalid_params',
      field: 'chunk',
    });
    expect(await client.call('stream', { run: 'r1', path, channel: 1, chunk: '\ufffd', offset: 0 })).toMatchObject({ offset: 0, bytes: 3 });
  });

  it('over the limit is too_large', async () => {
    const { path } = h.accept('x');
    const client = await h.join();
    const { error } = await client.ask('stream', { run: 'r1', path, channel: 1, chunk: 'z'.repeat(8 * 1024 * 1024 + 1) });
    expect(error?.data).toMatchObject({ name: 'too_large', field: 'chunk' });
  });

  it('comes back byte for byte, whatever the bytes are', async () => {
    const { path } = h.accept('bytes');
    const client = await h.join();
    const bytes = Buffer.from(Array.from({ length: 512 }, (_, i) => (i * 37) & 255));
    await client.call('stream', { run: 'r1', path, channel: 1, chunk: bytes.toString('base64'), encoding: 'base64' });
    const read = await client.call<{ chunk: string; encoding: BufferEncoding }>('stream/read', { run: 'r1', path, channel: 1 });
    expect(Buffer.from(read.chunk, read.encoding).equals(bytes)).toBe(true);
    const { subscription } = await client.call<Subscribed>('stream/subscribe', { run: 'r1', path });
    await client.call('stream/completed', { run: 'r1', path });
    await client.until(({ method }) => method === 'stream/ended');
    expect(Buffer.from(received(client, subscription), 'latin1').equals(bytes)).toBe(true);
  });
});
