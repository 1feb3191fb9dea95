import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { KillReceipt } from '../../../src/model/records.ts';
import { Connection, harness } from './harness.ts';

let h: Awaited<ReturnType<typeof harness>>;
beforeEach(async () => {
  h = await harness();
});
afterEach(async () => {
  h.streams.close();
  await h.close();
});

const write = (path: string, text: string, channel = 1) => h.streams.append({ runId: h.run.id, path, channel, bytes: Buffer.from(text) });
const entryOf = (path: string) => {
  const entry = h.store.entries.get(h.run.id, path);
  if (!entry) throw new Error(`no ${path}`);
  return entry;
};

describe('{#accept} acceptance', () => {
  it('shows the command in the log entry and two channels at 102', () => {
    const { path } = h.accept('build');
    expect(entryOf(path)).toMatchObject({ status: 102, body: expect.stringContaining('$ run build') });
    expect(entryOf('sh://turn_0/build_1')).toMatchObject({ status: 102, category: 'data', scheme: 'sh', bytes: 0 });
    expect(entryOf('sh://turn_0/build_2')).toMatchObject({ status: 102 });
    expect(h.events.map((event) => event.type)).toContain('stream/started');
  });

  it('asks the runner only after the acceptance is stored', () => {
    const { id } = h.accept('a', 'embedded');
    expect(h.runner.started.map((producer) => producer.entryId)).toEqual([id]);
    expect(h.store.producers.get(id)?.state).toBe('queued');
  });

  it('cannot be done twice', () => {
    const entry = h.accept('a');
    const again = () =>
      h.journal.commit('durable', (tx) =>
        h.streams.open(tx, entryOf(entry.path), {
          backend: 'process',
          runner: 'client',
          channels: [1],
          spec: { command: 'x', cwd: '/', env: {}, stdin: false },
        }),
      );
    expect(again).toThrow(expect.objectContaining({ kind: 'illegal_transition' }));
  });
});

describe('{#stream_completed} completion', () => {
  it('exit 0 gives 200 on the log entry and on every channel', async () => {
    const { path } = h.accept('a');
    await write(path, 'out\n');
    expect(h.streams.completed(h.run.id, path, { exitCode: 0, durationMs: 1500 })).toEqual([
      { channel: 1, path: 'sh://turn_0/a_1', bytes: 4, status: 200 },
      { channel: 2, path: 'sh://turn_0/a_2', bytes: 0, status: 200 },
    ]);
    expect(entryOf(path)).toMatchObject({ status: 200, outcome: null, attributes: { exit_code: 0, duration_ms: 1500 } });
    expect(entryOf(path).body).toBe('$ run a\nexit 0 after 1.5 s\nstdout: 4 bytes in sh://turn_0/a_1\nstderr: 0 bytes in sh://turn_0/a_2');
  });

  it('exit 3 gives 500 and the outcome exit:3', async () => {
    const { path } = h.accept('a');
    await write(path, 'x');
    const channels = h.streams.completed(h.run.id, path, { exitCode: 3 });
    expect(channels.map((channel) => channel.status)).toEqual([500, 500]);
    expect(entryOf(path)).toMatchObject({ status: 500, outcome: 'exit:3', body: expect.stringContaining('exit 3') });
    expect(entryOf('sh://turn_0/a_1')).toMatchObject({ status: 500, outcome: 'exit:3' });
  });

  it('a signal gives 500 and its name', () => {
    const { path } = h.accept('a');
    h.streams.completed(h.run.id, path, { exitCode: 137 });
    expect(entryOf(path)).toMatchObject({ status: 500, outcome: 'signal:SIGKILL' });
  });

  it('repeated with the same facts answers the same; with others it is refused with the terminal status', () => {
    const { path } = h.accept('a');
    const first = h.streams.completed(h.run.id, path, { exitCode: 0 });
    expect(h.streams.completed(h.run.id, path, { exitCode: 0 })).toEqual(first);
    expect(() => h.streams.completed(h.run.id, path, { exitCode: 1 })).toThrow(
      expect.objectContaining({ kind: 'stream_closed', facts: expect.objectContaining({ terminal_status: 200 }) }),
    );
  });

  it('refuses every write after the end', async () => {
    const { path } = h.accept('a');
    await write(path, 'x');
    h.streams.completed(h.run.id, path, { exitCode: 0 });
    await expect(write(path, 'late')).rejects.toMatchObject({ kind: 'stream_closed', facts: { terminal_status: 200 } });
    expect(h.streams.read({ runId: h.run.id, path, channel: 1 }).data.toString()).toBe('x');
  });

  it('stores a chunk that still waits for its commit before it ends', async () => {
    const { path } = h.accept('a');
    const going = write(path, 'last words');
    h.streams.completed(h.run.id, path, { exitCode: 0 });
    await going;
    expect(h.streams.read({ runId: h.run.id, path, channel: 1 }).data.toString()).toBe('last words');
  });

  it('names the processes that a command left in the background', async () => {
    const entry = h.accept('a', 'embedded');
    h.streams.link.started(entry.id, 1, { pid: 1 });
    await h.streams.link.completed(entry.id, 1, { exitCode: 0, signal: null, durationMs: 5, detached: [4242] });
    expect(entryOf(entry.path)).toMatchObject({ status: 200, outcome: 'detached', body: expect.stringContaining('4242') });
  });
});

