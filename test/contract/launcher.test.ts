import { spawn, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createProcessBackend } from '../../src/backends/process/index.ts';
import { identify } from '../../src/backends/process/proc.ts';
import { systemClock } from '../../src/core/clock.ts';
import { silentLogger } from '../../src/core/logger.ts';
import type { Backend, BackendHandle } from '../../src/model/ports/backend.ts';
import type { ProducerSpec } from '../../src/model/records.ts';
import { eventually, StoringSink } from './backend-probe.ts';

const KILL = { requestedBy: 'test', reason: null, signal: 'SIGKILL', graceMs: 0 };

describe('{#launcher} a process that starts shims', () => {
  let root: string;
  let cwd: string;
  let backend: Backend;
  let handles: BackendHandle[];
  let count: number;

  beforeEach(() => {
    root = realpathSync(mkdtempSync(join(tmpdir(), "headgate-launcher-it's-")));
    cwd = join(root, 'a folder');
    mkdirSync(cwd);
    backend = createProcessBackend({ folder: join(root, 'spool'), clock: systemClock, logger: silentLogger, detachedGraceMs: 500 });
    handles = [];
    count = 0;
  });

  afterEach(async () => {
    for (const handle of handles) await handle.kill(KILL);
    for (const handle of handles) await handle.detach();
    for (const pid of launchers()) process.kill(pid, 'SIGKILL');
    rmSync(root, { recursive: true, force: true });
  });

  /** Launchers of this spool that live. */
  function launchers(): number[] {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .filter((pid) => {
        const [shell, program = '', spool] = read(`/proc/${pid}/cmdline`).split('\0');
        return (
          shell === '/bin/sh' && /\/launcher-[0-9a-f]+\.sh$/.test(program) && spool === join(root, 'spool') && state(Number(pid)) !== 'Z'
        );
      })
      .map(Number);
  }

  async function start(command: string, change: Partial<ProducerSpec> = {}) {
    const sink = new StoringSink();
    const spec: ProducerSpec = { command, cwd, env: {}, stdin: false, ...change };
    const handle = await backend.start({ producerId: `p${++count}`, spec }, sink);
    handles.push(handle);
    return { handle, sink, pid: Number(handle.ref['pid']) };
  }

  async function run(command: string, change: Partial<ProducerSpec> = {}) {
    const started = await start(command, change);
    const exit = await started.handle.exited;
    await started.handle.closed;
    return { ...started, exit, text: started.sink.text(1) };
  }

  /** Starts commands until one is started by the launcher. */
  async function warm(): Promise<void> {
    await eventually(async () => {
      const { handle, pid } = await start('read -r line', { stdin: true });
      const isLaunched = parent(pid) !== process.pid;
      await handle.closeInput();
      await handle.closed;
      return isLaunched;
    }, 'the launcher starts a command');
  }

  /** Waits until the next command finds a spare; returns the processes of it, its shim first. */
  async function spareReady(): Promise<number[]> {
    const spool = join(root, 'spool');
    const ready = () => readdirSync(spool).find((name) => name.startsWith('.spare-') && readdirSync(join(spool, name)).includes('ready'));
    await warm();
    await eventually(() => ready() !== undefined, 'a spare waits');
    const isSpare = (pid: string) => read(`/proc/${pid}/cmdline`).includes(`${join(spool, ready() ?? '-')}\0`);
    const [shim = 0] = readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name) && isSpare(name))
      .map(Number);
    return [shim, ...processes().filter((pid) => parent(pid) === shim)];
  }

  function processes(): number[] {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number);
  }

  /** True when a spare has run the command of this handle. */
  function wasSpare({ handle }: { handle: BackendHandle }): boolean {
    return readdirSync(join(root, 'spool', String(handle.ref['producerId']))).includes('ready');
  }

  test('a command begins as one that the server started itself: environment, folder, signals, descriptors, limits', async () => {
    const env = { QUOTED: `it's "$HOME" \`id\` \\ \n two lines`, EMPTY: '', OLDPWD: '/x', SHLVL: '7', HÄ: 'no plain name' };
    const { HÄ: _, ...plain } = env;
    const facts = [
      'tr "\\0" "\\n" < /proc/self/environ | sort',
      'pwd; umask; ulimit -a; readlink /proc/self/cwd',
      'grep -E "^(Sig(Pnd|Blk|Ign|Cgt)|NoNewPrivs|Seccomp|Cap)" /proc/self/status',
      'ls -l /proc/self/fd | sed "s/.*[0-9] -> /-> /; s/[0-9]\\{3,\\}/N/"',
      'read -r _ _ _ _ group session _ < /proc/$$/stat; test "$group" = $$ && test "$session" = $$ && echo leads',
    ].join('; ');
    const direct = await run(facts, { env: plain });
    expect(parent((await start('sleep 30', { env })).pid)).toBe(process.pid);
    await warm();
    const launched = await run(facts, { env: plain });
    expect(parent((await start('sleep 30')).pid)).not.toBe(process.pid);
    await spareReady();
    const spared = await run(facts, { env: plain });
    expect([wasSpare(direct), wasSpare(spared)]).toEqual([false, true]);
    const named = (text: string) => text.replaceAll(/HEADGATE_PRODUCER=p\d+/g, 'HEADGATE_PRODUCER=p');
    expect(named(launched.text)).toBe(named(direct.text));
    expect(launched.text).toContain('leads');
    expect(launched.sink.text(2)).toBe(direct.sink.text(2));
    expect(named(spared.text)).toBe(named(direct.text));
    expect(spared.sink.text(2)).toBe(direct.sink.text(2));
  });

  test('what a spare runs has its input, its end, its group and its exit code', async () => {
    await spareReady();
    const fed = await start('cat; kill -TERM $$', { stdin: true });
    expect(wasSpare(fed)).toBe(true);
    await fed.handle.write(Buffer.from('typed\n'));
    await fed.handle.closeInput();
    expect(await fed.handle.exited).toMatchObject({ exitCode: 143, signal: 'SIGTERM' });
    await fed.handle.closed;
    expect(fed.sink.text(1)).toBe('typed\n');
    await spareReady();
    const missing = await run('', { argv: ['no-such-program'] });
    expect([wasSpare(missing), missing.exit.exitCode, missing.sink.text(2)]).toEqual([true, 127, 'headgate: no-such-program: not found\n']);
    await spareReady();
    const killed = await start('sleep 300 & sleep 300');
    expect(wasSpare(killed)).toBe(true);
    await eventually(async () => (await killed.handle.processes?.())?.length === 3, 'the shell and its two programs run');
    const receipt = await killed.handle.kill({ ...KILL, signal: 'SIGTERM', graceMs: 5000 });
    expect(receipt).toMatchObject({ escaped: [], signals: [{ signal: 'SIGTERM' }] });
    expect(receipt.confirmedDead).toHaveLength(3);
  });

  test.each([
    ['SIGKILL', 'every process', () => true],
    ['SIGSTOP', 'every process', () => true],
    ['SIGKILL', 'the copiers', (pid: number) => read(`/proc/${pid}/comm`) === 'cat\n'],
    ['SIGKILL', 'the holder of the input', (pid: number) => read(`/proc/${pid}/comm`) === 'sleep\n'],
  ] as const)('after %s of %s of the spare the next command runs, once, with all it has', async (signal, _, isMeant) => {
    const spare = await spareReady();
    const meant = spare.filter(isMeant);
    expect(meant.length).toBeGreaterThan(0);
    for (const pid of meant) process.kill(pid, signal);
    const reached = signal === 'SIGKILL' ? ['', 'Z'] : ['T'];
    await eventually(() => meant.every((pid) => reached.includes(state(pid))), 'the signal has reached all of them');
    const after = await start('cat; echo x >> runs; cat runs', { stdin: true });
    if (signal === 'SIGSTOP') for (const pid of meant) process.kill(pid, 'SIGCONT');
    await after.handle.write(Buffer.from('typed\n'));
    await after.handle.closeInput();
    expect(await after.handle.exited).toMatchObject({ exitCode: 0 });
    await after.handle.closed;
    await eventually(() => spare.every((pid) => ['', 'Z'].includes(state(pid))), 'the spare has left');
    expect([read(join(cwd, 'runs')), after.sink.text(1)]).toEqual(['x\n', 'typed\nx\n']);
  });

  test('a spare leaves with its launcher', async () => {
    const spare = await spareReady();
    for (const pid of launchers()) process.kill(pid, 'SIGKILL');
    await eventually(() => spare.every((pid) => state(pid) === ''), 'the spare has left');
  });

  test('a command whose environment a shell would change is started without it', async () => {
    await warm();
    const { pid } = await start('sleep 30', { env: { 'not.plain': 'x', IFS: ':' } });
    expect(parent(pid)).toBe(process.pid);
  });

  test('a folder whose name goes up from a link is the one that the kernel finds', async () => {
    mkdirSync(join(root, 'real', 'sub'), { recursive: true });
    symlinkSync(join(root, 'real', 'sub'), join(cwd, 'link'));
    await warm();
    const { text } = await run('readlink /proc/$$/cwd; cut -d " " -f 4 /proc/$PPID/stat', { cwd: `${cwd}/link/..` });
    const [folder, parentOfShim] = text.split('\n');
    expect(folder).toBe(join(root, 'real'));
    expect(parentOfShim).not.toBe(String(process.pid));
  });

  test('a word with a NUL is refused, and not given on without it', async () => {
    await warm();
    await expect(start('printf', { argv: ['printf', '%s', 'a\0b'] })).rejects.toThrow(/null bytes/);
  });

  test('a launcher that was killed is started again', async () => {
    await warm();
    const [first = 0] = launchers();
    process.kill(first, 'SIGKILL');
    await eventually(async () => {
      // The first may still be run by the spare of the old one.
      await warm();
      return launchers().length === 1;
    }, 'there is a launcher again');
    expect(launchers()).not.toContain(first);
  });

  test.each([['SIGKILL'], ['SIGSTOP']] as const)(
    'after %s of the launcher the next command runs, once, and those that run go on',
    async (signal) => {
      await warm();
      const before = await start('read -r line < /dev/null; sleep 30');
      const [launcher = 0] = launchers();
      process.kill(launcher, signal);
      const after = await run('echo x >> runs; cat runs');
      expect([after.exit.exitCode, after.text]).toEqual([0, 'x\n']);
      if (signal === 'SIGSTOP') await eventually(() => !launchers().includes(launcher), 'the stopped launcher is ended');
      expect(read(join(cwd, 'runs'))).toBe('x\n');
      expect(state(before.pid)).not.toBe('');
    },
  );

  test('a launcher that is killed at any moment of many starts: each command runs once', async () => {
    await warm();
    const began = Array.from({ length: 40 }, (_, index) => run(`echo ${index} >> each`));
    for (let killed = 0; killed < 3; killed++) {
      await eventually(() => readdirSync(join(root, 'spool')).length > 5 * killed, 'some are under way');
      for (const pid of launchers()) process.kill(pid, 'SIGKILL');
    }
    const exits = (await Promise.all(began)).map(({ exit }) => exit.exitCode);
    expect(exits).toEqual(Array.from({ length: 40 }, () => 0));
    const ran = read(join(cwd, 'each')).trim().split('\n').map(Number);
    expect(ran.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, index) => index));
  });

  /** Starts a command while the launcher is stopped, and takes its working folder away, so that the server cannot start it either. */
  async function startInVain(command: string) {
    await spareReady();
    for (const pid of launchers()) process.kill(pid, 'SIGSTOP');
    // Takes the spare, and there is no other while the launcher is stopped.
    expect(wasSpare(await run('true'))).toBe(true);
    const started = start(command);
    started.catch(() => {});
    const folder = join(root, 'spool', `p${count}`);
    await eventually(() => read(join(folder, 'launch')).endsWith('\n'), 'the launcher was told');
    const launch = read(join(folder, 'launch'));
    renameSync(cwd, `${cwd} away`);
    return { started, folder, launch };
  }

  test('a shim that claims its folder while the server fails to start another one is followed', async () => {
    const { started, folder } = await startInVain('echo x');
    // In the place of a shim: it claims, runs and publishes as the clauses about the folder say.
    writeFileSync(join(folder, 'pid'), '');
    const shim = spawn('sleep', ['30'], { stdio: 'ignore' });
    const { handle, sink } = await started;
    const { pid, startTicks, bootId } = identify(Number(shim.pid)) ?? {};
    writeFileSync(join(folder, 'pid'), `${pid} ${startTicks} ${bootId}\n`);
    writeFileSync(join(folder, 'out.1'), 'late\n');
    writeFileSync(join(folder, 'exit'), '7\n');
    shim.kill('SIGKILL');
    expect(await handle.exited).toMatchObject({ exitCode: 7 });
    await handle.closed;
    expect(sink.text(1)).toBe('late\n');
  });

  test('a shim that comes after the server has failed to start the command does not run it', async () => {
    const { started, folder, launch } = await startInVain('echo x >> runs');
    await expect(started).rejects.toThrow(/cannot be started/);
    expect(existsSync(folder)).toBe(false);
    renameSync(`${cwd} away`, cwd);
    spawnSync('/bin/sh', ['-c', launch, 'sh', join(root, 'spool'), 'setsid'], { stdio: 'ignore' });
    const again = await run('echo y >> runs; cat runs');
    expect(again.text).toBe('y\n');
  });

  test('leaves no zombies, and a shim that is killed ends its command as lost', async () => {
    await warm();
    const { pid } = await run('true');
    await eventually(() => state(pid) === '', 'the shim is reaped');
    const { handle, pid: shim } = await start('sleep 30');
    process.kill(shim, 'SIGKILL');
    expect(await handle.exited).toMatchObject({ exitCode: null });
  });

  test('a working folder that goes away before the start is named', async () => {
    await warm();
    rmSync(cwd, { recursive: true });
    await expect(start('true')).rejects.toThrow(/working directory .* does not exist/);
  });
});

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** State and parent in the process's stat line; empty and NaN when it is gone. */
function state(pid: number): string {
  return read(`/proc/${pid}/stat`).split(') ')[1]?.[0] ?? '';
}

function parent(pid: number): number {
  return Number(read(`/proc/${pid}/stat`).split(') ')[1]?.split(' ')[1]);
}
