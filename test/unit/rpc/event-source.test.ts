import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/core/clock.ts';
import { systemIds } from '../../../src/core/ids.ts';
import { CALLER_LIMITS } from '../../../src/model/caller-limits.ts';
import { Redaction } from '../../../src/redact/index.ts';
import { AuditLog } from '../../../src/rpc/server/audit.ts';
import { Begun } from '../../../src/rpc/server/begun.ts';
import { EventSources } from '../../../src/rpc/server/event-source/event-sources.ts';
import { RedactedEvents } from '../../../src/rpc/server/session/redacted-events.ts';
import { Turns } from '../../../src/rpc/server/session/turns.ts';
import { TokenUse } from '../../../src/rpc/server/token-use.ts';
import { HIGH_WATER_BYTES } from '../../../src/stream/index.ts';
import { TestEventSource } from '../../support/event-source.ts';
import { type RpcHarness, rpcHarness } from '../../support/rpc-harness.ts';
import { settled } from '../stream/harness.ts';

const PIECE = Buffer.alloc(64 * 1024, 'x');

let h: RpcHarness;
let http: Server;
let responses: ServerResponse[];
let client: TestEventSource | undefined;
beforeEach(async () => {
  h = await rpcHarness();
  responses = [];
  const logged = (facts: object, message: string) => void h.logged.push({ facts: { ...facts }, message });
  const logger = { debug: () => {}, info: () => {}, warn: logged, error: logged };
  const { runtime, streams, store } = h;
  const redaction = new Redaction();
  const audit = new AuditLog(store, logger, redaction);
  const redactedEvents = new RedactedEvents(redaction);
  const fixed = {
    clock: systemClock,
    limits: CALLER_LIMITS,
    turns: new Turns(systemClock, CALLER_LIMITS),
    begun: new Begun({ store, clock: systemClock, limits: CALLER_LIMITS }),
    ids: systemIds,
    version: '1',
    serverId: 'test',
    outputBytes: 0,
    survey: () => Promise.resolve([]),
    config: () => ({}),
    checkResults: false,
    leave: () => 0,
    tokenUse: new TokenUse({ tokens: store.tokens, clock: systemClock, logger }),
  };
  const sources = new EventSources({ runtime, streams, store, redaction, redactedEvents, audit, logger, ...fixed }, undefined);
  h.journal.onEvent((event) => sources.offer(event));
  http = createServer((request, response) => {
    responses.push(response);
    sources.serve(request, response, { name: 'test', scope: 'admin' });
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
});
afterEach(async () => {
  client?.close();
  const closed = once(http, 'close');
  http.close();
  await closed;
  await h.close();
});

async function open(path: string): Promise<TestEventSource> {
  client = await TestEventSource.open(`http://127.0.0.1:${(http.address() as AddressInfo).port}${path}`, {});
  return client;
}

const channel = (path: string) => open(`/runs/r1/channels/${encodeURIComponent(path)}`);
const buffered = () => responses[0]?.writableLength ?? 0;
const append = (path: string, bytes: Buffer = PIECE) => h.streams.append({ runId: h.run.id, path, channel: 1, bytes });

describe('{#transport_sse} a client that does not read', () => {
  it('of a channel costs no more than the mark and one piece, and gets every byte when it reads again', async () => {
    const { path } = h.accept('flood');
    const source = await channel(path);
    source.response.pause();
    let most = 0;
    for (let i = 0; i < 256; i++) {
      await append(path);
      await settled(1);
      most = Math.max(most, buffered());
    }
    expect(most).toBeGreaterThanOrEqual(HIGH_WATER_BYTES);
    // A piece that is read on from the store has 256 KiB at most.
    expect(most).toBeLessThan(HIGH_WATER_BYTES + 5 * PIECE.length);
    h.streams.completed(h.run.id, path, { exitCode: 0 });
    source.response.resume();
    await source.event('ended');
    expect(source.bytes().equals(Buffer.alloc(256 * PIECE.length, 'x'))).toBe(true);
  });

  it('of events costs no more than the mark and one event, and gets every one, in order', async () => {
    const source = await open('/runs/r1/events');
    source.response.pause();
    const text = 'e'.repeat(PIECE.length);
    let most = 0;
    for (let i = 0; i < 200; i++) {
      h.tell(`${i} ${text}`, 'r1');
      await settled(1);
      most = Math.max(most, buffered());
    }
    expect(most).toBeGreaterThanOrEqual(HIGH_WATER_BYTES);
    expect(most).toBeLessThan(HIGH_WATER_BYTES + 2 * PIECE.length);
    source.response.resume();
    const told = (one: TestEventSource) => one.events.filter(({ event }) => event === 'ui/notify');
    await source.until((one) => told(one).length === 200);
    expect(told(source).map(({ data }) => parseInt(String(data['text']), 10))).toEqual(Array.from({ length: 200 }, (_, i) => i));
  });
});

describe('{#transport_sse} a stream that cannot go on', () => {
  it('ends with an error that says how to go on; the cause is in the log alone', async () => {
    const { path } = h.accept('broken');
    const source = await channel(path);
    await append(path);
    await source.until((one) => one.bytes().length === PIECE.length);
    const { segments } = h.store.channels;
    h.store.channels.segments = () => {
      throw new Error('disk on fire');
    };
    source.response.pause();
    for (let i = 0; i < 200 && !h.logged.some(({ facts }) => facts['error'] === 'disk on fire'); i++) await append(path);
    source.response.resume();
    const { data } = await source.event('error');
    expect(data).toMatchObject({ code: -32603, message: expect.stringContaining('Last-Event-ID'), data: { name: 'internal' } });
    expect(JSON.stringify(data)).not.toContain('fire');
    await source.until(({ over }) => over === 'ended');
    h.store.channels.segments = segments;
  });

  it('of events ends with an error as well, and no other reader notices', async () => {
    const watcher = await h.join();
    const source = await open('/runs/r1/events');
    await source.event('replay/synced');
    const { byId } = h.store.runs;
    h.store.runs.byId = () => {
      throw new Error('disk on fire');
    };
    h.tell('x', 'r1');
    h.store.runs.byId = byId;
    expect((await source.event('error')).data).toMatchObject({ data: { name: 'internal' } });
    await source.until(({ over }) => over === 'ended');
    await watcher.until(({ params }) => params?.['text'] === 'x');
  });
});