describe('{#stream_aborted} abortion', () => {
  it('gives 499 and keeps what was streamed', async () => {
    const { path } = h.accept('a');
    await write(path, 'some');
    expect(h.streams.aborted(h.run.id, path, { reason: 'bored', by: 'vi' }).map((channel) => channel.status)).toEqual([499, 499]);
    expect(entryOf(path)).toMatchObject({ status: 499, outcome: 'aborted', body: expect.stringContaining('bored') });
    expect(h.streams.read({ runId: h.run.id, path, channel: 1 }).data.toString()).toBe('some');
  });
});

describe('{#waiting_for_input} what cannot be seen', () => {
  it('is said to be unknown: of a command that a client runs', () => {
    const { path } = h.accept('a');
    expect(h.streams.view(h.run.id, path).waiting).toBeNull();
    h.streams.completed(h.run.id, path, { exitCode: 0 });
    expect(h.streams.view(h.run.id, path).waiting).toBe(false);
  });
});

describe('{#stream_cancel} cancelling', () => {
  const receipt = (by: string): KillReceipt => ({
    requestedBy: by,
    reason: null,
    requestedAt: 1,
    signals: [{ signal: 'SIGTERM', at: 2, pids: [7] }],
    confirmedDead: [7],
    escaped: [],
    finishedAt: 3,
  });

  it('marks 499 and tells everyone before the runner is asked to kill', () => {
    const { path, id } = h.accept('a', 'embedded');
    const seen: string[] = [];
    h.journal.onEvent((event) => seen.push(`${event.type} kills=${h.runner.killed.length}`));
    const channels = h.streams.cancel(h.run.id, path, { by: 'zed', reason: 'enough' });
    expect(channels.map((channel) => channel.status)).toEqual([499, 499]);
    expect(seen).toContain('stream/cancelled kills=0');
    expect(h.runner.killed).toMatchObject([
      { producer: { entryId: id }, request: { requestedBy: 'zed', reason: 'enough', signal: 'SIGTERM', graceMs: 2000 } },
    ]);
  });

  it('stores the receipt when the kill is over', () => {
    const { path, id } = h.accept('a', 'embedded');
    h.streams.cancel(h.run.id, path, { by: 'zed', reason: null });
    expect(h.streams.receipt(h.run.id, path)).toMatchObject({ state: 'cancelling', receipt: { requestedBy: 'zed', finishedAt: null } });
    h.streams.link.killed(id, 1, receipt('zed'));
    expect(h.streams.receipt(h.run.id, path)).toEqual({
      state: 'cancelled',
      receipt: { ...receipt('zed'), signal: 'SIGTERM', graceMs: 2000 },
    });
  });

  it('answers a second cancel as the first, and asks the runner again so that a kill that was never begun is', () => {
    const { path } = h.accept('a', 'embedded');
    const first = h.streams.cancel(h.run.id, path, { by: 'a', reason: null });
    expect(h.streams.cancel(h.run.id, path, { by: 'b', reason: null })).toEqual(first);
    expect(h.runner.killed.map(({ producer }) => producer.entryId)).toEqual([
      h.runner.killed[0]?.producer.entryId,
      h.runner.killed[0]?.producer.entryId,
    ]);
    expect(h.events.filter(({ type }) => type === 'stream/cancelled')).toHaveLength(1);
  });

  it('asks for the kill and wakes who waits even when a reader of the command cannot be told', async () => {
    const { path, id } = h.accept('a', 'embedded');
    const broken = new Connection();
    broken.ended = () => {
      throw new Error('the connection is broken');
    };
    h.streams.subscribe({ projectId: h.run.projectId, runId: h.run.id, path }, 'start', 1, broken);
    const waiting = h.streams.waitFor(id, { timeoutMs: 60_000, signal: new AbortController().signal });
    expect(h.streams.cancel(h.run.id, path, { by: 'zed', reason: null }).map((channel) => channel.status)).toEqual([499, 499]);
    expect(h.runner.killed).toHaveLength(1);
    expect(await waiting).toBe('ended');
  });

  it('and completion crossing: the first stored wins, the other is refused', async () => {
    const one = h.accept('one', 'embedded');
    h.streams.cancel(h.run.id, one.path, { by: 'a', reason: null });
    const end = { exitCode: 0, signal: null, durationMs: 1, detached: [] };
    await expect(h.streams.link.completed(one.id, 1, end)).rejects.toMatchObject({
      kind: 'stream_closed',
      facts: { terminal_status: 499 },
    });
    const two = h.accept('two', 'embedded');
    await h.streams.link.completed(two.id, 1, end);
    expect(() => h.streams.cancel(h.run.id, two.path, { by: 'a', reason: null })).toThrow(
      expect.objectContaining({ kind: 'stream_closed', facts: expect.objectContaining({ terminal_status: 200 }) }),
    );
  });

  it('clears a 102 that a vanished client left behind', () => {
    const { path } = h.accept('a', 'client');
    h.streams.cancel(h.run.id, path, { by: 'janitor', reason: 'client gone' });
    expect(h.streams.receipt(h.run.id, path)).toMatchObject({ state: 'cancelled', receipt: { requestedBy: 'janitor' } });
    expect(entryOf('sh://turn_0/a_1').status).toBe(499);
  });

  it("keeps a timeout's receipt and calls the end a timeout", async () => {
    const { path, id } = h.accept('a', 'embedded');
    h.streams.link.started(id, 1, {});
    h.streams.link.killed(id, 1, receipt('timeout'));
    await h.streams.link.completed(id, 1, { exitCode: 143, signal: 'SIGTERM', durationMs: 5, detached: [] });
    expect(entryOf(path)).toMatchObject({ status: 500, outcome: 'timeout' });
  });
});

