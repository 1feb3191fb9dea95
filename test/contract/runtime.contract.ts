import { createHash } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  ConnectionClosed,
  type FollowedChunk,
  RpcError,
  type Runtime,
  type RuntimeEvent,
  type StreamEnd,
  UnsupportedError,
} from '../../src/sdk.ts';
import { tempFolder } from '../support/temp-store.ts';

/** A server and the ways to it. */
export interface RuntimeHost {
  /** Another runtime of the same server and project. */
  connect(client: string): Promise<Runtime>;
  close(): Promise<void>;
}

/** A folder with a project in it, for a host. */
export interface Ground {
  readonly data: string;
  readonly root: string;
}

/** A command that was accepted. */
export interface Started {
  readonly run: string;
  readonly path: string;
}

/** Proposes a command in a run of its own, and accepts it. */
export async function start(runtime: Runtime, command: string, more: { stdin?: boolean } = {}): Promise<Started> {
  const { run } = await runtime.call('startRun', { model: 'scripted' });
  const { path } = await runtime.call('sh', { run, command, ...more });
  await runtime.call('run/resolve', { run, resolution: { path, action: 'accept' } });
  return { run, path };
}

/** Reads to the end; throws on a gap or an overlap within a channel. */
export async function readWhole(
  chunks: AsyncGenerator<FollowedChunk, StreamEnd, void>,
): Promise<{ output: Map<number, Buffer>; end: StreamEnd }> {
  const pieces = new Map<number, Buffer[]>();
  const at = new Map<number, number>();
  for (;;) {
    const next = await chunks.next();
    if (next.done) return { output: new Map([...pieces].map(([channel, parts]) => [channel, Buffer.concat(parts)])), end: next.value };
    const { channel, offset, bytes } = next.value;
    if (offset !== (at.get(channel) ?? 0)) throw new Error(`channel ${channel}: ${offset} instead of ${at.get(channel) ?? 0}`);
    at.set(channel, offset + bytes.length);
    pieces.set(channel, [...(pieces.get(channel) ?? []), Buffer.from(bytes)]);
  }
}

/** Takes events up to the first that satisfies the test, which is the last one taken. */
export async function until(events: AsyncIterableIterator<RuntimeEvent>, test: (event: RuntimeEvent) => boolean): Promise<RuntimeEvent[]> {
  const taken: RuntimeEvent[] = [];
  for (;;) {
    const { value, done } = await events.next();
    if (done || !value) throw new Error(`the events ended after ${taken.map(({ name }) => name).join(', ')}`);
    taken.push(value);
    if (test(value)) return taken;
  }
}

/** Sequence numbers of the events that have one. */
export function seqs(events: readonly RuntimeEvent[]): number[] {
  return events.flatMap(({ name, params }) => (name !== 'replay/synced' && 'seq' in params ? [params.seq] : []));
}

