import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, uptime } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createProcessBackend } from '../../../src/backends/process/index.ts';
import { bootId } from '../../../src/core/boot-id.ts';
import { type Clock, systemClock } from '../../../src/core/clock.ts';
import { HeadgateError } from '../../../src/core/errors.ts';
import { silentLogger } from '../../../src/core/logger.ts';
import type { Backend } from '../../../src/model/ports/backend.ts';
import { producerIdOf } from '../../../src/model/producer-id.ts';
import type { Producer } from '../../../src/model/records.ts';
import { createRunner, type Runner } from '../../../src/runner/index.ts';
import { eventually, isRunning } from '../../contract/backend-probe.ts';
import { producer, RecordingLink } from './recording-link.ts';

const KILL = { requestedBy: 'somebody', reason: 'enough', signal: 'SIGTERM', graceMs: 5000 };

describe('{#runners} the embedded runner', () => {
  let root: string;
  let cwd: string;
  let backend: Backend;
  let link: RecordingLink;
  let runner: Runner;
  let last: Producer | undefined;
  let opened: Runner[];

  beforeEach(() => {
    root = realpathSync(mkdtempSync(join(tmpdir(), 'headgate-runner-')));
    cwd = join(root, 'work');
    mkdirSync(cwd);
    opened = [];
    last = undefined;
    ({ link, runner } = open());
  });

  afterEach(async () => {
    for (const one of opened) await one.close();
    if (last) {
      const handle = await backend.adopt({ producerId: producerIdOf(last), spec: last.spec }, null, new Map(), { write: async () => {} });
      await handle.kill({ ...KILL, signal: 'SIGKILL' });
      await handle.detach();
    }
    rmSync(root, { recursive: true, force: true });
  });

  /** A runner as after a restart, with a link of its own unless one is given. */
  function open(to = new RecordingLink(), outputBytes = 0, boot = bootId(), clock = systemClock): { link: RecordingLink; runner: Runner } {
    backend = createProcessBackend({ folder: join(root, 'spool'), clock: systemClock, logger: silentLogger, detachedGraceMs: 200 });
    const made = createRunner({
      name: 'embedded',
      link: to,
      backends: new Map([['process', backend]]),
      clock,
      logger: silentLogger,
      bootId: boot,
      outputBytes,
    });
    opened.push(made);
    return { link: to, runner: made };
  }

  function make(command: string, change: Partial<Producer> = {}, spec: Partial<Producer['spec']> = {}): Producer {
    last = producer({ command, cwd, ...spec }, change);
    return last;
  }

  function folders(): string[] {
    return existsSync(join(root, 'spool')) ? readdirSync(join(root, 'spool')).filter((name) => !name.endsWith('.sh')) : [];
  }

  test('tells the start, all output and the end, in this order, and gives the disk back', async () => {
    runner.start(make('echo out; echo err >&2; exit 3'));
    const { end } = await link.told('completed');
    expect(end).toMatchObject({ exitCode: 3, signal: null, detached: [] });
    expect(end.durationMs).toBeGreaterThanOrEqual(0);
    expect([link.sink.text(1), link.sink.text(2)]).toEqual(['out\n', 'err\n']);
    expect(link.order).toEqual(['started', 'completed']);
    await eventually(() => folders().length === 0, 'the folder is removed');
  });

  test('hands over a reference that survives JSON', async () => {
    runner.start(make('true'));
    const { ref } = await link.told('started');
    expect(JSON.parse(JSON.stringify(ref))).toEqual(ref);
    await link.told('completed');
  });

  test('names the processes that still hold the output', async () => {
    runner.start(make('sleep 300 & exit 0'));
    const { end } = await link.told('completed');
    expect(end.detached.length).toBe(1);
    expect(isRunning(end.detached[0] ?? 0)).toBe(true);
    process.kill(end.detached[0] ?? 0, 'SIGKILL');
  });

  test('tells why a command could not be started', async () => {
    runner.start(make('true', {}, { cwd: join(cwd, 'gone') }));
    expect((await link.told('failed')).failure).toMatchObject({ lost: false, outcome: 'cwd_missing' });
    expect(link.order).toEqual(['failed']);
    expect(folders()).toEqual([]);
  });

  test('tells that it has no such backend, and which it has', async () => {
    runner.start(make('true', { backend: 'teleport' }));
    const { failure } = await link.told('failed');
    expect(failure).toMatchObject({ lost: false, outcome: 'unsupported' });
    expect(failure.message).toContain('process');
  });

  test('runs a producer that is handed over twice once', async () => {
    const one = make('echo ran >> runs; sleep 0.1');
    runner.start(one);
    runner.start(one);
    await link.told('completed');
    expect(readFileSync(join(cwd, 'runs'), 'utf8')).toBe('ran\n');
    expect(link.order).toEqual(['started', 'completed']);
  });

  test('tells the end again until the server has stored it', async () => {
    runner.start(make('sleep 0.1; exit 4'));
    await link.told('started');
    link.refusals = [new Error('disk full'), new Error('disk full')];
    expect((await link.told('completed')).end.exitCode).toBe(4);
  });

  test('stops telling when the stream is closed, and gives the disk back', async () => {
    runner.start(make('sleep 0.1'));
    await link.told('started');
    link.refusals = [new HeadgateError('stream_closed', 'cancelled')];
    await eventually(() => folders().length === 0, 'the folder is removed');
    expect(link.order).toEqual(['started']);
  });

  test('leaves the folder to whoever has the lease now', async () => {
    runner.start(make('sleep 0.2; echo late; exit 1'));
    await link.told('started');
    link.epoch = 2;
    link.refusals = [new HeadgateError('stale_epoch', 'an older lease')];
    await eventually(() => link.refusals.length === 0, 'the end is refused');
    const next = open();
    next.link.epoch = 2;
    next.runner.adopt(make('sleep 0.2; echo late; exit 1', { state: 'running', epoch: 2 }), new Map());
    // Output needs a start to have been told: a server that hands a producer to be adopted knows of it.
    next.link.calls.push({ what: 'started', epoch: 2, ref: {} });
    expect((await next.link.told('completed')).end.exitCode).toBe(1);
    expect(next.link.sink.text(1)).toBe('late\n');
  });

  describe('input and signals', () => {
    test('reach the command, also right after the start', async () => {
      runner.start(make('cat; trap "echo usr1; exit 0" USR1; echo ready; while :; do sleep 0.02; done', {}, { stdin: true }));
      expect(await runner.input(7, Buffer.from('hello\n'), false)).toEqual({ offset: 0, bytes: 6 });
      expect(await runner.input(7, Buffer.alloc(0), true)).toEqual({ bytes: 0 });
      await link.sink.match(1, /hello\nready\n/);
      await runner.signal(7, 'USR1');
      expect((await link.told('completed')).end.exitCode).toBe(0);
      expect(link.sink.text(1)).toBe('hello\nready\nusr1\n');
    });

    test('are refused by name where nothing runs, or nothing can take them', async () => {
      await expect(runner.input(99, Buffer.from('x'), false)).rejects.toMatchObject({ kind: 'conflict' });
      await expect(runner.signal(99, 'TERM')).rejects.toMatchObject({ kind: 'conflict' });
      runner.start(make('sleep 300'));
      await expect(runner.input(7, Buffer.from('x'), false)).rejects.toMatchObject({ kind: 'unsupported' });
      await expect(runner.resize(7, 80, 24)).rejects.toMatchObject({ kind: 'unsupported' });
    });

    test('are refused for a command that could not be started', async () => {
      runner.start(make('true', {}, { cwd: join(cwd, 'gone') }));
      await expect(runner.signal(7, 'TERM')).rejects.toMatchObject({ kind: 'conflict' });
    });
  });

  describe('{#receipt} kill', () => {
    test('ends with its receipt, and with no end beside it', async () => {
      const one = make('echo up; sleep 300');
      runner.start(one);
      await link.sink.match(1, /up/);
      runner.kill(one, KILL);
      const { receipt } = await link.told('killed');
      expect(receipt).toMatchObject({ requestedBy: 'somebody', reason: 'enough', escaped: [] });
      expect(receipt.confirmedDead.length).toBeGreaterThan(0);
      await eventually(() => folders().length === 0, 'the folder is removed');
      expect(link.order).toEqual(['started', 'killed']);
    });

    test('of a producer that is still starting waits for the start', async () => {
      const one = make('sleep 300');
      runner.start(one);
      runner.kill(one, { ...KILL, graceMs: 100 });
      const { receipt } = await link.told('killed');
      expect(receipt.escaped).toEqual([]);
      expect(receipt.finishedAt).not.toBeNull();
      await eventually(() => folders().length === 0, 'the folder is removed');
    });

    test('of a producer it does not know says that there was nothing', async () => {
      runner.kill(make('true', { epoch: 3 }), KILL);
      const { receipt, epoch } = await link.told('killed');
      expect(receipt).toMatchObject({ requestedBy: 'somebody', signals: [], confirmedDead: [], escaped: [] });
      expect([receipt.finishedAt, epoch]).toEqual([receipt.requestedAt, 3]);
    });

    test('of one that could not be started says that there was nothing', async () => {
      const one = make('true', {}, { cwd: join(cwd, 'gone') });
      runner.start(one);
      runner.kill(one, KILL);
      expect((await link.told('killed')).receipt).toMatchObject({ signals: [], confirmedDead: [], escaped: [] });
      expect(link.order).toEqual(['killed']);
    });
  });

  describe('{#time_limit} a time limit', () => {
    test('ends the command, tells the receipt and then the end', async () => {
      runner.start(make('echo up; sleep 300', {}, { timeoutMs: 200 }));
      const { end } = await link.told('completed');
      expect(end).toMatchObject({ exitCode: 143, signal: 'SIGTERM' });
      expect(link.order).toEqual(['started', 'killed', 'completed']);
      expect((await link.told('killed')).receipt).toMatchObject({ requestedBy: 'timeout', reason: 'ran longer than 200 ms', escaped: [] });
    });

    test('counts from the start, also after a restart', async () => {
      const spec = { timeoutMs: 60_000 };
      runner.start(make('echo up; sleep 300', {}, spec));
      await link.sink.match(1, /up/);
      await runner.close();
      const next = open(link);
      const { ref } = await link.told('started');
      next.runner.adopt(make('echo up; sleep 300', { state: 'running', ref, startedAt: Date.now() - 60_000 }, spec), link.sink.offsets());
      expect((await link.told('completed')).end.signal).toBe('SIGTERM');
    });

    test('that comes after the end changes nothing', async () => {
      runner.start(make('exit 0', {}, { timeoutMs: 60_000 }));
      await link.told('completed');
      expect(link.order).toEqual(['started', 'completed']);
    });

    test('that passed while nobody was there does not blame a command that ended in time', async () => {
      const spec = { timeoutMs: 60_000 };
      runner.start(make('echo up; sleep 0.2; exit 5', {}, spec));
      const { ref } = await link.told('started');
      await link.sink.match(1, /up/);
      await runner.close();
      const exit = join(root, 'spool', producerIdOf(make('')), 'exit');
      await eventually(() => existsSync(exit) && readFileSync(exit, 'utf8') === '5\n', 'the command ends');
      const next = open(link);
      next.runner.adopt(make('', { state: 'running', ref, startedAt: Date.now() - 120_000 }, spec), link.sink.offsets());
      expect((await link.told('completed')).end).toMatchObject({ exitCode: 5, signal: null });
      expect(link.order).toEqual(['started', 'completed']);
    });
  });

  describe('{#output_limit} an output limit', () => {
    test('ends a command that writes more, over both channels, and what was written till then stays', async () => {
      const limited = open(new RecordingLink(), 100_000);
      // The last byte is the one that is too many: with more, whoever writes them may be ended in the middle.
      limited.runner.start(make('head -c 60000 /dev/zero; head -c 40001 /dev/zero >&2; sleep 300'));
      const { end } = await limited.link.told('completed');
      expect(end).toMatchObject({ exitCode: 143, signal: 'SIGTERM' });
      expect(limited.link.order).toEqual(['started', 'killed', 'completed']);
      const { receipt } = await limited.link.told('killed');
      expect(receipt).toMatchObject({ requestedBy: 'limit', reason: 'wrote more than 100000 bytes', escaped: [] });
      expect([limited.link.sink.bytes(1), limited.link.sink.bytes(2)]).toEqual([60_000, 40_001]);
    });

    test('counts on after a restart', async () => {
      const command = 'head -c 60000 /dev/zero; while [ ! -e go ]; do sleep 0.02; done; head -c 60000 /dev/zero >&2; sleep 300';
      runner.start(make(command));
      await eventually(() => link.sink.bytes(1) === 60_000, 'the first part is stored');
      await runner.close();
      const { ref } = await link.told('started');
      const next = open(link, 100_000);
      next.runner.adopt(make(command, { state: 'running', ref, startedAt: Date.now() }), link.sink.offsets());
      writeFileSync(join(cwd, 'go'), '');
      expect((await link.told('completed')).end.signal).toBe('SIGTERM');
      expect((await link.told('killed')).receipt).toMatchObject({ requestedBy: 'limit' });
    });

    test('leaves a command alone that writes no more than it may', async () => {
      const limited = open(new RecordingLink(), 100_000);
      limited.runner.start(make('head -c 100000 /dev/zero; exit 5'));
      expect((await limited.link.told('completed')).end).toMatchObject({ exitCode: 5, signal: null });
      expect(limited.link.order).toEqual(['started', 'completed']);
    });
  });

  describe('{#kill_tree} a kill that cannot be carried out at once', () => {
    test('is tried again, and there is no receipt before the command is gone', async () => {
      let failures = 2;
      const real = createProcessBackend({ folder: join(root, 'spool'), clock: systemClock, logger: silentLogger, detachedGraceMs: 200 });
      const short: Backend = {
        capabilities: () => real.capabilities(),
        adopt: (...given) => real.adopt(...given),
        async start(request, sink) {
          const handle = await real.start(request, sink);
          const kill = handle.kill.bind(handle);
          handle.kill = (asked) => (failures-- > 0 ? Promise.reject(new Error('EMFILE: too many open files')) : kill(asked));
          return handle;
        },
      };
      const own = createRunner({
        name: 'embedded',
        link,
        backends: new Map([['process', short]]),
        clock: systemClock,
        logger: silentLogger,
        bootId: bootId(),
      });
      opened.push(own);
      const one = make('echo up; sleep 300');
      own.start(one);
      await link.sink.match(1, /up/);
      own.kill({ ...one, state: 'cancelling' }, { requestedBy: 'ann', reason: null, signal: 'SIGTERM', graceMs: 1000 });
      const { receipt } = await link.told('killed');
      expect(failures).toBeLessThan(0);
      expect(receipt.confirmedDead.length).toBeGreaterThan(0);
      expect(receipt.finishedAt).not.toBeNull();
    });
  });

  describe('{#adopt} after a restart', () => {
    test('a running command goes on where its output was stored', async () => {
      const one = make('i=0; while [ $i -lt 100 ]; do echo $i; i=$((i+1)); sleep 0.005; done; exit 6');
      runner.start(one);
      await link.sink.match(1, /10\n/);
      const { ref } = await link.told('started');
      await runner.close();
      const next = open(link);
      next.runner.adopt({ ...one, state: 'running', ref, epoch: 2, startedAt: Date.now() }, link.sink.offsets());
      const { end, epoch } = await link.told('completed');
      expect([end.exitCode, epoch]).toEqual([6, 2]);
      expect(link.sink.text(1)).toBe(Array.from({ length: 100 }, (_, i) => `${i}\n`).join(''));
      expect(link.sink.repeated).toBe(0);
    });

    test.each(['running', 'queued'] as const)('one that is %s and cannot be taken up for a moment is taken up later', async (state) => {
      const one = make('echo first; sleep 0.2; while [ ! -e ../go ]; do sleep 0.02; done; echo second; exit 4');
      runner.start(one);
      const { ref } = await link.told('started');
      await eventually(() => link.sink.text(1) === 'first\n', 'output');
      await runner.close();
      const next = open(link);
      const real = backend;
      let failures = 2;
      const once = () => {
        if (failures-- > 0) throw Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE' });
      };
      const failing: Backend = {
        capabilities: () => real.capabilities(),
        start: async (...given) => {
          once();
          return await real.start(...given);
        },
        adopt: async (...given) => {
          once();
          return await real.adopt(...given);
        },
      };
      const taking = createRunner({
        name: 'embedded',
        bootId: bootId(),
        link: next.link,
        backends: new Map([['process', failing]]),
        clock: systemClock,
        logger: silentLogger,
      });
      opened.push(taking);
      // Started, but the server was gone before it knew: it takes the command for one that waits.
      taking.adopt({ ...one, ...(state === 'running' ? { state, ref } : {}), epoch: 2 }, link.sink.offsets());
      writeFileSync(join(root, 'go'), '');
      expect((await link.told('completed')).end.exitCode).toBe(4);
      expect(link.order).not.toContain('failed');
      expect(link.sink.text(1)).toBe('first\nsecond\n');
      last = undefined;
    });

    test('a producer that was accepted and never started is started', async () => {
      runner.adopt(make('echo now'), new Map());
      expect((await link.told('completed')).end.exitCode).toBe(0);
      expect([link.sink.text(1), link.order]).toEqual(['now\n', ['started', 'completed']]);
    });

    test('a producer that was started without anybody noting it is not started again', async () => {
      const one = make('echo ran >> runs; echo out; sleep 0.3');
      runner.start(one);
      await link.sink.match(1, /out/);
      await runner.close();
      const next = open();
      next.runner.adopt(one, new Map());
      await next.link.told('completed');
      expect([next.link.sink.text(1), readFileSync(join(cwd, 'runs'), 'utf8')]).toEqual(['out\n', 'ran\n']);
    });

    describe('{#machine_restart} a producer that was accepted and not noted as started', () => {
      const hour = 60 * 60 * 1000;
      const shifted = (ms: number): Clock => ({ now: () => Date.now() + ms, monotonic: () => systemClock.monotonic() });
      const lost = async ({ link: told }: { link: RecordingLink }) => {
        expect((await told.told('failed')).failure).toMatchObject({ outcome: 'lost', message: expect.stringContaining('restarted') });
        expect(existsSync(join(cwd, 'runs'))).toBe(false);
      };

      test('in an earlier boot is lost and never run, also when the clock has been set back since', async () => {
        const next = open(new RecordingLink(), 0, bootId(), shifted(-hour));
        next.runner.adopt(make('echo ran >> runs', { bootId: 'an earlier boot' }), new Map());
        await lost(next);
      });

      test('in this boot is started, also when the clock has been set forward since', async () => {
        const next = open(new RecordingLink(), 0, bootId(), shifted(100 * 365 * 24 * hour));
        next.runner.adopt(make('echo ran'), new Map());
        expect((await next.link.told('completed')).end.exitCode).toBe(0);
      });

      test.each([
        ['where the machine has no such id', null],
        ['by an earlier version, which noted no boot', bootId()],
      ])('is told by the time since the last start of the machine %s', async (_, boot) => {
        const next = open(new RecordingLink(), 0, boot);
        next.runner.adopt(make('echo ran >> runs', { bootId: null, createdAt: Date.now() - (uptime() + 60) * 1000 }), new Map());
        await lost(next);
      });
    });

    test('a producer of which nothing is left is lost', async () => {
      runner.adopt(make('true', { state: 'running', ref: { producerId: 'p7-x', pid: 1, startTicks: '1', bootId: 'gone' } }), new Map());
      expect((await link.told('failed')).failure).toMatchObject({ lost: true, outcome: 'lost' });
      expect(link.order).toEqual(['failed']);
    });

    test('a kill under way is done again, in the name of who asked', async () => {
      const one = make("trap '' HUP; echo up; sleep 300");
      runner.start(one);
      await link.sink.match(1, /up/);
      const { ref } = await link.told('started');
      await runner.close();
      const receipt = { requestedBy: 'ann', reason: 'why', requestedAt: 1, signals: [], confirmedDead: [], escaped: [], finishedAt: null };
      const next = open();
      next.runner.adopt({ ...one, state: 'cancelling', ref, receipt }, link.sink.offsets());
      const told = await next.link.told('killed');
      expect(told.receipt).toMatchObject({ requestedBy: 'ann', reason: 'why', escaped: [] });
      expect(told.receipt.confirmedDead.length).toBeGreaterThan(0);
      expect(next.link.order).toEqual(['killed']);
    });

    test('{#cancel_holds} a kill under way is done again with the signal and the grace that were asked for', async () => {
      const one = make("trap 'echo asked >> asked; exit 0' USR1; trap '' TERM; echo up; while :; do sleep 0.02; done");
      runner.start(one);
      await link.sink.match(1, /up/);
      const { ref } = await link.told('started');
      await runner.close();
      const asked = { requestedBy: 'ann', reason: null, requestedAt: 1, signal: 'SIGUSR1', graceMs: 60_000 };
      const next = open();
      const receipt = { ...asked, signals: [], confirmedDead: [], escaped: [], finishedAt: null };
      next.runner.adopt({ ...one, state: 'cancelling', ref, receipt }, link.sink.offsets());
      const { signals } = (await next.link.told('killed')).receipt;
      expect(signals.map(({ signal }) => signal)).toEqual(['SIGUSR1']);
      expect(readFileSync(join(cwd, 'asked'), 'utf8')).toBe('asked\n');
    });
  });

  test('close lets commands run on and tells nothing more', async () => {
    const one = make('echo $$; sleep 300');
    runner.start(one);
    const [pid] = await link.sink.match(1, /\d+/);
    await runner.close();
    expect(isRunning(Number(pid))).toBe(true);
    expect(link.order).toEqual(['started']);
    runner.start(one);
    expect(link.order).toEqual(['started']);
  });
});
