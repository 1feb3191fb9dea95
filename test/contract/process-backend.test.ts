import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createProcessBackend } from '../../src/backends/process/index.ts';
import { ProducerFolder } from '../../src/backends/shim/producer-folder.ts';
import { systemClock } from '../../src/core/clock.ts';
import { HeadgateError } from '../../src/core/errors.ts';
import { silentLogger } from '../../src/core/logger.ts';
import type { Backend, BackendHandle, BackendRef } from '../../src/model/ports/backend.ts';
import { type BackendSetup, backendContract } from './backend.contract.ts';
import { copierState, eventually, isRunning, StoringSink, sha256 } from './backend-probe.ts';

const KILL = { requestedBy: 'test', reason: null, signal: 'SIGTERM', graceMs: 2000 };

function open(root: string): Backend {
  return createProcessBackend({ folder: join(root, 'spool'), clock: systemClock, logger: silentLogger, detachedGraceMs: 500 });
}

function place(): BackendSetup & { root: string } {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'headgate-backend-')));
  const cwd = join(root, 'work');
  mkdirSync(cwd);
  return {
    root,
    cwd,
    backend: open(root),
    reopen: () => open(root),
    dispose: async () => rmSync(root, { recursive: true, force: true }),
  };
}

backendContract('process', async () => place());

