import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { everyRun } from '../../../src/model/sight.ts';
import { SessionEvents } from '../../../src/rpc/server/session/session-events.ts';
import { SessionStreams } from '../../../src/rpc/server/session/session-streams.ts';
import { memoryPair } from '../../../src/rpc/server/transports/memory.ts';
import { type RpcHarness, rpcHarness, TestPeer } from '../../support/rpc-harness.ts';
import { settled } from '../stream/harness.ts';

let h: RpcHarness;
let events: SessionEvents;
let streams: SessionStreams;
let client: TestPeer;
beforeEach(async () => {
  h = await rpcHarness();
  const { channel, peer } = memoryPair();
  client = new TestPeer(peer);
  let id = 0;
  const nextId = () => ++id;
  streams = new SessionStreams({
    streams: h.streams,
    channel,
    nextId,
    unpaid: (event) => events.tell(event),
    runIdOf: () => h.run.id,
    passed: () => events.passed,
  });
  events = new SessionEvents({
    sight: everyRun(h.project.id),
    store: h.store.events,
    channel,
    nextId,
    leftToStream: (event) => streams.takes(event),
  });
  h.journal.onEvent((event) => events.offer(event));
  events.start();
});
afterEach(async () => {
  streams.close();
  events.close();
  await h.close();
});

function follow(pattern = 'log://**'): number {
  const { projectId, id: runId, alias: run } = h.run;
  const request = {
    projectId,
    runId,
    run,
    path: undefined,
    pattern,
    channel: undefined,
    from: 'start',
    format: 'raw',
    carriage: 'json',
    redact: false,
  } as const;
  const { subscription, start } = streams.subscribe(request);
  start();
  return subscription.id;
}

function command(slug: string): void {
  const { path } = h.accept(slug);
  h.streams.completed(h.run.id, path, { exitCode: 0 });
}

const ends = () => client.notices('stream/ended').map(({ path, subscription }) => [path, subscription]);

describe('{#subscribe} what a connection remembers of ends that come both as an event and from a subscription', () => {
  it('is nothing once both have come by, also while it has an event subscription', async () => {
    const events1 = events.subscribe(undefined, undefined);
    events1.start();
    const stream = follow();
    for (let i = 0; i < 20; i++) command(`c${i}`);
    await settled();
    expect(ends().filter(([, subscription]) => subscription === stream)).toHaveLength(20);
    expect(ends().filter(([, subscription]) => subscription === events1.subscription)).toHaveLength(20);
    expect(streams.pendingEnds).toBe(0);
  });

  it('is nothing of commands that had ended before it subscribed', async () => {
    for (let i = 0; i < 20; i++) command(`c${i}`);
    const stream = follow();
    await settled();
    expect(ends().filter(([, subscription]) => subscription === stream)).toHaveLength(20);
    expect(streams.pendingEnds).toBe(0);
  });

  it('is nothing where several subscriptions follow the same command', async () => {
    const ids = [follow(), follow(), follow('log://turn_0/**')];
    for (let i = 0; i < 20; i++) command(`c${i}`);
    await settled();
    for (const id of ids) expect(ends().filter(([, subscription]) => subscription === id)).toHaveLength(20);
    expect(ends()).toHaveLength(60);
    expect(streams.pendingEnds).toBe(0);
  });
});
