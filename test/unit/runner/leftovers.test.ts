import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../../src/core/clock.ts';
import { type Deferred, deferred } from '../../../src/core/deferred.ts';
import { silentLogger } from '../../../src/core/logger.ts';
import type { Leftover } from '../../../src/model/records.ts';
import { createRunner, type Runner } from '../../../src/runner/index.ts';
import { HeldBackend } from './held-handle.ts';
import { producer, RecordingLink } from './recording-link.ts';

const ONE = producer({ command: 'serve & echo started', cwd: '/' });
const LEFT: Leftover = { since: Date.now(), pids: [41], ends: { 1: 8 }, limit: null, receipt: null, goneAt: null };
const KILL = { requestedBy: 'vi', reason: 'enough', signal: 'SIGTERM', graceMs: 2000 };

let link: RecordingLink;
let backend: HeldBackend;
let runner: Runner;
let runners: Runner[];
/** The runner has room for another. */
let freed: Deferred<void>;
beforeEach(() => {
  runners = [];
  open();
});
afterEach(async () => {
  for (const one of runners) await one.close();
});

function open(rest = { bytes: 1000, ms: 60_000 }): void {
  freed = deferred();
  link = new RecordingLink();
  backend = new HeldBackend();
  const shared = { name: 'embedded', clock: systemClock, logger: silentLogger, bootId: null };
  runner = createRunner({ ...shared, link, backends: new Map([['process', backend]]), rest, over: () => freed.resolve() });
  runners.push(runner);
}