export const sha = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Everything that a `Runtime` promises, over one way to reach it. */
export function runtimeContract(name: string, open: (ground: Ground) => Promise<RuntimeHost>): void {
  describe(`{#client_runtime} a runtime ${name}`, () => {
    let host: RuntimeHost;
    let ada: Runtime;
    let bob: Runtime;
    let ground: Ground;
    let remove: () => Promise<void>;

    beforeAll(async () => {
      const temp = await tempFolder();
      remove = temp.remove;
      ground = { data: join(temp.folder, 'data'), root: join(temp.folder, 'project') };
      await mkdir(ground.root);
      host = await open(ground);
      ada = await host.connect('ada');
      bob = await host.connect('bob');
    }, 60_000);
    afterAll(async () => {
      await bob?.close();
      await ada?.close();
      await host?.close();
      await remove?.();
    });

    it('answers typed results, and errors by their kind', async () => {
      expect((await ada.call('ping', {})).pong).toBe(true);
      const missing = await ada.call('getRun', { run: 'nope' }).catch((error: unknown) => error);
      expect(missing).toBeInstanceOf(RpcError);
      expect(missing).not.toBeInstanceOf(UnsupportedError);
      expect(missing).toMatchObject({ kind: 'not_found', code: -32004 });
      await expect(ada.look('getRuns', { limit: 'many' as never })).rejects.toMatchObject({ kind: 'invalid_params' });
    });

    it('throws UnsupportedError for what cannot be done, never an empty answer', async () => {
      const { run } = await ada.call('startRun', { model: 'scripted' });
      const refused = await ada.call('sh', { run, command: 'true', backend: 'nowhere' as never }).catch((error: unknown) => error);
      expect(refused).toBeInstanceOf(UnsupportedError);
      expect(refused).toMatchObject({ kind: 'unsupported', code: -32006 });
    });

    it('ends a call by its signal, and what it had begun goes on', async () => {
      const stop = new AbortController();
      const { run } = await ada.call('startRun', { model: 'scripted' });
      const events = ada.events({ run });
      const call = ada
        .call('act', { run, prompt: 'sh: touch nothing', wait: true }, { signal: stop.signal })
        .catch((error: unknown) => error);
      await until(events, (event) => event.name === 'run/proposal');
      stop.abort();
      expect(await call).toMatchObject({ kind: 'cancelled', code: -32800 });
      expect(await ada.call('getProposals', { run })).toHaveLength(1);
      await expect(ada.call('ping', {}, { signal: stop.signal })).rejects.toMatchObject({ name: 'AbortError' });
      await ada.call('run/abort', { run });
      await events.return?.();
    });

    it('{#client_events} joins replay and live, each event once and in order', async () => {
      const { run } = await ada.call('startRun', { model: 'scripted' });
      const { path } = await ada.call('sh', { run, command: 'touch one' });
      const events = bob.events({ run, since: 0 });
      const replay = await until(events, (event) => event.name === 'replay/synced');
      expect(replay.map((event) => event.name)).toContain('run/proposal');
      await ada.call('run/resolve', { run, resolution: { path, action: 'reject' } });
      const live = await until(events, (event) => event.name === 'run/resolved');
      const numbers = seqs([...replay, ...live]);
      expect(numbers).toEqual([...new Set(numbers)].toSorted((a, b) => a - b));
      expect(live.filter((event) => event.name === 'replay/synced')).toEqual([]);
      await ada.call('run/delete', { run });
      // The last thing that can happen to it.
      await until(events, (event) => event.name === 'run/state' && event.params.deleted === true);
      expect((await events.next()).done).toBe(true);
    });

    it('{#client_events} begins with the call where no number is given, not with the first look', async () => {
      const { run } = await ada.call('startRun', { model: 'scripted' });
      const events = ada.events({ run });
      await ada.call('sh', { run, command: 'touch two' });
      const [first, ...rest] = await until(events, (event) => event.name === 'run/proposal');
      expect(first?.name).toBe('replay/synced');
      expect(rest.at(-1)?.name).toBe('run/proposal');
      await events.return?.();
    });

    it('shows a proposal that one made and the other answered, to both; the first answer wins', async () => {
      const { run } = await ada.call('startRun', { model: 'scripted' });
      const events = ada.events({ run });
      const { path } = await ada.call('sh', { run, command: 'touch three' });
      expect((await bob.call('getProposals', { run })).map((proposal) => proposal.path)).toEqual([path]);
      await bob.call('run/resolve', { run, resolution: { path, action: 'accept' } });
      const told = (await until(events, (event) => event.name === 'run/resolved')).at(-1);
      expect(told?.params).toMatchObject({ path, action: 'accept', by: 'bob' });
      await expect(ada.call('run/resolve', { run, resolution: { path, action: 'reject' } })).rejects.toMatchObject({
        kind: 'proposal_resolved',
      });
      expect((await readWhole(ada.follow(run, path))).end).toMatchObject({ status: 200, exit_code: 0 });
      await events.return?.();
    });

    it('{#client_follow} brings 8 MiB of any bytes on both channels, equal for two readers', async () => {
      const { run, path } = await start(
        ada,
        'head -c 8388608 /dev/urandom | tee out.bin; head -c 65536 /dev/urandom | tee err.bin >&2; printf "\\377\\303" >&2',
      );
      const [one, other] = await Promise.all([readWhole(ada.follow(run, path)), readWhole(bob.follow(run, path))]);
      const written = [await readFile(join(ground.root, 'out.bin')), await readFile(join(ground.root, 'err.bin'))] as const;
      for (const { output, end } of [one, other]) {
        expect(end).toMatchObject({ status: 200, exit_code: 0 });
        expect(sha(output.get(1)!)).toBe(sha(written[0]));
        expect(sha(output.get(2)!)).toBe(sha(Buffer.concat([written[1], Buffer.from([0xff, 0xc3])])));
      }
      const tail: Buffer[] = [];
      for await (const { bytes } of ada.follow(run, path, { channel: 1, from: 8388600 })) tail.push(Buffer.from(bytes));
      expect(Buffer.concat(tail)).toEqual(written[0].subarray(-8));
    });

    it('{#client_follow} leaves the connection to others while a reader is slow, and costs it nothing', async () => {
      const { run, path } = await start(ada, 'head -c 8388608 /dev/zero | tr "\\0" x; echo done >&2');
      const chunks = ada.follow(run, path);
      const { value } = await chunks.next();
      const first = value as FollowedChunk;
      // Read by another one to its end meanwhile.
      expect((await readWhole(bob.follow(run, path))).end.exit_code).toBe(0);
      expect((await ada.call('ping', {})).pong).toBe(true);
      let bytes = first.bytes.length;
      let errors = '';
      for await (const chunk of chunks) {
        if (chunk.channel === 2) errors += Buffer.from(chunk.bytes).toString();
        else {
          expect(chunk.offset).toBe(bytes);
          bytes += chunk.bytes.length;
        }
      }
      expect([bytes, errors]).toEqual([8388608, 'done\n']);
    });

    it('{#client_events} of a slow reader loses and repeats nothing', async () => {
      const { run } = await ada.call('startRun', { model: 'scripted' });
      const events = bob.events({ run });
      await until(events, (event) => event.name === 'replay/synced');
      // More than is kept for it.
      const paths: string[] = [];
      for (let i = 0; i < 14; i++) paths.push((await ada.call('sh', { run, command: `touch ${i} #${'x'.repeat(110_000)}` })).path);
      const taken = await until(events, (event) => event.name === 'run/proposal' && event.params.path === paths.at(-1));
      expect(taken.flatMap((event) => (event.name === 'run/proposal' ? [event.params.path] : []))).toEqual(paths);
      await events.return?.();
      await ada.call('run/delete', { run });
    });

    it('takes input, a signal, and a cancel from another one', async () => {
      const { run, path } = await start(ada, 'trap "echo caught" USR1; while read line; do echo "got $line"; done; echo over', {
        stdin: true,
      });
      const reading = readWhole(ada.follow(run, path));
      await bob.call('stream/input', { run, path, chunk: 'a word\n' });
      await bob.call('stream/input', { run, path, eof: true });
      const { output, end } = await reading;
      expect(output.get(1)?.toString()).toBe('got a word\nover\n');
      expect(end.exit_code).toBe(0);

      const sleeper = await start(ada, 'echo up; exec sleep 300');
      const events = ada.events({ run: sleeper.run });
      const chunks = ada.follow(sleeper.run, sleeper.path);
      expect(Buffer.from(((await chunks.next()).value as FollowedChunk).bytes).toString()).toBe('up\n');
      await bob.call('stream/signal', { ...sleeper, signal: 'SIGTERM' });
      expect(await chunks.next()).toMatchObject({ done: true, value: { signal: 'SIGTERM' } });

      const second = await start(ada, 'echo up; exec sleep 300');
      const other = ada.follow(second.run, second.path);
      await other.next();
      await bob.call('stream/cancel', { ...second, reason: 'enough', grace_ms: 500 });
      expect(await other.next()).toMatchObject({ done: true, value: { status: 499 } });
      const { receipt } = await ada.look('stream/receipt', second);
      expect(receipt).toMatchObject({ requestedBy: 'bob', reason: 'enough' });
      await events.return?.();
    });

    it('ends iterables by their signal', async () => {
      const stop = new AbortController();
      const events = ada.events({ signal: stop.signal });
      const sleeper = await start(ada, 'exec sleep 300');
      const next = ada.follow(sleeper.run, sleeper.path, { signal: stop.signal }).next();
      await until(events, (event) => event.name === 'stream/started' && event.params.path === sleeper.path);
      stop.abort(new Error('no more'));
      await expect(next).rejects.toThrow('no more');
      await expect((async () => await until(events, () => false))()).rejects.toThrow('no more');
      await ada.call('stream/cancel', { ...sleeper, signal: 'SIGKILL' });
    });

    it('ends iterables and calls when it is closed, and commands go on', async () => {
      const sleeper = await start(ada, 'echo up; exec sleep 300');
      const carl = await host.connect('carl');
      const events = carl.events();
      await until(events, (event) => event.name === 'replay/synced');
      const chunks = carl.follow(sleeper.run, sleeper.path);
      await chunks.next();
      // Ends once there are no more events; those that come before the end are let by.
      const rest = until(events, () => false).catch((error: unknown) => error);
      const chunk = chunks.next().catch((error: unknown) => error);
      await carl.close();
      await rest;
      expect((await events.next()).done).toBe(true);
      expect(await chunk).toBeInstanceOf(ConnectionClosed);
      expect(await carl.call('ping', {}).catch((error: unknown) => error)).toMatchObject({ name: 'ConnectionClosed', final: true });
      expect((await ada.look('stream/list', { run: sleeper.run, state: 'live' })).map(({ path }) => path)).toEqual([sleeper.path]);
      await ada.call('stream/cancel', { ...sleeper, signal: 'SIGKILL' });
    });
  });
}
