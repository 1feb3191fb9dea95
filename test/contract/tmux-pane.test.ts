import { type ChildProcess, fork, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createTmuxBackend } from '../../src/backends/tmux/index.ts';
import { localShell } from '../../src/backends/tmux/shell.ts';
import { systemClock } from '../../src/core/clock.ts';
import { silentLogger } from '../../src/core/logger.ts';
import type { Backend, BackendHandle, BackendRef } from '../../src/model/ports/backend.ts';
import type { ProducerSpec } from '../../src/model/records.ts';
import { serviceAvailable } from '../support/require.ts';
import { eventually, isRunning, StoringSink, sha256 } from './backend-probe.ts';

const KILL = { requestedBy: 'test', reason: null, signal: 'SIGTERM', graceMs: 2000 };
const RUNS = Number(process.env['HEADGATE_TMUX_RUNS'] ?? 40);

describe.skipIf(!serviceAvailable('tmux'))('{#backend_tmux} tmux', () => {
  let root: string;
  let socket: string;
  let backend: Backend;
  let handles: BackendHandle[];
  let children: ChildProcess[];
  let count = 0;

  const open = () => createTmuxBackend({ folder: join(root, 'spool'), clock: systemClock, logger: silentLogger });

  /** Runs one command of tmux on the private server. */
  function tmux(...args: string[]): string {
    const { status, stdout, stderr } = spawnSync('tmux', ['-S', socket, '-f', '/dev/null', ...args], { encoding: 'utf8' });
    if (status !== 0) throw new Error(`tmux ${args[0]}: ${stderr}`);
    return stdout;
  }

  const isServing = () => spawnSync('tmux', ['-S', socket, 'list-sessions']).status === 0;
  const panes = () => (isServing() ? tmux('list-panes', '-a', '-F', '#{pane_id} #{pane_pipe}').trim().split('\n') : []);

  /** A pane that somebody else made, running `command`. */
  function foreignPane(command: string): string {
    return tmux('new-session', '-d', '-P', '-F', '#{pane_id}', '-s', 'theirs', '-x', '80', '-y', '24', '/bin/sh', '-c', command).trim();
  }

  /** Processes that have a file below the root open: the `cat` of a pipe. */
  function holders(): number[] {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .filter((pid) => filesOf(pid).some((file) => file.startsWith(`${root}/spool/`)));
  }

  function filesOf(pid: number): string[] {
    try {
      return readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
    } catch {
      return [];
    }
  }

  function requestOf(command: string, change: Partial<ProducerSpec> = {}) {
    return { producerId: `p${++count}`, spec: { command, cwd: root, env: {}, stdin: false, tmux: { socket }, ...change } };
  }

  async function start(command: string, change: Partial<ProducerSpec> = {}) {
    const sink = new StoringSink();
    const request = requestOf(command, change);
    const handle = await backend.start(request, sink);
    handles.push(handle);
    return { handle, sink, request };
  }

  const watch = (pane: string, change: Partial<ProducerSpec> = {}, history?: number) =>
    start('', { tmux: { socket, pane, ...(history === undefined ? {} : { history }) }, ...change });

  beforeEach(() => {
    root = realpathSync(mkdtempSync(join(tmpdir(), 'headgate-pane-')));
    socket = join(root, 'tmux.sock');
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
    spawnSync('tmux', ['-S', socket, 'kill-server']);
    await eventually(() => !isServing() && holders().length === 0, 'the end of the tmux server and its pipes');
    rmSync(root, { recursive: true, force: true });
  });

  /** A server in a process of its own that starts a command and is killed with -9 once `enough` says so. */
  async function crashAfter(spec: ProducerSpec, sink: StoringSink, enough: () => boolean): Promise<BackendRef | null> {
    const child = fork(fileURLToPath(new URL('./tmux-child.ts', import.meta.url)), [join(root, 'spool'), 'crashed', JSON.stringify(spec)], {
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

  /** Somebody who attaches to a session, in a terminal of their own. */
  async function viewer(session: string): Promise<ChildProcess> {
    const before = tmux('list-clients').split('\n').length;
    const env = { ...process.env, TERM: 'xterm-256color', TMUX: undefined };
    const child = spawn('script', ['-q', '-f', '-c', `exec tmux -S ${socket} attach -t ${session}`, '/dev/null'], {
      env,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    children.push(child);
    await eventually(() => tmux('list-clients').split('\n').length > before, 'the viewer is attached');
    return child;
  }

  describe('a command in a window', () => {
    test(
      `delivers the last byte of commands that end right after it, ${RUNS} of ${RUNS} times`,
      async () => {
        const expected = Array.from({ length: 5000 }, (_, i) => `${i + 1}\n`).join('');
        for (let i = 0; i < RUNS; i++) {
          const { handle, sink } = await start('stty -opost < /dev/tty; seq 1 5000; exit 3');
          expect((await handle.exited).exitCode).toBe(3);
          expect(await handle.closed).toEqual({ detached: [] });
          expect(sha256(sink.of(1))).toBe(sha256(expected));
        }
      },
      30_000 + RUNS * 1000,
    );

    test('leaves nothing behind: no session, no pipe, no process, no folder', async () => {
      const { handle, sink } = await start('echo hello; tty');
      await handle.closed;
      expect(sink.text(1)).toMatch(/^hello\r\n(not a tty|\/dev\/pts\/\d+)\r\n$/);
      await handle.dispose();
      await eventually(() => !isServing() && holders().length === 0, 'the session, its server and the pipe end');
      expect(readdirSync(join(root, 'spool')).filter((name) => !name.startsWith('shim-'))).toEqual([]);
    });

    test('{#detached} ends what the command left in the background, as a terminal that goes does, and names none of it', async () => {
      const { handle, sink } = await start('sleep 300 & echo $!');
      expect(await handle.closed).toEqual({ detached: [] });
      await eventually(() => !isRunning(Number(sink.text(1))), 'the end of what was left');
    });

    test('runs in the session that was asked for, made when it is not there, and leaves the other windows of it alone', async () => {
      foreignPane('sleep 300');
      const [theirs] = panes();
      const { handle, sink } = await start('tmux display-message -p "#{session_name}"', { tmux: { socket, session: 'theirs' } });
      await handle.closed;
      expect(sink.text(1)).toBe('theirs\r\n');
      const { handle: own, sink: ownSink } = await start('tmux display-message -p "#{session_name}"');
      await own.closed;
      expect(ownSink.text(1)).toBe('headgate\r\n');
      await eventually(() => panes().length === 1, 'both windows are closed');
      expect(panes()).toEqual([theirs]);
    });

    test('is seen by two viewers, who see nothing but the output, and one that goes away changes nothing', async () => {
      const { handle, sink } = await start('echo one; read line; echo "got $line"; sleep 300', { stdin: true });
      await sink.match(1, /one/);
      const [first] = [await viewer('headgate'), await viewer('headgate')];
      const gone = once(first, 'exit');
      first.kill('SIGKILL');
      await gone;
      await handle.write(Buffer.from('two\n'));
      await sink.match(1, /got two/);
      expect(tmux('capture-pane', '-p', '-t', 'headgate').trim()).toBe('one\ntwo\ngot two');
      const receipt = await handle.kill(KILL);
      expect(receipt.escaped).toEqual([]);
      await handle.closed;
    });

    test('takes what a viewer types as well as what is written, and writing reaches it while a viewer is in copy mode', async () => {
      const { handle, sink } = await start('stty -echo; echo up; while read line; do echo "got $line"; done', { stdin: true });
      await sink.match(1, /up/);
      tmux('send-keys', '-t', 'headgate', 'typed', 'Enter');
      await sink.match(1, /got typed/);
      tmux('copy-mode', '-t', 'headgate');
      await handle.write(Buffer.from('written\n'));
      await sink.match(1, /got written/);
      await handle.closeInput();
      expect((await handle.exited).exitCode).toBe(0);
    });

    test('gets every byte that is written, whatever it is, once its terminal passes them on', async () => {
      const all = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
      const bytes = Buffer.concat(Array.from({ length: 400 }, () => all));
      const { handle, sink } = await start(`stty raw -echo; echo ready; head -c ${bytes.length} | sha256sum`, { stdin: true });
      await sink.match(1, /ready/);
      for (let at = 0; at < bytes.length; at += 30_000) await handle.write(bytes.subarray(at, at + 30_000));
      await handle.closed;
      expect(sink.text(1)).toContain(sha256(bytes));
    });

    test('keeps escape sequences raw', async () => {
      const { handle, sink } = await start(String.raw`printf '\033[31mred\033[0m\n\033]0;title\007'`);
      await handle.closed;
      expect(sink.text(1)).toBe('\u001b[31mred\u001b[0m\r\n\u001b]0;title\u0007');
    });

    test('ends whole after an escape sequence that it did not end, and with a lone beginning of one', async () => {
      for (const tail of [
        String.raw`\033]0;open`,
        String.raw`\033Pq`,
        String.raw`\033`,
        String.raw`\030`,
        String.raw`\030\033^HEADGATE END `,
      ]) {
        const { handle, sink } = await start(`printf 'x${tail}'`);
        expect((await handle.exited).exitCode).toBe(0);
        expect(await handle.closed).toEqual({ detached: [] });
        expect(sink.text(1)).toBe(`x${tail.replaceAll(String.raw`\033`, '\u001b').replaceAll(String.raw`\030`, '\u0018')}`);
      }
    });

    test('begins with the size that was asked for, and sees every other', async () => {
      const tty = { term: 'xterm', cols: 97, rows: 31 };
      const { handle, sink } = await start('trap "stty size" WINCH; stty size; while :; do sleep 0.02; done', { stdin: true, tty });
      await sink.match(1, /^31 97\r\n/);
      await handle.resize(120, 40);
      await sink.match(1, /40 120\r\n/);
      await expect(handle.resize(0, 40)).rejects.toMatchObject({ kind: 'invalid_params' });
      await handle.kill(KILL);
    });

    test('a signal reaches what is in the foreground of an interactive shell, and the shell lives', async () => {
      const { handle, sink } = await start('PS1="ready> " exec sh -i -m', { stdin: true });
      await sink.match(1, /ready> /);
      const claim = Number(readFileSync(join(root, 'spool', `p${count}`, 'pid'), 'latin1').split(' ')[0]);
      const foreground = () => readFileSync(`/proc/${claim}/stat`, 'latin1').split(') ')[1]?.split(' ')[5];
      const shell = foreground();
      await handle.write(Buffer.from('sleep 300; echo "ended with $?"\n'));
      await eventually(() => foreground() !== shell, 'the sleep is in the foreground');
      await handle.signal('SIGTERM');
      await sink.match(1, /ended with 143/);
      await handle.write(Buffer.from('exit 5\n'));
      expect((await handle.exited).exitCode).toBe(5);
    });

    test('{#adopt} a server killed with -9 while output goes on: every byte once, the exit code, the command unharmed', async () => {
      const sink = new StoringSink();
      const command =
        'stty -opost < /dev/tty; i=0; while [ $i -lt 20 ]; do seq $((i*5000)) $((i*5000+4999)); i=$((i+1)); sleep 0.05; done; exit 42';
      const request = { ...requestOf(command), producerId: 'crashed' };
      const ref = await crashAfter(request.spec, sink, () => sink.bytes(1) > 20_000);
      expect(sink.bytes(1)).toBeLessThan(588_890);
      const adopted = await backend.adopt(request, ref, sink.offsets(), sink);
      handles.push(adopted);
      expect(await adopted.exited).toMatchObject({ exitCode: 42, signal: null });
      await adopted.closed;
      expect(sha256(sink.of(1))).toBe(sha256(Array.from({ length: 100_000 }, (_, i) => `${i}\n`).join('')));
      expect(sink.repeated).toBe(0);
    });

    test('a tmux server that is killed ends it, with what was written', async () => {
      const { handle, sink } = await start('i=0; while :; do echo $i; i=$((i+1)); sleep 0.01; done');
      await sink.match(1, /\n20\r\n/);
      tmux('kill-server');
      expect(await handle.exited).toMatchObject({ signal: 'SIGHUP' });
      await handle.closed;
      expect(sink.text(1).startsWith('0\r\n1\r\n2\r\n')).toBe(true);
      await eventually(() => holders().length === 0, 'the pipe ends');
    });

    test('a tmux server killed with -9 ends it, with what was written', async () => {
      const { handle, sink } = await start('echo $$; i=0; while :; do echo $i; i=$((i+1)); sleep 0.01; done');
      const [, pid] = await sink.match(1, /^(\d+)\r\n[^]*\n20\r\n/);
      process.kill(Number(tmux('display-message', '-p', '#{pid}')), 'SIGKILL');
      expect((await handle.exited).exitCode).not.toBe(0);
      await handle.closed;
      await eventually(() => !isRunning(Number(pid)) && holders().length === 0, 'the command and the pipe end');
    });

    test('a pipe that somebody takes away is told of at the end, not passed over', async () => {
      const { handle, sink } = await start('echo one; while ! [ -e go ]; do sleep 0.02; done; echo two');
      await sink.match(1, /one/);
      tmux('pipe-pane', '-t', 'headgate');
      spawnSync('touch', [join(root, 'go')]);
      expect((await handle.exited).exitCode).toBe(0);
      expect((await handle.closed).cut).toMatch(/pipe/);
      expect(sink.text(1)).toBe('one\r\n');
    });

    test('a shim that was killed leaves a producer that is lost, with all that was written', async () => {
      const { handle, sink } = await start('seq 1 20000; echo up; sleep 300');
      await sink.match(1, /up/);
      process.kill(Number(handle.ref['pid']), 'SIGKILL');
      expect(await handle.exited).toEqual({ exitCode: null, signal: null });
      await handle.closed;
      expect(sink.text(1).endsWith('20000\r\nup\r\n')).toBe(true);
      await handle.kill(KILL);
    });

    test('{#back_pressure} waits while the store takes nothing, though tmux continues what stops, and goes on', async () => {
      let taking = false;
      const sink = new StoringSink();
      const moody = {
        write: (channel: number, offset: number, bytes: Buffer) =>
          taking ? sink.write(channel, offset, bytes) : Promise.reject(new Error('disk full')),
      };
      const handle = await backend.start(requestOf('i=0; while [ $i -lt 3000 ]; do echo $i; i=$((i+1)); sleep 0.001; done'), moody);
      handles.push(handle);
      const folder = join(root, 'spool', `p${count}`);
      await eventually(() => existsSync(join(folder, 'stopped')), 'the command is stopped');
      const shim = Number(readFileSync(join(folder, 'pid'), 'latin1').split(' ')[0]);
      const states = () =>
        spawnSync('ps', ['-o', 'pid=,stat=', '--sid', String(shim)], { encoding: 'utf8' })
          .stdout.trim()
          .split('\n')
          .map((line) => line.trim().split(/\s+/))
          .filter(([pid]) => Number(pid) !== shim)
          .map(([, state]) => state?.[0])
          .filter((state) => state !== 'Z');
      await eventually(() => states().length > 0 && states().every((state) => state === 'T'), 'all of it is stopped');
      taking = true;
      expect((await handle.exited).exitCode).toBe(0);
      await handle.closed;
      expect(sink.text(1)).toBe(Array.from({ length: 3000 }, (_, i) => `${i}\r\n`).join(''));
    });

    test('does not get the secrets of the server, nor does a tmux server that it is the first to start', async () => {
      process.env['HEADGATE_TOKEN'] = 'a-secret';
      try {
        const { handle, sink } = await start('env; tmux show-environment -g', { env: { GREETING: "it's #{pane_id} %H" } });
        await handle.closed;
        expect(sink.text(1)).not.toContain('a-secret');
        expect(sink.text(1)).toContain("GREETING=it's #{pane_id} %H\r\n");
        expect(sink.text(1).match(/HEADGATE_PRODUCER=/g)).toHaveLength(1);
      } finally {
        delete process.env['HEADGATE_TOKEN'];
      }
    });
  });

  describe('a watch of a pane', () => {
    test('begins with its history and goes on without a byte lost or repeated in between', async () => {
      const pane = foreignPane(
        // What tmux keeps of a pane is 2,000 rows: no more are written before the watch has begun.
        `i=0; while [ $i -lt 4000 ]; do [ $i = 1000 ] && until [ -e ${root}/began ]; do sleep 0.02; done; echo line $i; i=$((i+1)); [ $((i % 50)) = 0 ] && sleep 0.005; done; sleep 0.2`,
      );
      const { handle, sink } = await watch(pane);
      writeFileSync(join(root, 'began'), '');
      expect(await handle.exited).toMatchObject({ exitCode: 0 });
      await handle.closed;
      expect(sink.text(1)).toBe(Array.from({ length: 4000 }, (_, i) => `line ${i}\r\n`).join(''));
      await eventually(() => !isServing() && holders().length === 0, 'nothing is left');
    });

    test('keeps the colours of the history, and begins with as many lines of it as were asked for', async () => {
      const pane = foreignPane(
        String.raw`i=0; while [ $i -lt 100 ]; do printf '\033[31mred %s\033[0m\n' $i; i=$((i+1)); done; printf '$ '; sleep 300`,
      );
      await eventually(() => tmux('capture-pane', '-p', '-t', pane).includes('$'), 'the prompt is there');
      const all = await watch(pane);
      await all.sink.match(1, /\$ $/);
      expect(all.sink.text(1)).toMatch(/^\u001b\[31mred 0[^]*red 99/);
      await all.handle.kill(KILL);
      const some = await watch(pane, {}, 10);
      await some.sink.match(1, /\$ $/);
      expect(some.sink.text(1)).toMatch(/^\u001b\[31mred 67\r\n/);
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
      await handle.dispose();
      await eventually(() => holders().length === 0, 'no cat is left');
      // And it can be watched again.
      const again = await watch(pane);
      await again.sink.match(1, /tick/);
    });

    test('of a pane that is piped already is refused by name, and that pipe stays', async () => {
      const pane = foreignPane('while :; do echo tick; sleep 0.02; done');
      tmux('pipe-pane', '-t', pane, `exec cat >> ${root}/theirs`);
      await expect(watch(pane)).rejects.toMatchObject({ kind: 'conflict', facts: { outcome: 'pane_piped' } });
      expect(panes()).toEqual([`${pane} 1`]);
      const size = readFileSync(join(root, 'theirs')).length;
      await eventually(() => readFileSync(join(root, 'theirs')).length > size, 'their pipe goes on');
    });

    test('started twice at once is one watch', async () => {
      const pane = foreignPane('while :; do echo tick; sleep 0.02; done');
      const request = requestOf('', { tmux: { socket, pane } });
      const [one, two] = [new StoringSink(), new StoringSink()];
      const both = await Promise.all([backend.start(request, one), open().start(request, two)]);
      handles.push(...both);
      await Promise.all([one.match(1, /tick/), two.match(1, /tick/)]);
      expect(panes()).toEqual([`${pane} 1`]);
    });

    test('types into the pane when input was asked for; size and signals are not its own', async () => {
      const pane = foreignPane('while read line; do echo "got $line"; done');
      const { handle, sink } = await watch(pane, { stdin: true });
      await handle.write(Buffer.from('hello\n'));
      await sink.match(1, /got hello/);
      await expect(handle.closeInput()).rejects.toMatchObject({ kind: 'unsupported' });
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

    test('ends with the tmux server, with what was written', async () => {
      const pane = foreignPane('while :; do echo tick; sleep 0.01; done');
      const { handle, sink } = await watch(pane);
      await sink.match(1, /(tick\r\n){5}/);
      tmux('kill-server');
      expect(await handle.exited).toMatchObject({ exitCode: 0 });
      await handle.closed;
    });
  });

  describe('what is not there', () => {
    test.each([
      ['a pane', { pane: '%999' }, 'pane_missing'],
      ['a session to watch', { pane: 'nosuch:1.0' }, 'pane_missing'],
    ])('%s is refused by name', async (_what, place, outcome) => {
      foreignPane('sleep 300');
      await expect(start('', { tmux: { socket, ...place } })).rejects.toMatchObject({ kind: 'not_found', facts: { outcome } });
      expect(readdirSync(join(root, 'spool')).filter((name) => !name.startsWith('shim-'))).toEqual([]);
    });

    test('a server to watch, and a folder for the socket, are refused by name', async () => {
      const unreachable = { kind: 'not_found', facts: { outcome: 'tmux_unreachable' } };
      await expect(watch('%0')).rejects.toMatchObject(unreachable);
      await expect(start('true', { tmux: { socket: join(root, 'no/such/folder/s') } })).rejects.toMatchObject(unreachable);
    });

    test.each([
      [{ session: 'a:b' }, 'tmux.session'],
      [{ session: '=a' }, 'tmux.session'],
      [{ socket: 'a/b' }, 'tmux.socket'],
      [{ pane: '-x' }, 'tmux.pane'],
    ])('what tmux would understand as something else is refused: %j', async (place, field) => {
      await expect(start('true', { tmux: place })).rejects.toMatchObject({ kind: 'invalid_params', facts: { field } });
    });

    test('without tmux, or with one that is too old, the backend says how to get it, and a command is refused with that', async () => {
      const bin = join(root, 'bin');
      mkdirSync(bin);
      const only = (text: string) => text.replace('$PATH:/usr/local/bin:/usr/bin:/bin', bin);
      const elsewhere = () =>
        createTmuxBackend({ folder: join(root, 'spool'), clock: systemClock, logger: silentLogger }, (script, args) =>
          localShell([])(only(script), args),
        );
      const missing = elsewhere();
      expect(await missing.capabilities()).toMatchObject({ available: false, reason: expect.stringContaining('apt-get install tmux') });
      await expect(missing.start(requestOf('true'), new StoringSink())).rejects.toMatchObject({ kind: 'unsupported' });
      writeFileSync(join(bin, 'tmux'), '#!/bin/sh\necho tmux 2.8\n', { mode: 0o755 });
      expect(await elsewhere().capabilities()).toMatchObject({
        available: false,
        reason: 'tmux 2.8 is too old; install tmux 2.9 or later',
      });
      writeFileSync(join(bin, 'tmux'), '#!/bin/sh\necho tmux next-3.8\n', { mode: 0o755 });
      expect(await missing.capabilities()).toMatchObject({ name: 'tmux', available: true, stdin: true, tty: true });
    });
  });
});