describe('{#backend_process} process backend', () => {
  let setup: ReturnType<typeof place>;
  let handles: BackendHandle[];
  let server: ChildProcess | undefined;

  beforeEach(() => {
    setup = place();
    handles = [];
  });

  afterEach(async () => {
    if (server?.exitCode === null && server.signalCode === null) {
      const exit = once(server, 'exit');
      server.kill('SIGKILL');
      await exit;
    }
    server = undefined;
    for (const handle of handles) await handle.kill({ ...KILL, signal: 'SIGKILL' });
    for (const handle of handles) await handle.detach();
    await setup.dispose();
  });

  function request(command: string, producerId = 'p1') {
    return { producerId, spec: { command, cwd: setup.cwd, env: {}, stdin: false } };
  }

  /** A server in a process of its own that starts `command` and is killed with -9 once `enough` says so. */
  async function crashAfter(command: string, sink: StoringSink, enough: () => boolean): Promise<BackendRef | null> {
    const child = fork(fileURLToPath(new URL('./backend-child.ts', import.meta.url)), [join(setup.root, 'spool'), 'p1', command], {
      cwd: setup.cwd,
      execArgv: ['--import', new URL('../support/from-sources.mjs', import.meta.url).href],
    });
    server = child;
    let ref: BackendRef | null = null;
    await new Promise<void>((resolve, reject) => {
      child.once('exit', (code) => reject(new Error(`the server ended by itself: ${code}`)));
      child.on('message', (message: { ref?: BackendRef; channel?: number; offset?: number; bytes?: string }) => {
        if (message.ref) ref = message.ref;
        const { channel = 0, offset = 0, bytes } = message;
        if (bytes !== undefined) sink.write(channel, offset, Buffer.from(bytes, 'base64')).catch(reject);
        if (enough()) resolve();
      });
    });
    const exit = once(child, 'exit');
    child.removeAllListeners('message');
    child.kill('SIGKILL');
    await exit;
    return ref;
  }

  test('{#adopt} a server killed with -9 while output goes on: every byte once, the exit code, the command unharmed', async () => {
    const sink = new StoringSink();
    const command = 'i=0; while [ $i -lt 20 ]; do seq $((i*5000)) $((i*5000+4999)); i=$((i+1)); sleep 0.05; done; exit 42';
    const ref = await crashAfter(command, sink, () => sink.bytes(1) > 20_000);
    expect(sink.bytes(1)).toBeLessThan(588_890);
    const adopted = await setup.backend.adopt(request(command), ref, sink.offsets(), sink);
    handles.push(adopted);
    expect(await adopted.exited).toMatchObject({ exitCode: 42, signal: null });
    await adopted.closed;
    expect(sha256(sink.of(1))).toBe(sha256(Array.from({ length: 100_000 }, (_, i) => `${i}\n`).join('')));
    expect(sink.repeated).toBe(0);
  });

  test('{#adopt} a server killed with -9 before it could note anything: starting again follows the command that runs', async () => {
    const sink = new StoringSink();
    const command = 'echo ran >> runs; echo $$; sleep 0.5; echo end; exit 3';
    await crashAfter(command, sink, () => sink.bytes(1) > 0);
    const again = await setup.backend.start(request(command), sink);
    handles.push(again);
    expect((await again.exited).exitCode).toBe(3);
    await again.closed;
    expect(sink.text(1)).toMatch(/^\d+\nend\n$/);
    expect(readFileSync(join(setup.cwd, 'runs'), 'utf8')).toBe('ran\n');
  });

  test('{#adopt} a shim that was killed leaves a producer that is lost, with its output', async () => {
    const sink = new StoringSink();
    const handle = await setup.backend.start(request('echo before; exec sleep 300'), sink);
    handles.push(handle);
    await sink.match(1, /before/);
    process.kill(Number(handle.ref['pid']), 'SIGKILL');
    expect(await handle.exited).toEqual({ exitCode: null, signal: null });
    expect((await handle.closed).detached.length).toBe(1);
    expect(sink.text(1)).toBe('before\n');
    expect((await handle.kill(KILL)).confirmedDead.length).toBe(1);
  });

  test('{#stdin} {#adopt} an input can be ended although a write to it was under way when the command was let go of', async () => {
    const sink = new StoringSink();
    const waits = 'trap "go=1" USR1; echo up; while [ -z "$go" ]; do sleep 0.02; done; cat > /dev/null; echo over';
    const asked = { producerId: 'p1', spec: { ...request(waits).spec, stdin: true } };
    const first = await setup.backend.start(asked, sink);
    handles.push(first);
    await sink.match(1, /up\n/);
    const [taken] = await Promise.all([first.write(Buffer.alloc(1_000_000)).catch(() => 0), first.detach()]);
    expect(taken).toBeLessThan(1_000_000);
    const second = await setup.reopen().adopt(asked, first.ref, sink.offsets(), sink);
    handles.push(second);
    await second.closeInput();
    await second.signal('USR1');
    await sink.match(1, /over\n/);
    expect((await second.exited).exitCode).toBe(0);
  });

  test('{#stdin} a shim that was killed leaves no process that holds an input open', async () => {
    const sink = new StoringSink();
    const command = 'echo up; read line; echo "end of input $?"';
    const handle = await setup.backend.start({ producerId: 'p1', spec: { command, cwd: setup.cwd, env: {}, stdin: true } }, sink);
    handles.push(handle);
    await sink.match(1, /up/);
    const holder = Number.parseInt(readFileSync(join(setup.root, 'spool', 'p1', 'in.pid'), 'latin1'), 10);
    process.kill(Number(handle.ref['pid']), 'SIGKILL');
    await handle.closed;
    await eventually(() => !isRunning(holder), 'the end of the holder');
    expect(sink.text(1)).toBe('up\nend of input 1\n');
  });

  test('{#producer_folder} a pid that now belongs to another process is neither followed nor signalled', async () => {
    const folder = join(setup.root, 'spool', 'p1');
    mkdirSync(folder, { recursive: true });
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
    writeFileSync(join(folder, 'pid'), `${process.pid} 1 ${boot}\n`);
    writeFileSync(join(folder, 'out.1'), 'what it wrote\n');
    const sink = new StoringSink();
    const adopted = await setup.backend.adopt(request('sleep 300'), { producerId: 'p1' }, new Map(), sink);
    expect(await adopted.exited).toEqual({ exitCode: null, signal: null });
    await adopted.closed;
    expect(sink.text(1)).toBe('what it wrote\n');
    await expect(adopted.signal('SIGTERM')).rejects.toMatchObject({ kind: 'conflict' });
    expect(await adopted.kill(KILL)).toMatchObject({ signals: [], confirmedDead: [], escaped: [] });
  });

  test('{#producer_folder} a pid of another boot is neither followed nor signalled', async () => {
    const folder = join(setup.root, 'spool', 'p1');
    mkdirSync(folder, { recursive: true });
    const stat = readFileSync('/proc/self/stat', 'latin1');
    const ticks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
    writeFileSync(join(folder, 'pid'), `${process.pid} ${ticks} 00000000-0000-0000-0000-000000000000\n`);
    const adopted = await setup.backend.adopt(request('sleep 300'), null, new Map(), new StoringSink());
    expect(await adopted.exited).toEqual({ exitCode: null, signal: null });
    expect(await adopted.kill(KILL)).toMatchObject({ signals: [], confirmedDead: [], escaped: [] });
  });

  test('{#producer_folder} an exit file without its newline is not read as an exit code', async () => {
    const sink = new StoringSink();
    const handle = await setup.backend.start(request('echo up; sleep 0.3; exit 7'), sink);
    handles.push(handle);
    await sink.match(1, /up/);
    writeFileSync(join(setup.root, 'spool', 'p1', 'exit'), '1');
    expect((await handle.exited).exitCode).toBe(7);
    await handle.closed;
  });

  test('{#producer_marker} finds a process that left its session, its parent and its group', async () => {
    const sink = new StoringSink();
    const daemon = `sh -c 'setsid sh -c "sleep 300 & echo \\$!" &'`;
    const handle = await setup.backend.start(request(`${daemon}; sleep 300`), sink);
    handles.push(handle);
    const [, pid] = await sink.match(1, /(\d+)\n/);
    const receipt = await handle.kill(KILL);
    expect(receipt.confirmedDead).toContain(Number(pid));
    expect(isRunning(Number(pid))).toBe(false);
  });

  test('{#producer_marker} the same producer id in another spool is another producer', async () => {
    const other = place();
    try {
      const [one, two] = [new StoringSink(), new StoringSink()];
      const command = 'setsid sleep 300 & echo $!; wait';
      const first = await setup.backend.start(request(command), one);
      const second = await other.backend.start({ ...request(command), spec: { ...request(command).spec, cwd: other.cwd } }, two);
      handles.push(first, second);
      await one.match(1, /\d+\n/);
      const [pid] = await two.match(1, /\d+/);
      await first.kill(KILL);
      expect(isRunning(Number(pid))).toBe(true);
      await second.kill(KILL);
      expect(isRunning(Number(pid))).toBe(false);
    } finally {
      await other.dispose();
    }
  });

  test('{#back_pressure} a command that writes faster than is stored waits, goes on, and loses nothing', async () => {
    const release: (() => void)[] = [];
    let stored = 0;
    let flowing = false;
    const sink = {
      write: (_channel: number, _offset: number, bytes: Buffer) =>
        new Promise<void>((resolve) => {
          release.push(() => {
            stored += bytes.length;
            resolve();
          });
          if (flowing) release.splice(0).forEach((go) => go());
        }),
    };
    const total = 200 * 1024 * 1024;
    const handle = await setup.backend.start(request(`head -c ${total} /dev/zero`), sink);
    handles.push(handle);
    await eventually(() => copierState(join(setup.root, 'spool', 'p1')) === 'T', 'the command is held back');
    await handle.detach();
    release.length = 0;
    flowing = true;
    const adopted = await setup.reopen().adopt(request(''), handle.ref, new Map(), sink);
    handles.push(adopted);
    expect((await adopted.exited).exitCode).toBe(0);
    await adopted.closed;
    expect(stored).toBe(total);
  });

  describe('{#copiers} pipes and copiers', () => {
    const folder = () => new ProducerFolder(join(setup.root, 'spool'), 'p1');
    async function start(command: string) {
      const sink = new StoringSink();
      const handle = await setup.backend.start(request(command), sink);
      handles.push(handle);
      return { sink, handle };
    }

    test('a copier killed: the channel is named, and what was written before is stored', async () => {
      const { sink, handle } = await start('echo first; while [ ! -e go ]; do sleep 0.02; done; echo lost; echo err >&2; exit 3');
      await sink.match(1, /first/);
      process.kill(folder().copiers()?.[0]?.pid ?? 0, 'SIGKILL');
      writeFileSync(join(setup.cwd, 'go'), '');
      await handle.exited;
      const closed = await handle.closed;
      expect(closed.cut).toMatch(/^the end of channel 1 is missing: the process that copied it was killed \(SIGKILL\)$/);
      expect(sink.text(1)).toBe('first\n');
    });

    test('the main process gone before its pipe: its exit code is told at once, what holds the pipe is named, and all of it is stored', async () => {
      const { sink, handle } = await start('mkfifo go; (read -r line < go; echo late; echo later >&2) & echo early; exit 5');
      expect((await handle.exited).exitCode).toBe(5);
      const { detached } = await handle.closed;
      expect([detached.length, await handle.processes?.()]).toEqual([1, detached]);
      expect(sink.text(1)).toBe('early\n');
      writeFileSync(join(setup.cwd, 'go'), '\n');
      await handle.drained;
      expect([sink.text(1), sink.text(2)]).toEqual(['early\nlate\n', 'later\n']);
    });

    test('a descendant that keeps one of two pipes: both are read to their end', async () => {
      const { sink, handle } = await start(
        '(while [ ! -e go ]; do sleep 0.02; done; echo late >&2) > /dev/null & echo out; echo err >&2; exit 6',
      );
      expect((await handle.exited).exitCode).toBe(6);
      expect((await handle.closed).detached.length).toBeGreaterThan(0);
      writeFileSync(join(setup.cwd, 'go'), '');
      await handle.drained;
      expect([sink.text(1), sink.text(2)]).toEqual(['out\n', 'err\nlate\n']);
    });

    test('what the command has left behind is signalled and killed, and a signal to one that has gone is a conflict', async () => {
      const { sink, handle } = await start('(trap "echo told; exit" USR1; while :; do sleep 0.02; done) & sleep 300 & echo up');
      expect((await handle.exited).exitCode).toBe(0);
      expect((await handle.closed).detached.length).toBeGreaterThan(1);
      await handle.signal('SIGUSR1');
      await sink.match(1, /told/);
      expect((await handle.kill(KILL)).escaped).toEqual([]);
      await handle.drained;
      await expect(handle.signal('SIGUSR1')).rejects.toMatchObject({ kind: 'conflict' });
    });

    test('what is left behind writes on, and takes no space, when nobody wants its output any more', async () => {
      const { sink, handle } = await start('(seq 1 1000000; mkfifo go; read -r line < go) & echo early');
      await handle.closed;
      handle.dropOutput?.();
      await eventually(() => existsSync(join(setup.cwd, 'go')), 'all of it is written');
      const out = folder().output(1);
      await eventually(() => statSync(out).size <= 1024 * 1024, 'what nobody reads is dropped');
      const stored = sink.bytes(1);
      writeFileSync(join(setup.cwd, 'go'), '\n');
      await handle.drained;
      expect(sink.bytes(1)).toBe(stored);
    });

    test('a server killed while something is left behind: the next one goes on reading where it was', async () => {
      const { sink, handle } = await start('(while [ ! -e go ]; do sleep 0.02; done; seq 1 20000) & echo early');
      await handle.closed;
      await handle.detach();
      writeFileSync(join(setup.cwd, 'go'), '');
      const next = await setup.reopen().adopt(request(''), handle.ref, sink.offsets(), sink);
      handles.push(next);
      await next.drained;
      expect([sha256(sink.of(1)), sink.repeated]).toEqual([
        sha256(`early\n${Array.from({ length: 20_000 }, (_, i) => `${i + 1}\n`).join('')}`),
        0,
      ]);
    });

    test('a signal to a wrapper shell: a program that is run without a shell gets it, says its last words, and its exit code counts', async () => {
      const script = 'trap "echo last words; exit 9" TERM; echo up; while :; do sleep 0.02; done';
      const sink = new StoringSink();
      const spec = { ...request('').spec, argv: ['bash', '-c', script, 'an argument with "quotes" and\na newline'] };
      const handle = await setup.backend.start({ producerId: 'p1', spec }, sink);
      handles.push(handle);
      await sink.match(1, /up/);
      await handle.signal('SIGTERM');
      expect((await handle.exited).exitCode).toBe(9);
      await handle.closed;
      expect(sink.text(1)).toBe('up\nlast words\n');
    });
  });

  test('{#delivery} ends for good when the stream is closed, and the command goes on', async () => {
    let writes = 0;
    const closed = {
      write: () => {
        writes++;
        return Promise.reject(new HeadgateError('stream_closed', 'cancelled'));
      },
    };
    const handle = await setup.backend.start(request('echo a; sleep 0.2; echo b; exit 4'), closed);
    handles.push(handle);
    expect((await handle.exited).exitCode).toBe(4);
    expect(await handle.closed).toEqual({ detached: [] });
    expect(writes).toBe(1);
  });

  test('leaves no folder of a producer that could not be started or was disposed of', async () => {
    const gone = { ...request('true', 'gone'), spec: { ...request('true').spec, cwd: join(setup.cwd, 'gone') } };
    await expect(setup.backend.start(gone, new StoringSink())).rejects.toMatchObject({ kind: 'not_found' });
    const handle = await setup.backend.start(request('true'), new StoringSink());
    await handle.closed;
    expect(readdirSync(join(setup.root, 'spool')).filter((name) => !name.endsWith('.sh'))).toEqual(['p1']);
    await handle.dispose();
    expect(existsSync(join(setup.root, 'spool', 'p1'))).toBe(false);
  });

  test('refuses a producer id that is no safe folder name', async () => {
    await expect(setup.backend.start(request('true', '../up'), new StoringSink())).rejects.toMatchObject({ kind: 'invalid_params' });
  });

  test('hands the command no open files beside the three, and no ignored signals', async () => {
    const sink = new StoringSink();
    const handle = await setup.backend.start(request('ls /proc/self/fd; grep SigIgn /proc/self/status'), sink);
    handles.push(handle);
    await handle.closed;
    // 3 is ls reading the directory itself; what is above 9 came from whoever started these tests.
    expect(
      sink
        .text(1)
        .split('\n')
        .filter((line) => /^\d$/.test(line)),
    ).toEqual(['0', '1', '2', '3']);
    expect(sink.text(1)).toMatch(/SigIgn:\t0+\n/);
  });
});