/** Until the runner has heard of everything that has happened. */
async function heard(): Promise<void> {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** To the end of its main process, with `started` written. */
async function ended(): Promise<void> {
  runner.start(ONE);
  await link.told('started');
  await backend.write(0, 'started\n');
  backend.handle.ended();
  await link.told('completed');
}

describe('{#detached} the runner and what runs on', () => {
  test('tells the end at once, brings what is written after it, and tells when nothing holds the output any more', async () => {
    await ended();
    expect(link.calls.at(-1)).toMatchObject({ end: { exitCode: 0, detached: [41], followed: true } });
    await freed.promise;
    expect(runner.size).toBe(0);
    await backend.write(8, 'late\n');
    expect(link.sink.text(1)).toBe('started\nlate\n');
    backend.handle.drainedNow();
    expect((await link.told('left')).fact).toEqual({ pids: [], limit: null, gone: true });
    await backend.handle.disposed;
  });

  test('tells which processes there are when they are others', async () => {
    await ended();
    backend.handle.pids = [42, 43];
    expect((await link.told('left')).fact).toEqual({ pids: [42, 43], limit: null, gone: false });
  });

  test('ends it as before where the server takes nothing after the end', async () => {
    Object.defineProperty(link, 'left', { value: undefined });
    await ended();
    expect(link.calls.at(-1)).not.toHaveProperty('end.followed');
    await backend.handle.disposed;
  });

  test('stores exactly so many bytes over all channels, then has the rest dropped and says so', async () => {
    open({ bytes: 10, ms: 0 });
    await ended();
    await backend.write(8, '123456');
    await backend.write(0, 'abcdefgh', 2);
    await backend.write(14, 'dropped');
    await backend.write(8, 'dropped', 2);
    expect([link.sink.text(1), link.sink.text(2)]).toEqual(['started\n123456', 'abcd']);
    expect(backend.handle.isDropping).toBe(true);
    expect((await link.told('left')).fact).toEqual({ pids: [41], limit: 'bytes', gone: false });
    backend.handle.drainedNow();
    expect((await link.told('left', ({ fact }) => fact.gone)).fact.limit).toBe('bytes');
  });

  test('stores nothing of what comes after so much time', async () => {
    open({ bytes: 0, ms: 20 });
    await ended();
    expect((await link.told('left')).fact).toEqual({ pids: [41], limit: 'time', gone: false });
    await backend.write(8, 'dropped');
    expect(link.sink.text(1)).toBe('started\n');
  });

  test('signals it, and kills it with a receipt after its last words', async () => {
    await ended();
    await runner.signal(ONE.entryId, 'SIGHUP');
    expect(backend.handle.signals).toEqual(['SIGHUP']);
    runner.kill(ONE, KILL);
    expect((await link.told('killed')).receipt).toMatchObject({ requestedBy: 'vi', confirmedDead: [41], escaped: [] });
    await backend.handle.disposed;
    expect(link.order).toEqual(['started', 'completed', 'killed']);
  });

  test('lets go of it without touching it', async () => {
    await ended();
    await runner.close();
    expect(backend.handle).toMatchObject({ isLetGo: true, kills: [] });
    expect(link.order).toEqual(['started', 'completed']);
  });

  describe('taken up', () => {
    const adopt = (more: Partial<Leftover> = {}, stored = 10) =>
      runner.adopt({ ...ONE, state: 'ended', epoch: 2, leftover: { ...LEFT, ...more } }, new Map([[1, stored]]));

    test('goes on at the stored offset with what is left of the limit, and tells no end again', async () => {
      open({ bytes: 5, ms: 0 });
      link.started(1, 1, {});
      await link.append(1, 1, 1, 0, Buffer.from('started\nla'));
      adopt();
      backend.handle.ended();
      expect(backend.offsets).toEqual([new Map([[1, 10]])]);
      await backend.write(10, 'te\n and more');
      expect(link.sink.text(1)).toBe('started\nlate\n');
      expect((await link.told('left')).fact.limit).toBe('bytes');
      expect(link.order).not.toContain('completed');
    });

    test('stores what was written while nobody watched, though its time is over, and only then drops the rest', async () => {
      link.started(1, 1, {});
      await link.append(1, 1, 1, 0, Buffer.from('started\n'));
      adopt({ since: Date.now() - 120_000 }, 8);
      await Promise.resolve();
      await backend.write(8, 'meanwhile\n');
      backend.handle.ended();
      expect((await link.told('left')).fact.limit).toBe('time');
      await backend.write(18, 'dropped\n');
      expect(link.sink.text(1)).toBe('started\nmeanwhile\n');
    });

    test('beyond its limit has everything dropped', async () => {
      adopt({ limit: 'time' });
      backend.handle.ended();
      await heard();
      await backend.write(10, 'dropped');
      backend.handle.drainedNow();
      expect((await link.told('left')).fact).toEqual({ pids: [], limit: 'time', gone: true });
      expect(backend.handle.isDropping).toBe(true);
    });

    test('is gone when nothing holds the output any more', async () => {
      adopt();
      backend.handle.ended(0, []);
      expect((await link.told('left')).fact).toMatchObject({ gone: true });
      await backend.handle.disposed;
    });

    test('is killed when that was asked for before', async () => {
      const asked = { ...KILL, requestedAt: 1, signals: [], confirmedDead: [], escaped: [], finishedAt: null };
      adopt({ receipt: asked });
      backend.handle.ended();
      expect((await link.told('killed')).receipt).toMatchObject({ requestedBy: 'vi', confirmedDead: [41] });
    });
  });
});

describe('{#runners} a signal that was asked for', () => {
  async function signalled(): Promise<void> {
    runner.start(ONE);
    await link.told('started');
    await backend.write(0, 'started\n');
    await runner.signal(ONE.entryId, 'SIGTERM');
    backend.handle.ended(143);
    await heard();
  }

  test('ends the command with the last of its processes, and the end says both', async () => {
    await signalled();
    await backend.write(8, 'last words\n');
    expect(link.order).toEqual(['started']);
    backend.handle.drainedNow();
    const { end } = await link.told('completed');
    expect(end).toMatchObject({ exitCode: 143, durationMs: 5, detached: [], restMs: expect.any(Number) });
    expect(link.sink.text(1)).toBe('started\nlast words\n');
    await backend.handle.disposed;
    expect(link.order).toEqual(['started', 'completed']);
  });

  test('leaves a leftover when the rest passes a limit', async () => {
    open({ bytes: 4, ms: 0 });
    await signalled();
    await backend.write(8, 'last words\n');
    expect((await link.told('completed')).end).toMatchObject({ exitCode: 143, detached: [41], followed: true });
    expect((await link.told('left')).fact).toMatchObject({ limit: 'bytes', gone: false });
    expect(link.sink.text(1)).toBe('started\nlast');
  });

  test('and a cancel behind it end with the receipt', async () => {
    await signalled();
    runner.kill(ONE, KILL);
    await link.told('killed');
    await backend.handle.disposed;
    expect(link.order).toEqual(['started', 'killed']);
  });
});
