import { fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createProcessBackend } from '../../src/backends/process/index.ts';
import { TERMINAL_PROBE_SH } from '../../src/backends/shim/terminal-probe-sh.ts';
import { systemClock } from '../../src/core/clock.ts';
import { silentLogger } from '../../src/core/logger.ts';
import { terminal } from '../../src/model/place.ts';
import type { Backend, BackendHandle, BackendRef, OutputSink } from '../../src/model/ports/backend.ts';
import type { ProducerSpec } from '../../src/model/records.ts';
import { serviceAvailable } from '../support/require.ts';
import { TerminalSink } from '../support/terminal-sink.ts';
import { eventually, isRunning } from './backend-probe.ts';

const KILL = { requestedBy: 'test', reason: null, signal: 'SIGKILL', graceMs: 2000 };
/** Runs of a command that ends right after 100 KB of output. */
const RUNS = Number(process.env['HEADGATE_PTY_RUNS'] ?? 15);
const CTRL_C = '\x03';
const CTRL_D = '\x04';
const CTRL_Z = '\x1a';
const ESCAPE = '\x1b';

describe.skipIf(!serviceAvailable('script'))('{#terminals} a command in a terminal', () => {
  let root: string;
  let backend: Backend;
  let handles: BackendHandle[];
  let count = 0;

  beforeEach(() => {
    root = realpathSync(mkdtempSync(join(tmpdir(), 'headgate-terminal-')));
    backend = open();
    handles = [];
  });

  afterEach(async () => {
    for (const handle of handles) await handle.kill(KILL);
    for (const handle of handles) await handle.detach();
    rmSync(root, { recursive: true, force: true });
  });

  function open(): Backend {
    return createProcessBackend({ folder: join(root, 'spool'), clock: systemClock, logger: silentLogger });
  }

  function specOf(command: string, change: Partial<ProducerSpec> = {}): ProducerSpec {
    const env = { PS1: '$ ', HISTFILE: '' };
    return { command, cwd: root, env, stdin: true, tty: terminal.parse({}), ...change };
  }

  async function begin<T extends OutputSink>(sink: T, command: string, change: Partial<ProducerSpec> = {}) {
    const request = { producerId: `t${++count}`, spec: specOf(command, change) };
    const handle = await backend.start(request, sink);
    handles.push(handle);
    const type = async (text: string): Promise<void> => {
      await handle.write(Buffer.from(text));
    };
    return { handle, sink, request, type };
  }

  async function start(command: string, change: Partial<ProducerSpec> = {}) {
    return await begin(new TerminalSink(change.tty), command, change);
  }

  async function run(command: string, change: Partial<ProducerSpec> = {}) {
    const started = await start(command, change);
    const exit = await started.handle.exited;
    const closed = await started.handle.closed;
    return { ...started, exit, closed, text: started.sink.text() };
  }

  test('gets exactly what was asked: quotes, line ends, dollars and all', async () => {
    const { text } = await run(`printf '[%s]' "it's" 'a "b" $HOME \`x\` \\\\' "two\nlines" 'ü€😀'`);
    expect(text).toBe(`[it's][a "b" $HOME \`x\` \\\\][two\r\nlines][ü€😀]`);
  });

  test('finds its type and size from the first moment, and nothing of what made the terminal', async () => {
    const tty = { term: 'vt220', cols: 97, rows: 31 };
    const command =
      'echo "$TERM"; stty size; tty; echo "$-"; env | grep -c HEADGATE_TTY; [ -e /proc/self/fd/3 ] || echo no more; [ "$SHELL" = "$WANTED" ]';
    const env = process.env['SHELL'] === undefined ? {} : { WANTED: process.env['SHELL'] };
    const { text, exit } = await run(command, { tty, env });
    expect(text).toMatch(/^vt220\r\n31 97\r\n\/dev\/pts\/\d+\r\n[a-z]*\r\n0\r\nno more\r\n$/);
    expect(exit.exitCode).toBe(0);
  });

  test('has no line numbers of another terminal in its environment, and keeps what the caller set', async () => {
    const { text } = await run('echo "$TERM ${COLUMNS-none} $LINES"', { env: { TERM: 'dumb', LINES: '7' } });
    expect(text).toBe('dumb none 7\r\n');
  });

  test('tells how it ended: its exit code, or the signal that ended it', async () => {
    expect((await run('exit 42')).exit).toMatchObject({ exitCode: 42, signal: null });
    expect((await run('kill -KILL $$')).exit).toMatchObject({ exitCode: 137, signal: 'SIGKILL' });
    const { exit, text } = await run('exec sh -c "kill -SEGV \\$\\$"');
    expect([exit.signal, text]).toEqual(['SIGSEGV', '']);
  });

  test(`the end of PTY output lost: nothing of what is written right before the end, ${RUNS} times`, {
    timeout: 30_000 + RUNS * 1000,
  }, async () => {
    const expected = Array.from({ length: 20_000 }, (_, i) => `${i + 1}\r\n`).join('');
    for (let i = 0; i < RUNS; i++) {
      const parts: Buffer[] = [];
      const sink = { write: async (_channel: number, _offset: number, bytes: Buffer) => void parts.push(Buffer.from(bytes)) };
      const { handle } = await begin(sink, `seq 20000; exit ${i % 100}`);
      expect((await handle.exited).exitCode).toBe(i % 100);
      await handle.closed;
      expect(Buffer.concat(parts).equals(Buffer.from(expected)), `run ${i}`).toBe(true);
      await handle.dispose();
    }
  });

  test('Ctrl-C ends what runs in the foreground, and the shell lives', async () => {
    const { type, sink, handle } = await start('exec sh');
    await sink.match(/\$ $/);
    await type('sleep 300; echo over $?\n');
    await sink.match(/over \$\?\r\n/);
    await eventually(() => inForeground(handle, 'sleep'), 'sleep in the foreground');
    await type(CTRL_C);
    await sink.match(/\^C[\s\S]*\$ $/);
    await type('echo "still $((40 + 2))"; exit 5\n');
    await sink.match(/still 42/);
    expect((await handle.exited).exitCode).toBe(5);
  });

  test('Ctrl-Z stops a job of bash, which goes on with fg', async () => {
    const { type, sink, handle } = await start('exec bash --norc --noprofile -i');
    await sink.match(/\$ $/);
    await type('sleep 300\n');
    await eventually(() => inForeground(handle, 'sleep'), 'sleep in the foreground');
    await type(CTRL_Z);
    await sink.match(/Stopped/);
    await type('jobs; echo "after $((1 + 1))"\n');
    await sink.match(/after 2\r\n/);
    await type('fg\n');
    await eventually(() => inForeground(handle, 'sleep'), 'sleep in the foreground again');
    await type(CTRL_C);
    await sink.match(/\^C[\s\S]*\$ $/);
    await type(CTRL_D);
    expect((await handle.exited).exitCode).toBe(130);
  });

  test('a command without a shell that could continue it does not stop at Ctrl-Z', async () => {
    const { type, sink, handle } = await start('cat');
    await type(`one\n${CTRL_Z}two\n`);
    await sink.match(/two\r\n.*two\r\n/s);
    await handle.closeInput();
    expect((await handle.exited).exitCode).toBe(0);
  });

  test('is told of a new size, and one that is set before it begins is there from the first moment', async () => {
    const { handle, sink } = await start('trap "stty size" WINCH; stty size; while :; do sleep 0.02; done');
    await handle.resize(132, 43);
    await sink.match(/43 132/);
    await handle.resize(90, 20);
    await sink.match(/20 90/);
    await expect(handle.resize(0, 20)).rejects.toMatchObject({ kind: 'invalid_params' });
    await expect(handle.resize(80, 1001)).rejects.toMatchObject({ kind: 'invalid_params' });
    await handle.kill(KILL);
    await handle.exited;
    await expect(handle.resize(80, 24)).rejects.toMatchObject({ kind: 'conflict' });
  });

  test('without a terminal there is nothing to resize', async () => {
    const request = { producerId: 'plain', spec: { command: 'sleep 60', cwd: root, env: {}, stdin: false } };
    const handle = await backend.start(request, new TerminalSink());
    handles.push(handle);
    await expect(handle.resize(80, 24)).rejects.toMatchObject({ kind: 'unsupported' });
  });

  test('a signal goes to what is in the foreground, and not to the shell behind it', async () => {
    const { type, sink, handle } = await start('exec bash --norc --noprofile -i');
    await sink.match(/\$ $/);
    await type('sleep 300; echo "ended $?"\n');
    await eventually(() => inForeground(handle, 'sleep'), 'sleep in the foreground');
    await handle.signal('USR1');
    await sink.match(/ended 138/);
    await type('exit 3\n');
    expect((await handle.exited).exitCode).toBe(3);
  });

  test('a command that is stopped and continued, and ends at once, is seen to end', async () => {
    for (let i = 0; i < 5; i++) {
      const { sink, handle } = await start('echo up; read line; echo "got $line"');
      await sink.match(/up/);
      await handle.signal('STOP');
      await handle.write(Buffer.from('x\n'));
      await handle.signal('CONT');
      expect((await handle.exited).exitCode).toBe(0);
      await handle.closed;
      expect(sink.text()).toContain('got x\r\n');
    }
  });

  test('vi draws, edits and writes a file', async () => {
    const { type, sink, handle } = await start('exec vi -u NONE -N note.txt');
    await sink.shows(/~[\s\S]*note\.txt/);
    await type('ihello from vi');
    await sink.shows(/^hello from vi/m);
    await handle.resize(60, 12);
    sink.screen.resize({ cols: 60, rows: 12 });
    await type(`${ESCAPE}:wq\r`);
    expect((await handle.exited).exitCode).toBe(0);
    expect(readFileSync(join(root, 'note.txt'), 'utf8')).toBe('hello from vi\n');
  });

  test('top draws its screen and ends with q', async () => {
    const { type, sink, handle } = await start('exec top -d 60', { tty: { term: 'xterm-256color', cols: 100, rows: 30 } });
    const rows = await sink.shows(/PID +USER[\s\S]*\d/);
    expect(rows[0]).toMatch(/^top - /);
    await type('q');
    expect((await handle.exited).exitCode).toBe(0);
  });

  test('{#stdin} the end of the input is typed, also in the middle of a line; without stdin it reads an empty input', async () => {
    const { type, sink, handle } = await start('cat; echo end');
    await type('half a line');
    await sink.match(/half/);
    await handle.closeInput();
    await sink.match(/end\r\n$/);
    expect(sink.text()).toBe('half a linehalf a lineend\r\n');
    const none = await run('cat; cat; [ -t 1 ] && echo end', { stdin: false });
    expect([none.text, none.exit.exitCode]).toEqual(['end\r\n', 0]);
  });

  test('{#detached} what it left in the background loses the terminal as in any other, and does not hold it', async () => {
    const { sink, closed, exit } = await run(
      'sh -c "trap \\"\\" HUP; echo \\$\\$; exec sleep 300" & sleep 300 & echo $!; sleep 0.2; exit 4',
    );
    const [one = 0, two = 0] = [...sink.text().matchAll(/^(\d+)\r$/gm)].map(([, pid]) => Number(pid));
    expect([exit.exitCode, closed.detached]).toEqual([4, []]);
    const left = [one, two].filter(isRunning);
    expect(left.length).toBe(1);
    for (const pid of left) process.kill(pid, 'SIGKILL');
  });

  test('{#back_pressure} waits when it writes faster than can be stored', async () => {
    let stored = 0;
    let open = (): void => {};
    const held = new Promise<void>((resolve) => {
      open = resolve;
    });
    const sink = {
      write: async (_channel: number, _offset: number, bytes: Buffer) => {
        await held;
        stored += bytes.length;
      },
    };
    const { handle, request } = await begin(sink, 'echo $$ > pid; exec yes');
    const file = join(root, 'spool', request.producerId, 'out.1');
    const size = (): number => readFileSync(file).length;
    let [before, same] = [-1, 0];
    await eventually(() => {
      const now = size();
      same = now === before ? same + 1 : 0;
      before = now;
      return now > 16 * 1024 * 1024 && same > 20;
    }, 'the terminal stands still');
    open();
    await eventually(() => stored > before && size() > before, 'it goes on');
    const receipt = await handle.kill({ ...KILL, signal: 'SIGTERM' });
    expect(receipt.confirmedDead).toContain(Number(readFileSync(join(root, 'pid'), 'utf8')));
  });

  test('{#adopt} outlives a server that is killed with -9: the same terminal is written to and resized again', async () => {
    const sink = new TerminalSink();
    // Bash goes on reading after a trap; dash takes it for the end of the input.
    const command = `exec bash -c 'tty; trap "stty size" WINCH; while read line; do echo "got $line"; done'`;
    const spec = { tty: terminal.parse({}), stdin: true };
    const child = fork(
      fileURLToPath(new URL('./backend-child.ts', import.meta.url)),
      [join(root, 'spool'), 'p1', command, JSON.stringify(spec)],
      {
        cwd: root,
        execArgv: ['--import', new URL('../support/from-sources.mjs', import.meta.url).href],
      },
    );
    let ref: BackendRef | null = null;
    child.on('message', (message: { ref?: BackendRef; channel?: number; offset?: number; bytes?: string }) => {
      if (message.ref) ref = message.ref;
      if (message.bytes !== undefined) void sink.write(message.channel ?? 0, message.offset ?? 0, Buffer.from(message.bytes, 'base64'));
    });
    const [, name] = await sink.match(/(\/dev\/pts\/\d+)\r\n/);
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;
    child.removeAllListeners('message');
    const handle = await backend.adopt({ producerId: 'p1', spec: specOf(command) }, ref, sink.offsets(), sink);
    handles.push(handle);
    await handle.write(Buffer.from('after\n'));
    await sink.match(/got after/);
    expect(readFileSync(join(root, 'spool', 'p1', 'tty'), 'utf8')).toContain(name);
    await handle.resize(100, 50);
    await handle.write(Buffer.from('again\n'));
    await sink.match(/50 100/);
    await handle.closeInput();
    expect((await handle.exited).exitCode).toBe(0);
    await handle.closed;
  });

  test('{#backends} the backend says that it has terminals; a host without the programs says what to install', async () => {
    expect(await backend.capabilities()).toMatchObject({ tty: true });
    const probe = (path: string): string =>
      spawnSync('/bin/sh', ['-c', TERMINAL_PROBE_SH.replace('$PATH:/usr/bin:/bin', path)], { encoding: 'utf8' }).stdout;
    expect(probe('/nowhere')).toMatch(/needs the programs script, stty and tty; install util-linux/);
    expect(probe('$PATH:/usr/bin:/bin')).toBe('');
  });

  /** True when the process in the foreground of the terminal has this name. */
  function inForeground(handle: BackendHandle, name: string): boolean {
    const id = String(handle.ref['producerId']);
    const leader = /^\S+ (\d+)\n/.exec(readFileSync(join(root, 'spool', id, 'tty'), 'utf8'))?.[1];
    const stat = readFileSync(`/proc/${leader}/stat`, 'latin1');
    const group = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[5];
    try {
      return readFileSync(`/proc/${group}/comm`, 'latin1').trim() === name;
    } catch {
      return false;
    }
  }
});
