import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { dialIn } from '../../../src/compose/dial-in.ts';
import { connectRuntime, type Runtime, type Transport } from '../../../src/rpc/client/index.ts';
import { type RpcHarness, rpcHarness } from '../../support/rpc-harness.ts';
import { propose } from '../../support/temp-store.ts';

let h: RpcHarness;
let opened: Runtime[];
beforeEach(async () => {
  h = await rpcHarness();
  opened = [];
});
afterEach(async () => {
  for (const runtime of opened) await runtime.close();
  await h.close();
});

/** A client whose connection is cut, and cannot be made again while `away`. */
async function connect() {
  const state = { away: false, cut: () => {} };
  const dial = async () => {
    if (state.away) throw new Error('away');
    const transport = dialIn({ accept: (channel) => void h.server.accept(channel) });
    state.cut = () => transport.close();
    return transport;
  };
  const runtime = await connectRuntime(dial, { project: { name: h.project.name, root: h.project.root }, retryMs: 5 });
  opened.push(runtime);
  const leave = async () => {
    const gone = new Promise<void>((resolve) => runtime.onConnection(({ open }) => open || resolve()));
    state.away = true;
    state.cut();
    await gone;
  };
  const comeBack = async () => {
    const back = new Promise<void>((resolve) => runtime.onConnection(({ open }) => open && resolve()));
    state.away = false;
    await back;
  };
  return { runtime, leave, comeBack };
}

/** A server that answers `init`, and nothing else, as long as it is willing. */
function silentServer(willing: () => boolean, ended: () => void): Transport & { end(): void } {
  let message = (_text: string): void => {};
  let closed = (_reason: string): void => {};
  const end = () => {
    ended();
    closed('gone');
  };
  return {
    send: (text) => {
      const { id } = JSON.parse(text) as { id: number };
      if (willing()) setImmediate(() => message(JSON.stringify({ jsonrpc: '2.0', id, result: { lastSeq: 0, madeAt: 1 } })));
    },
    onMessage: (handler) => {
      message = handler;
    },
    onClose: (handler) => {
      closed = handler;
    },
    close: end,
    end,
  };
}

const FLOOD = '0123456789abcde\n'.repeat(8192);

async function flood(path: string, times: number): Promise<void> {
  const { runtime: writer } = await connect();
  for (let i = 0; i < times; i++) await writer.call('stream', { run: 'r1', path, channel: 1, chunk: FLOOD });
}

describe('{#client_follow} a reader', () => {
  it('that is aborted gets nothing more, also of what had come', async () => {
    const { path } = h.accept('flood');
    await flood(path, 40);
    const { runtime } = await connect();
    const abort = new AbortController();
    const chunks = runtime.follow('r1', path, { signal: abort.signal });
    await chunks.next();
    abort.abort(new Error('enough'));
    await expect(chunks.next()).rejects.toThrow('enough');
  });

  it('of what is live, of a command that was accepted while the connection was away, gets all that it wrote', async () => {
    const { runtime, leave, comeBack } = await connect();
    const entry = propose(h.store, h.run, 'later');
    const chunks = runtime.follow('r1', entry.path, { from: 'live' });
    const next = chunks.next();
    await runtime.call('ping', {});
    await leave();
    h.open(entry);
    const { runtime: writer } = await connect();
    await writer.call('stream', { run: 'r1', path: entry.path, channel: 1, chunk: 'from the first byte' });
    await comeBack();
    const { value } = await next;
    expect(value).toMatchObject({ channel: 1, offset: 0 });
    expect(Buffer.from((value as { bytes: Uint8Array }).bytes).toString()).toBe('from the first byte');
    await chunks.return?.(undefined as never);
  });

  it('in the process of the server leaves timers their turn, however much there is to read', async () => {
    const { path } = h.accept('flood');
    await flood(path, 100);
    const { runtime } = await connect();
    let ticks = 0;
    const timer = setInterval(() => void ticks++, 1);
    let read = 0;
    for await (const { bytes } of runtime.follow('r1', path)) if ((read += bytes.length) >= 100 * FLOOD.length) break;
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(0);
  });
});

describe('{#client_events} events', () => {
  it('asked for while the connection is away begin with the call', async () => {
    const { runtime, leave, comeBack } = await connect();
    await leave();
    const events = runtime.events();
    h.tell('meanwhile');
    await comeBack();
    for await (const event of events) {
      if (event.name !== 'ui/notify') continue;
      expect(event.params.text).toBe('meanwhile');
      break;
    }
  });
});

describe('{#client_reconnect} a server', () => {
  it('that ends each connection as soon as it is there is not dialled without a pause, and given up in time', async () => {
    let dials = 0;
    const dial = async () => {
      dials++;
      const server = silentServer(
        () => true,
        () => {},
      );
      setTimeout(() => server.end(), 1);
      return server;
    };
    const runtime = await connectRuntime(dial, { project: { name: 'p', root: '/' }, retryMs: 50, giveUpMs: 500 });
    await new Promise<void>((resolve) => runtime.onConnection(({ final }) => final && resolve()));
    expect(dials).toBeGreaterThan(2);
    expect(dials).toBeLessThan(20);
  });

  it('that does not answer a new connection is let go of with the runtime', async () => {
    let willing = true;
    let ended = 0;
    const servers: ReturnType<typeof silentServer>[] = [];
    let dialled = () => {};
    const dial = async () => {
      servers.push(
        silentServer(
          () => willing,
          () => void ended++,
        ),
      );
      dialled();
      return servers.at(-1)!;
    };
    const runtime = await connectRuntime(dial, { project: { name: 'p', root: '/' }, retryMs: 5 });
    willing = false;
    const again = new Promise<void>((resolve) => {
      dialled = resolve;
    });
    servers[0]!.end();
    await again;
    await new Promise((resolve) => setImmediate(resolve));
    await runtime.close();
    expect(ended).toBe(2);
  });
});