describe('{#restart} after a restart', () => {
  it('hands every live producer of the server to its runner, with the stored offsets and a new lease', async () => {
    const live = h.accept('live', 'embedded');
    await h.streams.link.append(live.id, 1, 1, 0, Buffer.from('abc'));
    const done = h.accept('done', 'embedded');
    await h.streams.link.completed(done.id, 1, { exitCode: 0, signal: null, durationMs: 1, detached: [] });
    const next = h.again();
    next.streams.reconcile();
    expect(
      next.runner.adopted.map(({ producer, offsets }) => ({ id: producer.entryId, epoch: producer.epoch, offsets: [...offsets] })),
    ).toEqual([
      {
        id: live.id,
        epoch: 2,
        offsets: [
          [1, 3],
          [2, 0],
        ],
      },
    ]);
  });

  it('lets a client that runs its command go on where it was', async () => {
    const { path } = h.accept('mine', 'client');
    await write(path, 'abc');
    const next = h.again();
    next.streams.reconcile();
    expect(await next.streams.append({ runId: h.run.id, path, channel: 1, offset: 3, bytes: Buffer.from('def') })).toEqual({
      offset: 3,
      bytes: 6,
    });
  });
});

describe('{#producer_wait} waiting for a producer', () => {
  it('ends with the producer, with the time, or with the caller', async () => {
    const one = h.accept('one');
    const signal = new AbortController().signal;
    expect(await h.streams.waitFor(one.id, { timeoutMs: 1, signal })).toBe('timeout');
    const waiting = h.streams.waitFor(one.id, { timeoutMs: 60_000, signal });
    h.streams.completed(h.run.id, one.path, { exitCode: 0 });
    expect(await waiting).toBe('ended');
    expect(await h.streams.waitFor(one.id, { timeoutMs: 60_000, signal })).toBe('ended');
    const two = h.accept('two');
    const controller = new AbortController();
    const aborted = h.streams.waitFor(two.id, { timeoutMs: 60_000, signal: controller.signal });
    controller.abort(new Error('gone'));
    await expect(aborted).rejects.toThrow('gone');
  });
});
