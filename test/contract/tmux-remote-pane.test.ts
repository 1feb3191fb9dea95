import { type ChildProcess, fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { ShellHost } from '../../src/backends/remote/shell-host.ts';
import { SshHosts } from '../../src/backends/ssh/ssh-backend.ts';
import { createTmuxBackend, RemoteTmux } from '../../src/backends/tmux/index.ts';
import { systemClock } from '../../src/core/clock.ts';
import { silentLogger } from '../../src/core/logger.ts';
import type { Backend, BackendHandle, BackendRef } from '../../src/model/ports/backend.ts';
import type { ProducerSpec } from '../../src/model/records.ts';
import { LocalHost } from '../support/local-host.ts';
import { serviceAvailable } from '../support/require.ts';
import { Sshd } from '../support/services/sshd.ts';
import { KILL } from './backend-kill.contract.ts';
import { eventually, isRunning, StoringSink, sha256 } from './backend-probe.ts';

const BURSTS =
  'stty -opost < /dev/tty; echo ran >> runs; i=0; while [ $i -lt 30 ]; do seq $((i*5000+1)) $((i*5000+5000)); i=$((i+1)); sleep 0.05; done; exit 42';
const NUMBERS = Array.from({ length: 150_000 }, (_, i) => `${i + 1}\n`).join('');

describe.skipIf(!serviceAvailable('tmux') || !serviceAvailable('sshd'))('{#backend_tmux} tmux over SSH', () => {
  let sshd: Sshd;
  let root: string;
  let socket: string;
  let hosts: SshHosts;
  let backend: Backend;
  let handles: BackendHandle[];
  let children: ChildProcess[];
  let count = 0;

  beforeAll(async () => {
    sshd = await Sshd.start();
  });

  afterAll(async () => {
    await sshd.stop();
  });

  const state = () => join(root, 'state');

  function open(host?: ShellHost): Backend {
    const shared = { clock: systemClock, logger: silentLogger, detachedGraceMs: 300 };
    const hostOf = host ? () => host : (place: Parameters<SshHosts['host']>[0]) => hosts.host(place);
    return createTmuxBackend(
      { ...shared, folder: join(root, 'spool') },
      undefined,
      new RemoteTmux({ ...shared, root: state(), runner: () => 'test-runner', hostOf }),
    );
  }

  function tmux(...args: string[]): string {
    const { status, stdout, stderr } = spawnSync('tmux', ['-S', socket, '-f', '/dev/null', ...args], { encoding: 'utf8' });
    if (status !== 0) throw new Error(`tmux ${args[0]}: ${stderr}`);
    return stdout;
  }

  const isServing = () => spawnSync('tmux', ['-S', socket, 'list-sessions']).status === 0;
  const panes = () => (isServing() ? tmux('list-panes', '-a', '-F', '#{pane_id} #{pane_pipe}').trim().split('\n') : []);
  const foreignPane = (command: string) =>
    tmux('new-session', '-d', '-P', '-F', '#{pane_id}', '-s', 'theirs', '-x', '80', '-y', '24', '/bin/sh', '-c', command).trim();

  /** Processes that have a file of a producer folder over there open. */
  function holders(): number[] {
    const filesOf = (pid: number): string[] => {
      try {
        return readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
      } catch {
        return [];
      }
    };
    const pids = readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number);
    return pids.filter((pid) => filesOf(pid).some((file) => file.startsWith(`${state()}/`)));
  }

  function requestOf(command: string, change: Partial<ProducerSpec> = {}) {
    const spec = { command, cwd: root, env: {}, stdin: false, ssh: sshd.place(), tmux: { socket }, ...change };
    return { producerId: `p${++count}`, spec };
  }

  async function start(command: string, change: Partial<ProducerSpec> = {}, on = backend) {
    const sink = new StoringSink();
    const request = requestOf(command, change);
    const handle = await on.start(request, sink);
    handles.push(handle);
    return { handle, sink, request };
  }

  const watch = (pane: string, change: Partial<ProducerSpec> = {}, history?: number) =>
    start('', { tmux: { socket, pane, ...(history === undefined ? {} : { history }) }, ...change });

  beforeEach(() => {
    root = realpathSync(mkdtempSync(join(tmpdir(), 'headgate-far-pane-')));
    socket = join(root, 'tmux.sock');
    hosts = new SshHosts();
    backend = open();
    handles = [];
    children = [];
  });

  afterEach(async () => {
    for (const child of children) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const exit = once(child, 'exit');
      child.kill('SIGKILL');
      await exit;
    }
    for (const handle of handles) await handle.kill({ ...KILL, signal: 'SIGKILL' });
    for (const handle of handles) await handle.detach();
    for (const handle of handles) await handle.dispose();
    hosts.closeUnused();
    spawnSync('tmux', ['-S', socket, 'kill-server']);
    await eventually(() => !isServing() && holders().length === 0, 'the end of the tmux server and its pipes');
    expect(existsSync(state()) ? readdirSync(state()) : []).toEqual([]);
    rmSync(root, { recursive: true, force: true });
  });

  async function crashAfter(spec: ProducerSpec, sink: StoringSink, enough: () => boolean): Promise<BackendRef | null> {
    const child = fork(fileURLToPath(new URL('./tmux-child.ts', import.meta.url)), [state(), 'crashed', JSON.stringify(spec)], {
      execArgv: ['--import', new URL('../support/from-sources.mjs', import.meta.url).href],
    });
    children.push(child);
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

  describe('a command in a window', () => {
    test('leaves nothing behind: no session, no pipe, no process, no folder', async () => {
      const { handle, sink } = await start('echo hello; pwd');
      expect(await handle.closed).toEqual({ detached: [] });
      expect(sink.text(1)).toBe(`hello\r\n${root}\r\n`);
      await handle.dispose();
      await eventually(() => !isServing() && holders().length === 0, 'the session, its server and the pipe end');
      expect(readdirSync(state())).toEqual([]);
    });

    test('has its variables, whatever is in them, and a tmux server that it is the first to start has none of ours', async () => {
      const odd = 'it\'s "#{pane_id}" %H $HOME `x` \\ hällo';
      const { handle, sink } = await start('printf "%s|" "$ODD"; env | grep HEADGATE_LAUNCH; tmux show-environment -g', {
        env: { ODD: odd, LONG: 'é'.repeat(60_000) },
      });
      await handle.closed;
      const [first = '', rest = ''] = sink.text(1).split('|');
      expect(first).toBe(odd);
      expect(rest).toContain('HOME=');
      expect(rest).not.toMatch(/HEADGATE|ODD|LONG/);
    });

    test('SSH dropping: sshd kills the session in the middle, three times, and every byte arrives once', async () => {
      const { handle, sink } = await start(BURSTS);
      for (const enough of [50_000, 350_000, 650_000]) {
        await eventually(() => sink.bytes(1) > enough, `${enough} bytes have come`);
        sshd.killSessions();
      }
      expect((await handle.exited).exitCode).toBe(42);
      await handle.closed;
      expect([sha256(sink.of(1)), sink.repeated]).toEqual([sha256(NUMBERS), 0]);
      expect(readFileSync(join(root, 'runs'), 'utf8')).toBe('ran\n');
    });

    test('typed input whose link breaks is typed once', async () => {
      const { handle, sink } = await start('stty raw -echo; echo ready; head -c 60000 | sha256sum', { stdin: true });
      await sink.match(1, /ready/);
      const bytes = Buffer.from(Array.from({ length: 60_000 }, (_, i) => (i * 7) % 256));
      for (let at = 0; at < bytes.length; at += 500) {
        for (let rest = bytes.subarray(at, at + 500); rest.length > 0; ) rest = rest.subarray((await handle.write(rest)).bytes);
        if (at % 20_000 === 10_000) sshd.killSessions();
      }
      await handle.closed;
      expect(sink.text(1)).toContain(sha256(bytes));
    });

    test('{#adopt} a server killed with -9 while output goes on: every byte once, the exit code, the command unharmed', async () => {
      const sink = new StoringSink();
      const request = { ...requestOf(BURSTS), producerId: 'crashed' };
      const ref = await crashAfter(request.spec, sink, () => sink.bytes(1) > 20_000);
      const adopted = await backend.adopt(request, ref, sink.offsets(), sink);
      handles.push(adopted);
      expect(await adopted.exited).toMatchObject({ exitCode: 42, signal: null });
      await adopted.closed;
      expect([sha256(sink.of(1)), sink.repeated]).toEqual([sha256(NUMBERS), 0]);
      expect(readFileSync(join(root, 'runs'), 'utf8')).toBe('ran\n');
    });

    test('begins with the size that was asked for, and sees every other', async () => {
      const tty = { term: 'xterm', cols: 97, rows: 31 };
      const { handle, sink } = await start('trap "stty size" WINCH; stty size; while :; do sleep 0.02; done', { stdin: true, tty });
      await sink.match(1, /^31 97\r\n/);
      await handle.resize(120, 40);
      await sink.match(1, /40 120\r\n/);
      await expect(handle.resize(0, 40)).rejects.toMatchObject({ kind: 'invalid_params' });
      await handle.kill(KILL);
      await expect(handle.resize(80, 24)).rejects.toMatchObject({ kind: 'conflict' });
    });

    test('a signal reaches what is in the foreground of an interactive shell, and the shell lives', async () => {
      const { handle, sink } = await start('PS1="ready> " exec sh -i -m', { stdin: true });
      await sink.match(1, /ready> /);
      const claim = Number(readFileSync(join(state(), 'test-runner', `p${count}`, 'pid'), 'latin1').split(' ')[0]);
      const foreground = () => readFileSync(`/proc/${claim}/stat`, 'latin1').split(') ')[1]?.split(' ')[5];
      const shell = foreground();
      await handle.write(Buffer.from('sleep 300; echo "ended with $?"\n'));
      await eventually(() => foreground() !== shell, 'the sleep is in the foreground');
      await handle.signal('SIGTERM');
      await sink.match(1, /ended with 143/);
      await handle.write(Buffer.from('exit 5\n'));
      expect((await handle.exited).exitCode).toBe(5);
    });

    test('a pipe that somebody takes away is told of at the end, not passed over', async () => {
      const { handle, sink } = await start('echo one; while ! [ -e go ]; do sleep 0.02; done; echo two');
      await sink.match(1, /one/);
      tmux('pipe-pane', '-t', 'headgate');
      writeFileSync(join(root, 'go'), '');
      expect((await handle.exited).exitCode).toBe(0);
      expect((await handle.closed).cut).toMatch(/pipe/);
      expect(sink.text(1)).toBe('one\r\n');
    });

    test('a shim that was killed leaves a producer that is lost, with all that was written', async () => {
      const { handle, sink } = await start('seq 1 20000; echo up; sleep 300');
      await sink.match(1, /up/);
      process.kill(Number(readFileSync(join(state(), 'test-runner', `p${count}`, 'pid'), 'latin1').split(' ')[0]), 'SIGKILL');
      expect(await handle.exited).toEqual({ exitCode: null, signal: null });
      await handle.closed;
      expect(sink.text(1).endsWith('20000\r\nup\r\n')).toBe(true);
    });

    test('a tmux server that is killed ends it, with what was written', async () => {
      const { handle, sink } = await start('i=0; while :; do echo $i; i=$((i+1)); sleep 0.01; done');
      await sink.match(1, /\n20\r\n/);
      tmux('kill-server');
      expect(await handle.exited).toMatchObject({ signal: 'SIGHUP' });
      await handle.closed;
      expect(sink.text(1).startsWith('0\r\n1\r\n2\r\n')).toBe(true);
    });

    test('{#back_pressure} waits while the store takes nothing, though tmux continues what stops, and goes on', async () => {
      let taking = false;
      const sink = new StoringSink();
      const moody = {
        write: (channel: number, offset: number, bytes: Buffer) =>
          taking ? sink.write(channel, offset, bytes) : Promise.reject(new Error('disk full')),
      };
      const line = 'x'.repeat(1000);
      const command = `stty -opost < /dev/tty; trap '' HUP; i=0; while [ $i -lt 40000 ]; do echo "$i ${line}"; i=$((i+1)); [ $((i % 200)) != 0 ] || sleep 0.05; done`;
      const handle = await backend.start(requestOf(command), moody);
      handles.push(handle);
      const folder = join(state(), 'test-runner', `p${count}`);
      // tmux carries some MiB a second on a busy machine, and a look at the lag may take a second there.
      const written = () => statSync(join(folder, 'out.1'), { throwIfNoEntry: false })?.size ?? 0;
      for (let mib = 1; mib <= 16; mib++) await eventually(() => written() > mib * 1024 * 1024, `${mib} MiB are written`);
      await eventually(() => existsSync(join(folder, 'stopped')), 'the command is stopped');
      taking = true;
      expect((await handle.exited).exitCode).toBe(0);
      await handle.closed;
      expect(sha256(sink.of(1))).toBe(sha256(Array.from({ length: 40_000 }, (_, i) => `${i} ${line}\n`).join('')));
    }, 60_000);
  });

  describe('a watch of a pane', () => {
    test('begins with its history and goes on over lost links, without a byte lost or repeated, and nothing is left', async () => {
      const pane = foreignPane(
        // What tmux keeps of a pane is 2,000 rows: no more are written before the watch has begun.
        `i=0; while [ $i -lt 4000 ]; do [ $i = 1000 ] && until [ -e ${root}/began ]; do sleep 0.02; done; echo line $i; i=$((i+1)); [ $((i % 20)) = 0 ] && sleep 0.01; done; sleep 0.2`,
      );
      const { handle, sink } = await watch(pane);
      writeFileSync(join(root, 'began'), '');
      for (const enough of [5000, 20_000]) {
        await eventually(() => sink.bytes(1) > enough, `${enough} bytes have come`);
        sshd.killSessions();
      }
      expect(await handle.exited).toMatchObject({ exitCode: 0 });
      await handle.closed;
      expect(sink.text(1)).toBe(Array.from({ length: 4000 }, (_, i) => `line ${i}\r\n`).join(''));
      await eventually(() => !isServing() && holders().length === 0, 'nothing is left');
    });

    test('cancelled leaves the pane and its command alone and takes its pipe away', async () => {
      const pane = foreignPane('echo $$; while :; do echo tick; sleep 0.02; done');
      const { handle, sink } = await watch(pane);
      const [, pid] = await sink.match(1, /^(\d+)\r\n[^]*tick/);
      expect(panes()).toEqual([`${pane} 1`]);
      expect(await handle.kill(KILL)).toMatchObject({ signals: [], escaped: [], requestedBy: 'test' });
      expect(await handle.exited).toMatchObject({ exitCode: 0 });
      await handle.closed;
      expect(panes()).toEqual([`${pane} 0`]);
      expect(isRunning(Number(pid))).toBe(true);
      expect(tmux('list-buffers')).toBe('');
      const again = await watch(pane, {}, 0);
      await again.sink.match(1, /tick/);
    });

    test('types into the pane when input was asked for; size and signals are not its own', async () => {
      const pane = foreignPane('while read line; do echo "got $line"; done');
      const { handle, sink } = await watch(pane, { stdin: true });
      await handle.write(Buffer.from('hello\n'));
      await sink.match(1, /got hello/);
      await expect(handle.closeInput()).rejects.toMatchObject({ kind: 'unsupported' });
      await handle.write(Buffer.from('again\n'));
      await sink.match(1, /got again/);
      await expect(handle.resize(80, 24)).rejects.toMatchObject({ kind: 'unsupported' });
      await expect(handle.signal('SIGTERM')).rejects.toMatchObject({ kind: 'unsupported' });
    });

    test('{#adopt} goes on after the server was killed with -9', async () => {
      const pane = foreignPane(
        `i=0; while [ $i -lt 300 ]; do [ $i = 100 ] && until [ -e ${root}/go ]; do sleep 0.02; done; echo line $i; i=$((i+1)); sleep 0.005; done`,
      );
      const sink = new StoringSink();
      const request = { ...requestOf('', { tmux: { socket, pane } }), producerId: 'crashed' };
      const ref = await crashAfter(request.spec, sink, () => sink.bytes(1) > 200);
      const adopted = await backend.adopt(request, ref, sink.offsets(), sink);
      handles.push(adopted);
      writeFileSync(join(root, 'go'), '');
      expect(await adopted.exited).toMatchObject({ exitCode: 0 });
      await adopted.closed;
      expect(sink.text(1)).toBe(Array.from({ length: 300 }, (_, i) => `line ${i}\r\n`).join(''));
      expect(sink.repeated).toBe(0);
    });

    test('of a pane that is piped already is refused by name, and that pipe stays', async () => {
      const pane = foreignPane('while :; do echo tick; sleep 0.02; done');
      tmux('pipe-pane', '-t', pane, `exec cat >> ${root}/theirs`);
      await expect(watch(pane)).rejects.toMatchObject({ kind: 'conflict', facts: { outcome: 'pane_piped' } });
      expect(panes()).toEqual([`${pane} 1`]);
    });
  });

  describe('is refused by name, and leaves nothing', () => {
    test.each([
      ['a pane', { pane: '%999' }, 'pane_missing'],
      ['a session to watch', { pane: 'nosuch:1.0' }, 'pane_missing'],
    ])('when %s is not there', async (_what, place, outcome) => {
      foreignPane('sleep 300');
      await expect(start('', { tmux: { socket, ...place } })).rejects.toMatchObject({ kind: 'not_found', facts: { outcome } });
    });

    test('when there is no server to watch, and no folder for the socket', async () => {
      const unreachable = { kind: 'not_found', facts: { outcome: 'tmux_unreachable' } };
      await expect(watch('%0')).rejects.toMatchObject(unreachable);
      await expect(start('true', { tmux: { socket: join(root, 'no/such/folder/s') } })).rejects.toMatchObject(unreachable);
    });

    test('when the working directory is not there', async () => {
      await expect(start('true', { cwd: join(root, 'none') })).rejects.toMatchObject({ facts: { outcome: 'cwd_missing' } });
    });
  });

  test('links that break at random bytes, also while it starts: the command runs once, and every byte arrives once', async () => {
    const host: LocalHost = new LocalHost({ cutAfter: () => (host.cuts < 12 ? 1 + Math.floor(Math.random() * 3000) : undefined) });
    const command = 'stty -opost < /dev/tty; echo ran >> runs; i=0; while [ $i -lt 4000 ]; do echo line $i; i=$((i+1)); done; exit 5';
    const { handle, sink } = await start(command, {}, open(host));
    expect((await handle.exited).exitCode).toBe(5);
    await handle.closed;
    expect(host.cuts).toBeGreaterThan(1);
    expect(sink.text(1)).toBe(Array.from({ length: 4000 }, (_, i) => `line ${i}\n`).join(''));
    expect(readFileSync(join(root, 'runs'), 'utf8')).toBe('ran\n');
    await handle.dispose();
    handles = [];
    await host.close();
  });
});
