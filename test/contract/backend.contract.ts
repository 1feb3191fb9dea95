import { constants } from 'node:os';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Backend, BackendHandle } from '../../src/model/ports/backend.ts';
import type { ProducerSpec } from '../../src/model/records.ts';
import { KILL, killContract } from './backend-kill.contract.ts';
import { eventually, isRunning, StoringSink, sha256 } from './backend-probe.ts';
import { signalContract } from './backend-signals.contract.ts';

/** A backend under test, in a place of its own. */
export interface BackendSetup {
  readonly backend: Backend;
  /** A second instance over the same place, as after a restart. */
  reopen(): Backend;
  /** A working directory in which commands may write. */
  readonly cwd: string;
  readonly dispose: () => Promise<void>;
  /** What every command's spec has besides: a host, a container, a terminal. */
  readonly spec?: Partial<ProducerSpec>;
  /** Standard output and standard error are one channel, the first. */
  readonly merged?: true;
  /** What a command needs before it: a terminal that does not change its bytes. */
  prepare?(command: string): string;
  /** Commands have process numbers of their own, and whoever started them is none of those that they see. */
  readonly isolated?: true;
  /** Whether a process of this number, as commands see it, runs; default: on this machine. */
  isRunning?(pid: number): boolean | Promise<boolean>;
}

