import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { follow, type StreamEnd } from '../../../src/cli/follow.ts';
import { connectRuntime, type Runtime, type Transport } from '../../../src/rpc/client/index.ts';

const RUN = 'r';
const PATH = 'log://turn_0/sh/x';

type Request = { id?: number; method: string; params: { channel: number; from: number; subscription: number } };

/** One connection to the peer. */
class Link implements Transport {
  readonly #peer: Peer;
  readonly #subscriptions = new Map<number, { channel: number; at: number; told: boolean }>();
  #onMessage: (message: string) => void = () => {};
  #onClose: (reason: string) => void = () => {};
  #open = true;
  #next = 1;

  constructor(peer: Peer) {
    this.#peer = peer;
  }

  send(message: string): void {
    const request = JSON.parse(message) as Request;
    // The answer, and chunks right behind it, come later than the request, as over a socket.
    setImmediate(() => this.#answer(request));
  }

  onMessage(handler: (message: string) => void): void {
    this.#onMessage = handler;
  }

  onClose(handler: (reason: string) => void): void {
    this.#onClose = handler;
    if (!this.#open) handler('closed');
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#peer.links.delete(this);
    this.#onClose('closed');
  }

  /** Sends what is there; true when there may be more. */
  pump(): boolean {
    let more = false;
    for (const id of [...this.#subscriptions.keys()]) more = this.#deliver(id) || more;
    return more;
  }

  #answer({ id, method, params }: Request): void {
    if (!this.#open) return;
    const say = (rest: object) => this.#onMessage(JSON.stringify({ jsonrpc: '2.0', id, ...rest }));
    if (method !== 'stream/subscribe') {
      this.#subscriptions.delete(params.subscription);
      return say({ result: {} });
    }
    if (params.channel === 9) return say({ error: { code: -32004, message: 'no channel 9', data: { name: 'not_found' } } });
    const subscription = this.#next++;
    this.#peer.subscribed++;
    this.#subscriptions.set(subscription, { channel: params.channel, at: params.from, told: false });
    say({ result: { subscription, channels: [{ channel: params.channel, path: 'x', bytes: 0, status: 102, offset: params.from }] } });
    // On the same tick as the answer, as when both come in one read of a socket.
    this.#deliver(subscription);
    this.#peer.pump();
  }

  #deliver(id: number): boolean {
    const subscription = this.#subscriptions.get(id);
    if (!subscription || subscription.told) return false;
    const { channel, at } = subscription;
    const bytes = this.#peer.stored(channel).subarray(at, at + this.#peer.pieceBytes);
    const common = { subscription: id, run: RUN, path: PATH };
    const tell = (method: string, params: object) =>
      this.#onMessage(JSON.stringify({ jsonrpc: '2.0', method, params: { ...common, ...params } }));
    if (bytes.length > 0) {
      subscription.at += bytes.length;
      this.#peer.delivered += bytes.length;
      tell('stream/chunk', { channel, offset: at, chunk: bytes.toString('base64'), encoding: 'base64', at: 0 });
      return true;
    }
    if (!this.#peer.over) return false;
    subscription.told = true;
    tell('stream/ended', { seq: 1, status: 200, outcome: null, channels: [], exit_code: 0 });
    return false;
  }
}

/**
 * The server's side of stream subscriptions as the protocol has it, over stored bytes: a subscription is a cursor, chunks
 * may come right behind the answer, the end comes after the last byte, a restart forgets subscriptions.
 */
class Peer {
  readonly links = new Set<Link>();
  readonly pieceBytes: number;
  subscribed = 0;
  delivered = 0;
  over = false;
  down = false;
  readonly #stored = new Map<number, Buffer>();
  #pumping = false;

  constructor(pieceBytes: number) {
    this.pieceBytes = pieceBytes;
  }

  /** A runtime on this peer; without `resume` it does not outlive its connection. */
  connect(resume = true): Promise<Runtime> {
    const dial = () => {
      if (this.down) return Promise.reject(new Error('down'));
      const link = new Link(this);
      this.links.add(link);
      return Promise.resolve(link);
    };
    return connectRuntime(dial, resume ? { retryMs: 1 } : { giveUpMs: 0 });
  }

  stored(channel: number): Buffer {
    return this.#stored.get(channel) ?? Buffer.alloc(0);
  }

  store(channel: number, bytes: Buffer): void {
    this.#stored.set(channel, Buffer.concat([this.stored(channel), bytes]));
    this.pump();
  }

  end(): void {
    this.over = true;
    this.pump();
  }

  /** Every connection breaks. */
  restart(): void {
    for (const link of [...this.links]) link.close();
  }

  pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    setImmediate(() => {
      this.#pumping = false;
      let more = false;
      for (const link of [...this.links]) more = link.pump() || more;
      if (more) this.pump();
    });
  }
}

const tick = () => new Promise((resolve) => setImmediate(resolve));

function collect(session: Runtime, channels: Map<number, number>, slow: () => Promise<void> | void = () => {}) {
  const got = new Map<number, Buffer[]>();
  const end = follow(session, {
    run: RUN,
    path: PATH,
    channels,
    take: async (channel, bytes) => {
      await slow();
      got.set(channel, [...(got.get(channel) ?? []), bytes]);
    },
  });
  return { end, bytes: (channel: number) => Buffer.concat(got.get(channel) ?? []) };
}

describe('{#cli_follow} following a command', () => {
  it('gives every byte once and in order, then the end, over restarts of the server and however pieces fall', async () => {
    const step = fc.record({
      channel: fc.constantFrom(1, 2),
      size: fc.integer({ min: 1, max: 5000 }),
      restart: fc.boolean(),
      wait: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), fc.integer({ min: 1, max: 3000 }), async (steps, pieceBytes) => {
        const peer = new Peer(pieceBytes);
        const session = await peer.connect();
        const reader = collect(
          session,
          new Map([
            [1, 0],
            [2, 0],
          ]),
        );
        const expected = new Map([
          [1, Buffer.alloc(0)],
          [2, Buffer.alloc(0)],
        ]);
        for (const [index, { channel, size, restart, wait }] of steps.entries()) {
          const bytes = Buffer.from(Array.from({ length: size }, (_, at) => (at * 7 + index) % 256));
          expected.set(channel, Buffer.concat([expected.get(channel)!, bytes]));
          peer.store(channel, bytes);
          if (wait) await tick();
          if (restart) peer.restart();
        }
        peer.end();
        expect((await reader.end)?.exit_code).toBe(0);
        for (const channel of [1, 2]) expect(reader.bytes(channel).equals(expected.get(channel)!)).toBe(true);
        await session.close();
      }),
      { numRuns: 40 },
    );
  });

  it('begins at the offset that each channel is given', async () => {
    const peer = new Peer(100);
    peer.store(1, Buffer.from('0123456789'));
    peer.store(2, Buffer.from('abcdef'));
    peer.end();
    const reader = collect(
      await peer.connect(),
      new Map([
        [1, 4],
        [2, 6],
      ]),
    );
    await reader.end;
    expect([reader.bytes(1).toString(), reader.bytes(2).toString()]).toEqual(['456789', '']);
  });

  it('holds a few MiB for a slow reader, not the whole output, and goes on where it stopped', async () => {
    const peer = new Peer(256 * 1024);
    const whole = Buffer.alloc(24 * 1024 * 1024, 'headgate ');
    peer.store(1, whole);
    peer.end();
    let open: () => void = () => {};
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const reader = collect(await peer.connect(), new Map([[1, 0]]), () => gate);
    // Until nothing more is delivered: it has given up its subscription.
    for (let still = 0, before = -1; still < 50; still++) {
      await tick();
      if (before !== peer.delivered) still = 0;
      before = peer.delivered;
    }
    expect(peer.delivered).toBeLessThan(6 * 1024 * 1024);
    open();
    await reader.end;
    expect(reader.bytes(1).equals(whole)).toBe(true);
    expect(peer.subscribed).toBeGreaterThan(1);
  });

  it('ends with the error of the server, of the reader, or of a connection that is gone for good', async () => {
    const peer = new Peer(10);
    await expect(collect(await peer.connect(), new Map([[9, 0]])).end).rejects.toThrow('no channel 9');
    const waiting = collect(await peer.connect(false), new Map([[1, 0]]));
    await tick();
    peer.restart();
    await expect(waiting.end).rejects.toThrow('the connection to the server is gone');
    peer.store(1, Buffer.from('x'));
    await expect(collect(await peer.connect(), new Map([[1, 0]]), () => Promise.reject(new Error('disk full'))).end).rejects.toThrow(
      'disk full',
    );
  });

  it('stops when asked to', async () => {
    const peer = new Peer(10);
    const stop = new AbortController();
    const session = await peer.connect();
    const end: Promise<StreamEnd | undefined> = follow(session, {
      run: RUN,
      path: PATH,
      channels: new Map([[1, 0]]),
      take: () => {},
      signal: stop.signal,
    });
    await tick();
    stop.abort();
    expect(await end).toBeUndefined();
  });
});