/** What every backend does (SPEC {#backends}). `terminal`: every command runs in one. */
export function backendContract(name: string, setUp: () => Promise<BackendSetup>, { terminal = false } = {}): void {
  describe(`{#backends} backend ${name}`, () => {
    let setup: BackendSetup;
    let handles: BackendHandle[];
    let count = 0;

    beforeEach(async () => {
      handles = [];
      setup = await setUp();
    });

    afterEach(async () => {
      for (const handle of handles) await handle.kill({ ...KILL, signal: 'SIGKILL' });
      for (const handle of handles) await handle.detach();
      await setup.dispose();
    });

    function requestOf(producerId: string, command: string, change: Partial<ProducerSpec> = {}) {
      const prepared = setup.prepare?.(command) ?? command;
      return { producerId, spec: { command: prepared, cwd: setup.cwd, env: {}, stdin: false, ...setup.spec, ...change } };
    }

    async function isThere(pid: number): Promise<boolean> {
      return await (setup.isRunning ?? isRunning)(pid);
    }

    async function start(command: string, change: Partial<ProducerSpec> = {}) {
      const sink = new StoringSink();
      const request = requestOf(`p${++count}`, command, change);
      const handle = await setup.backend.start(request, sink);
      handles.push(handle);
      return { handle, sink, request };
    }

    async function run(command: string, change: Partial<ProducerSpec> = {}) {
      const { handle, sink } = await start(command, change);
      const exit = await handle.exited;
      const closed = await handle.closed;
      return { sink, exit, closed, handle };
    }

    test('says what it can do', async () => {
      const capabilities = await setup.backend.capabilities();
      expect(capabilities).toMatchObject({ name, available: true, adopt: true });
      expect(capabilities.signals).toContain('SIGTERM');
    });

    test('delivers 5 MiB of random bytes on both channels exactly', async () => {
      const make = 'head -c 5242880 /dev/urandom > a; head -c 5242880 /dev/urandom > b';
      const copy = setup.merged ? 'cat a; cat b >&2' : 'cat a & cat b >&2; wait';
      const { sink, exit } = await run(`${make}; ${copy}; sha256sum < a > sums; sha256sum < b >> sums; cat sums > both`);
      expect(exit.exitCode).toBe(0);
      const { sink: sums } = await run('cat both');
      const [first, second] = sums
        .text(1)
        .split('\n')
        .map((line) => line.slice(0, 64));
      const [a, b] = setup.merged ? [sink.of(1).subarray(0, 5_242_880), sink.of(1).subarray(5_242_880)] : [sink.of(1), sink.of(2)];
      expect([sha256(a), sha256(b)]).toEqual([first, second]);
      expect([a.length, b.length]).toEqual([5_242_880, 5_242_880]);
    });

    test('does not begin with the signals ignored that people end commands with', async () => {
      const { sink } = await run('grep SigIgn /proc/self/status');
      const ignored = Number.parseInt(/SigIgn:\t([0-9a-f]+)/.exec(sink.text(1))?.[1] ?? 'none', 16);
      const names = ['SIGHUP', 'SIGINT', 'SIGPIPE', 'SIGTERM'] as const;
      expect(names.filter((signal) => (ignored & (1 << (constants.signals[signal] - 1))) !== 0)).toEqual([]);
    });

    test('keeps standard output and standard error apart', async () => {
      const { sink } = await run('echo out; echo err >&2; echo out again');
      expect([sink.text(1), sink.text(2)]).toEqual(setup.merged ? ['out\nerr\nout again\n', ''] : ['out\nout again\n', 'err\n']);
    });

    test.each([
      ['exit 0', 0],
      ['exit 3', 3],
      ['exit 255', 255],
      ['/etc/passwd', 126],
      ['no-such-command-anywhere', 127],
    ])('answers the exit code of `%s`', async (command, exitCode) => {
      expect((await run(command)).exit).toMatchObject({ exitCode, signal: null });
    });

    test('names the signal that ended a command and keeps the exit code, with no word of its own in the output', async () => {
      const { exit, sink } = await run('echo before; kill -KILL $$');
      expect(exit).toMatchObject({ exitCode: 137, signal: 'SIGKILL' });
      expect([sink.text(1), sink.text(2)]).toEqual(['before\n', '']);
    });

    test('says how long the command ran', async () => {
      const { exit } = await run('sleep 0.3');
      expect(exit.durationMs).toBeGreaterThanOrEqual(250);
      expect(exit.durationMs).toBeLessThan(5000);
    });

    test('runs in the asked directory with the asked environment added', async () => {
      const { sink } = await run('pwd; echo "$GREETING"; test -n "$PATH" && echo path', { env: { GREETING: 'hällo wörld' } });
      expect(sink.text(1)).toBe(`${setup.cwd}\nhällo wörld\npath\n`);
    });

    test('delivers invalid UTF-8 and NUL bytes as they are', async () => {
      const { sink } = await run(String.raw`printf '\377\376a\000b\303'; printf '\000' >&2`);
      const bytes = [0xff, 0xfe, 0x61, 0, 0x62, 0xc3];
      expect([[...sink.of(1)], [...sink.of(2)]]).toEqual(setup.merged ? [[...bytes, 0], []] : [bytes, [0]]);
    });

    test('delivers outputs that end with a record separator, or with what looks like the start of a record', async () => {
      const { sink } = await run(String.raw`printf 'out\036'; printf 'err\036' >&2`);
      const bytes = (text: string) => [...Buffer.from(`${text}\u001e`)];
      expect([[...sink.of(1)], [...sink.of(2)]]).toEqual(
        setup.merged ? [[...bytes('out'), ...bytes('err')], []] : [bytes('out'), bytes('err')],
      );
    });

    test('delivers 100,000 tiny writes, each once and in order', async () => {
      const { sink } = await run('i=0; while [ $i -lt 100000 ]; do echo $i; i=$((i+1)); done');
      const expected = Array.from({ length: 100_000 }, (_, i) => `${i}\n`).join('');
      expect(sink.bytes(1)).toBe(expected.length);
      expect(sha256(sink.of(1))).toBe(sha256(expected));
      expect(sink.repeated).toBe(0);
    });

    test('one 1 GiB line: delivers one line of 64 MiB', async () => {
      const warnings: string[] = [];
      const warned = ({ message }: Error) => void warnings.push(message);
      process.on('warning', warned);
      const { sink } = await run("head -c 67108864 /dev/zero | tr '\\0' x");
      process.off('warning', warned);
      expect(sink.bytes(1)).toBe(67_108_864);
      expect(sink.of(1).every((byte) => byte === 120)).toBe(true);
      // Node warns of listeners that become more with every wait.
      expect(warnings).toEqual([]);
    });

    test('child closing stdout early: delivers the output of a command that closes its standard output and goes on', async () => {
      const { sink, exit } = await run('echo first; exec >&-; echo on >&2; exit 4');
      const texts = setup.merged ? ['first\non\n', ''] : ['first\n', 'on\n'];
      expect([sink.text(1), sink.text(2), exit.exitCode]).toEqual([...texts, 4]);
    });

    test('`/dev/stdout` failing when stdout is a socket: lets a command open /dev/stdout and /dev/stderr by name, which fails on a socket', async () => {
      const { sink, exit } = await run(
        'echo one; echo two >> /dev/stdout; echo err > /dev/stderr; echo three | tee -a /dev/stderr > /dev/null',
      );
      const texts = setup.merged ? ['one\ntwo\nerr\nthree\n', ''] : ['one\ntwo\n', 'err\nthree\n'];
      expect([exit.exitCode, sink.text(1), sink.text(2)]).toEqual([0, ...texts]);
    });

    test('truncation by `> /dev/stderr`: {#copiers} a command that opens its outputs again by name, again and again, loses nothing', async () => {
      const { sink, exit } = await run(
        'for i in 1 2 3 4 5; do echo "line $i" > /dev/stderr; done; echo a; echo b > /dev/stdout; echo c > /dev/fd/1; echo d > /proc/self/fd/1; echo e',
      );
      const lines = [1, 2, 3, 4, 5].map((i) => `line ${i}\n`).join('');
      const texts = setup.merged ? [`${lines}a\nb\nc\nd\ne\n`, ''] : ['a\nb\nc\nd\ne\n', lines];
      expect([exit.exitCode, sink.text(1), sink.text(2)]).toEqual([0, ...texts]);
    });

    test('{#detached} what a command has left behind gets signals, and what it writes is stored', async () => {
      // In a terminal it is hung up.
      if (setup.merged) return;
      const { handle, sink } = await start('(trap "echo told; exit" USR1; echo early; while :; do sleep 0.05; done) & exit 3');
      expect((await handle.exited).exitCode).toBe(3);
      expect((await handle.closed).detached.length).toBeGreaterThan(0);
      // Said once the trap is set: before, the signal ends it.
      await sink.match(1, /early\n/);
      await handle.signal('SIGUSR1');
      await handle.drained;
      expect(sink.text(1)).toBe('early\ntold\n');
      await expect(handle.signal('SIGUSR1')).rejects.toMatchObject({ kind: 'conflict' });
    });

    describe('{#stdin} standard input', () => {
      test('is empty when it was not asked for', async () => {
        const { sink, exit } = await run('cat; echo end');
        expect([sink.text(1), exit.exitCode]).toEqual(['end\n', 0]);
      });

      test('is refused by name when it was not asked for', async () => {
        const { handle } = await start('sleep 60');
        await expect(handle.write(Buffer.from('x'))).rejects.toMatchObject({ kind: 'unsupported' });
      });

      test('answers that it took the bytes that ended the command', async () => {
        const { handle } = await start('read -r line; exit 5', { stdin: true });
        expect(await handle.write(Buffer.from('last\n'))).toMatchObject({ bytes: 5 });
        expect((await handle.exited).exitCode).toBe(5);
      });

      test('takes bytes at once after the start, keeps their order, and ends when it is closed', async () => {
        // A terminal shows what is typed before it is told not to.
        const { handle, sink } = await start(setup.spec?.tty ? 'echo ready; cat' : 'cat', { stdin: true });
        if (setup.spec?.tty) await sink.match(1, /ready\n/);
        // A terminal hands over whole lines, and ends its input at the beginning of one only.
        const last = setup.spec?.tty ? 'three\n' : 'three';
        const taken = await Promise.all([
          handle.write(Buffer.from('one ')),
          handle.write(Buffer.from([0xff, 0, 0x0a])),
          handle.write(Buffer.from(last)),
        ]);
        await sink.match(1, /three/);
        await handle.closeInput();
        expect(taken.map(({ bytes }) => bytes)).toEqual([4, 3, last.length]);
        expect((await handle.exited).exitCode).toBe(0);
        await handle.closed;
        const echoed = sink.of(1).subarray(setup.spec?.tty ? 'ready\n'.length : 0);
        expect([...echoed]).toEqual([...Buffer.from('one '), 0xff, 0, 0x0a, ...Buffer.from(last)]);
      });

      test('carries more than a pipe holds to a command that reads', async () => {
        const { handle, sink } = await start('wc -c', { stdin: true });
        // A line of a terminal has an end.
        const bytes = Buffer.alloc(1_000_000, setup.spec?.tty ? 'xxxxxxxxx\n' : 'x');
        expect(await handle.write(bytes)).toMatchObject({ bytes: 1_000_000 });
        await handle.closeInput();
        await handle.closed;
        expect(sink.text(1).trim()).toBe('1000000');
      });

      test('{#input_offset} takes a chunk that is sent again once, before and after it was taken up by another server', async () => {
        const command = `${setup.spec?.tty ? 'stty -echo; ' : ''}echo ready; cat; echo end`;
        const { handle, sink, request } = await start(command, { stdin: true });
        await sink.match(1, /ready/);
        const one = Buffer.from('one\n');
        expect(await handle.write(one)).toEqual({ offset: 0, bytes: 4 });
        const two = Buffer.from(`${'two'.repeat(10_000)}\n`.slice(-3000));
        expect(await handle.write(two, 4)).toEqual({ offset: 4, bytes: two.length });
        expect(await handle.write(two, 4)).toEqual({ offset: 4, bytes: two.length });
        await sink.match(1, /two\r?\n/);
        await handle.detach();
        const adopted = await setup.reopen().adopt(request, handle.ref, sink.offsets(), sink);
        handles.push(adopted);
        expect(await adopted.write(two, 4)).toEqual({ offset: 4, bytes: two.length });
        const at = 4 + two.length;
        // A gap, other bytes in the same place, and a place further back.
        const refused = { kind: 'offset_conflict', facts: { expected: at } };
        await expect(adopted.write(Buffer.from('gap\n'), at + 1)).rejects.toMatchObject(refused);
        await expect(adopted.write(Buffer.alloc(two.length, 'x\n'), 4)).rejects.toMatchObject(refused);
        await expect(adopted.write(one, 0)).rejects.toMatchObject(refused);
        expect(await adopted.write(Buffer.from('last\n'), at)).toEqual({ offset: at, bytes: 5 });
        await adopted.closeInput();
        await adopted.closed;
        expect(sink.text(1).replaceAll('\r', '')).toBe(`ready\none\n${two}last\nend\n`);
      });

      test('can be ended before the command has looked at it', async () => {
        const { handle, sink } = await start('echo up; sleep 0.2; cat; echo end', { stdin: true });
        await sink.match(1, /up\n/);
        await handle.write(Buffer.from('early\n'));
        await handle.closeInput();
        await handle.closeInput();
        await handle.closed;
        expect(sink.text(1)).toBe('up\nearly\nend\n');
      });

      // What relays a terminal takes everything, and keeps it.
      if (!terminal)
        test('child that never reads stdin: answers fewer bytes than it was sent', async () => {
          const { handle } = await start('sleep 60', { stdin: true });
          const { bytes: taken } = await handle.write(Buffer.alloc(1_000_000));
          expect(taken).toBeGreaterThan(0);
          expect(taken).toBeLessThan(1_000_000);
        });

      test('takes nothing after its end, or after the end of the command', async () => {
        const { handle } = await start('cat', { stdin: true });
        await handle.closeInput();
        await expect(handle.write(Buffer.from('x'))).rejects.toMatchObject({ kind: 'conflict' });
        await handle.closed;
        await expect(handle.write(Buffer.from('x'))).rejects.toMatchObject({ kind: 'conflict' });
        await handle.closeInput();
      });

      test('leaves no process behind', async () => {
        // All whose parent is the shim: field 4 of their stat lines.
        const siblings = 'for s in /proc/[0-9]*/stat; do read -r l < $s && set -- ${l##*) } && [ "$2" = $PPID ] && echo ${l%% *}; done';
        const { handle, sink } = await start(`{ ${siblings}; } 2> /dev/null; echo $PPID`, { stdin: true });
        await handle.closed;
        const pids = sink.text(1).trim().split(/\s+/).map(Number);
        expect(pids.length).toBeGreaterThanOrEqual(setup.isolated || terminal ? 1 : 3);
        await eventually(async () => !(await Promise.all(pids.map(isThere))).includes(true), 'the shim and what it started end');
      });
    });

    describe('signals', () => {
      test('reach the command, which goes on', async () => {
        const { handle, sink } = await start('trap "echo got usr1" USR1; echo ready; while :; do sleep 0.05; done');
        await sink.match(1, /ready/);
        await handle.signal('usr1');
        await sink.match(1, /got usr1/);
        expect((await handle.kill(KILL)).confirmedDead.length).toBeGreaterThan(0);
      });

      test('that cannot be caught spare whoever publishes the exit code', async () => {
        const { handle, sink } = await start('echo ready; sleep 60');
        await sink.match(1, /ready/);
        await handle.signal('KILL');
        expect(await handle.exited).toMatchObject({ exitCode: 137, signal: 'SIGKILL' });
      });

      test('stop a command and let it go on', async () => {
        const { handle, sink } = await start('while :; do echo tick; sleep 0.02; done');
        await sink.match(1, /tick/);
        await handle.signal('SIGSTOP');
        await handle.signal('SIGCONT');
        const seen = sink.bytes(1);
        await eventually(() => sink.bytes(1) > seen + 20, 'it ticks again');
      });

      test('that do not exist are refused by name, and after the end they reach nobody', async () => {
        const { handle } = await start('true');
        await expect(handle.signal('SIGNONSENSE')).rejects.toMatchObject({ kind: 'invalid_params' });
        await handle.closed;
        await expect(handle.signal('SIGTERM')).rejects.toMatchObject({ kind: 'conflict' });
      });
    });

    signalContract({ start, run, cwd: () => setup.cwd, tty: () => setup.spec?.tty });

    killContract({ start, run, isRunning: isThere, terminal });

    describe('starting', () => {
      test('in a directory that does not exist is refused by name and leaves nothing behind', async () => {
        const sink = new StoringSink();
        const request = requestOf('nowhere', 'true', { cwd: `${setup.cwd}/gone` });
        const refused = { kind: 'not_found', facts: { outcome: 'cwd_missing' } };
        await expect(setup.backend.start(request, sink)).rejects.toMatchObject(refused);
        const handle = await setup.backend.start({ ...request, spec: { ...request.spec, cwd: setup.cwd } }, sink);
        expect((await handle.exited).exitCode).toBe(0);
        await handle.closed;
      });

      test('a command longer than the system takes is refused by name', async () => {
        await expect(start(`: ${'x'.repeat(200_000)}`)).rejects.toMatchObject({ kind: 'too_large' });
      });

      test('{#shim_claim} twice runs the command once, and both see its output and its end', async () => {
        const { request, handle, sink } = await start('echo ran >> runs; echo once; sleep 0.2; exit 5');
        const again = new StoringSink();
        const second = await setup.reopen().start(request, again);
        handles.push(second);
        expect([(await handle.exited).exitCode, (await second.exited).exitCode]).toEqual([5, 5]);
        await Promise.all([handle.closed, second.closed]);
        expect([sink.text(1), again.text(1)]).toEqual(['once\n', 'once\n']);
        expect((await run('cat runs')).sink.text(1)).toBe('ran\n');
      });

      test('{#shim_claim} ten times at once runs the command once', async () => {
        const sink = new StoringSink();
        const request = requestOf('crowd', 'echo ran >> crowd; sleep 0.1');
        const all = await Promise.all(Array.from({ length: 10 }, () => setup.reopen().start(request, sink)));
        handles.push(...all);
        await Promise.all(all.map((handle) => handle.closed));
        expect((await run('cat crowd')).sink.text(1)).toBe('ran\n');
      });
    });

    describe('{#adopt} taking up', () => {
      test('goes on at the stored offsets after a detach, without losing or repeating a byte', async () => {
        const { handle, sink, request } = await start(
          'i=0; while [ $i -lt 300 ]; do echo line $i; echo e $i >&2; i=$((i+1)); sleep 0.005; done; exit 9',
        );
        await sink.match(1, /line 20\n/);
        await handle.detach();
        const adopted = await setup.reopen().adopt(request, handle.ref, sink.offsets(), sink);
        handles.push(adopted);
        expect((await adopted.exited).exitCode).toBe(9);
        await adopted.closed;
        const lines = Array.from({ length: 300 }, (_, i) => [`line ${i}\n`, `e ${i}\n`] as const);
        expect(sink.text(1)).toBe(lines.map(([out, err]) => (setup.merged ? out + err : out)).join(''));
        expect(sink.text(2)).toBe(setup.merged ? '' : lines.map(([, err]) => err).join(''));
        expect(sink.repeated).toBe(0);
      });

      test('of a command that ended meanwhile reads the rest and finds the exit code', async () => {
        const { handle, sink, request } = await start('echo one; sleep 0.2; echo two; exit 6');
        await sink.match(1, /one/);
        await handle.detach();
        const watcher = await setup.reopen().adopt(request, handle.ref, new Map(), new StoringSink());
        handles.push(watcher);
        await watcher.closed;
        const late = await setup.reopen().adopt(request, null, sink.offsets(), sink);
        handles.push(late);
        expect(await late.exited).toMatchObject({ exitCode: 6, signal: null });
        await late.closed;
        expect([sink.text(1), sink.repeated]).toEqual(['one\ntwo\n', 0]);
      });

      test('gives a handle that writes, signals and kills', async () => {
        const { handle, sink, request } = await start('while read -r line; do echo "got $line"; done; sleep 300', { stdin: true });
        await handle.write(Buffer.from('a\n'));
        await sink.match(1, /got a/);
        await handle.detach();
        const adopted = await setup.reopen().adopt(request, handle.ref, sink.offsets(), sink);
        handles.push(adopted);
        await adopted.write(Buffer.from('b\n'));
        await sink.match(1, /got b/);
        const receipt = await adopted.kill(KILL);
        expect(receipt.escaped).toEqual([]);
        expect(await adopted.exited).toMatchObject({ exitCode: 143 });
      });

      test('of a producer of which nothing is left answers that it is lost', async () => {
        const request = requestOf('never-was', 'true');
        const adopted = await setup.backend.adopt(request, null, new Map(), new StoringSink());
        expect(await adopted.exited).toEqual({ exitCode: null, signal: null });
        expect(await adopted.closed).toEqual({ detached: [] });
      });

      test('{#shim_claim} and killing a producer that never started keeps it from ever starting', async () => {
        const request = requestOf('barred', 'echo ran >> barred');
        const adopted = await setup.backend.adopt(request, null, new Map(), new StoringSink());
        expect(await adopted.kill(KILL)).toMatchObject({ signals: [], confirmedDead: [], escaped: [] });
        expect((await adopted.exited).exitCode).toBeNull();
        const late = await setup.reopen().start(request, new StoringSink());
        handles.push(late);
        expect((await late.exited).exitCode).toBeNull();
        expect((await run('cat barred')).exit.exitCode).toBe(1);
      });
    });

    describe('{#delivery} a sink in trouble', () => {
      test('gets the same bytes again until it has stored them, in order, with nothing lost', async () => {
        const sink = new StoringSink();
        let refusals = 0;
        const moody = {
          write: (channel: number, offset: number, bytes: Buffer) =>
            channel === 1 && offset > 0 && ++refusals <= 2 ? Promise.reject(new Error('disk full')) : sink.write(channel, offset, bytes),
        };
        const request = requestOf('moody', 'echo a; sleep 0.1; seq 1 200000; exit 2');
        const handle = await setup.backend.start(request, moody);
        handles.push(handle);
        expect((await handle.exited).exitCode).toBe(2);
        await handle.closed;
        const numbers = Array.from({ length: 200_000 }, (_, i) => `${i + 1}\n`).join('');
        expect(sha256(sink.of(1))).toBe(sha256(`a\n${numbers}`));
      });

      test('is never handed more than its window while it does not answer', async () => {
        let handed = 0;
        const release: (() => void)[] = [];
        const stuck = {
          write: (_channel: number, _offset: number, bytes: Buffer) => {
            handed += bytes.length;
            return new Promise<void>((resolve) => release.push(resolve));
          },
        };
        const request = requestOf('stuck', 'head -c 8388608 /dev/zero');
        const handle = await setup.backend.start(request, stuck);
        handles.push(handle);
        await handle.exited;
        await eventually(() => handed >= 1024 * 1024, 'the window fills');
        expect(handed).toBeLessThanOrEqual(1024 * 1024 + 512 * 1024);
        const timer = setInterval(() => release.splice(0).forEach((go) => go()), 1);
        await handle.closed;
        clearInterval(timer);
        expect(handed).toBe(8_388_608);
      });
    });

    test('disposes of what it took on disk, and only after it is closed', async () => {
      const { handle, request } = await start('echo x; sleep 0.2');
      await expect(handle.dispose()).rejects.toMatchObject({ kind: 'conflict' });
      await handle.closed;
      await handle.dispose();
      const adopted = await setup.reopen().adopt(request, null, new Map(), new StoringSink());
      expect((await adopted.exited).exitCode).toBeNull();
    });
  });
}
