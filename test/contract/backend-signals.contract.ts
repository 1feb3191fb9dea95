import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Terminal, terminal as terminalOf } from '../../src/model/place.ts';
import type { BackendHandle, ExitFact } from '../../src/model/ports/backend.ts';
import type { ProducerSpec } from '../../src/model/records.ts';
import { markedProcesses } from '../support/marked-processes.ts';
import { eventually, type StoringSink } from './backend-probe.ts';

/** What the tests need of the suite around them. */
export interface SignalContext {
  start(command: string, change?: Partial<ProducerSpec>): Promise<{ handle: BackendHandle; sink: StoringSink }>;
  run(command: string): Promise<{ exit: ExitFact }>;
  /** Where commands write, seen from here under the same name. */
  cwd(): string;
  /** The terminal that every command runs in, if there is one. Each is prepared by its command line then. */
  tty(): Terminal | undefined;
}

// With os.write: a signal may come before a print has quite returned, and its handler cannot print then.
const PYTHON_ENDS_WELL = `
import os, signal, sys, time
def end(*_):
    os.write(1, b'ending\\n')
    time.sleep(2)
    os.write(1, b'last words\\n')
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
os.write(1, b'ready\\n')
while True: time.sleep(0.05)`;

const PYTHON_RELOADS = `
import os, signal, time
count = 0
def reload(*_):
    global count
    count += 1
    os.write(1, b'reloaded %d\\n' % count)
signal.signal(signal.SIGHUP, reload)
os.write(1, b'ready\\n')
while True: time.sleep(0.05)`;

const NODE_DRAINS = `
const server = require('node:http').createServer((_, response) => {
  response.write('begun ');
  process.once('SIGTERM', () => {
    server.close(() => console.log('drained'));
    setTimeout(() => response.end('finished'), 300);
  });
});
server.listen('drain.sock', () => console.log('ready'));`;

/** Goes on for ever, and is awake again soon after a signal. */
const AWAIT = 'echo ready; while :; do sleep 0.05; done';

/** True while a process sleeps until something happens, or is gone. */
function isAsleep(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat[stat.lastIndexOf(')') + 2] === 'S';
  } catch {
    return true;
  }
}

/** How every backend hands signals to real programs, and what comes of them (SPEC {#backends}). */
export function signalContract({ start, run, cwd, tty }: SignalContext): void {
  describe('{#backend_process} {#stream_completed} signals of real programs', () => {
    /** Starts a program without a shell of its own; where a terminal is prepared first, the program takes the shell's place. */
    async function startProgram(words: readonly string[], form: 'array' | 'line' = 'array', change: Partial<ProducerSpec> = {}) {
      const command = words.map((word) => `'${word.replaceAll("'", String.raw`'\''`)}'`).join(' ');
      const { mark, env } = marked(change.env);
      const launch = tty() || form === 'line' ? {} : { argv: words };
      const started = tty()
        ? await start(`exec ${command}`, { ...change, env })
        : await start(command, { ...change, ...launch, ...(form === 'line' ? { line: `exec ${command}` } : {}), env });
      return { ...started, mark };
    }

    /** An environment by which every process of one command is found. */
    function marked(more: ProducerSpec['env'] = {}) {
      const id = randomUUID();
      return { mark: `HEADGATE_TEST_MARK=${id}`, env: { ...more, HEADGATE_TEST_MARK: id } };
    }

    async function has(program: string): Promise<boolean> {
      return (await run(`command -v ${program}`)).exit.exitCode === 0;
    }

    async function expectNobody(mark: string): Promise<void> {
      await eventually(() => markedProcesses(mark).length === 0, `nobody is left: ${JSON.stringify(markedProcesses(mark))}`);
    }

    test.each(['array', 'line'] as const)('TERM: python says its last words and ends with 0 (%s)', async (form) => {
      // With a terminal there is one form.
      if ((tty() && form === 'line') || !(await has('python3'))) return;
      const { handle, sink, mark } = await startProgram(['python3', '-c', PYTHON_ENDS_WELL], form);
      await sink.match(1, /ready\n/);
      await handle.signal('TERM');
      expect(await handle.exited).toMatchObject({ exitCode: 0, signal: null });
      expect(await handle.closed).toEqual({ detached: [] });
      expect([sink.text(1), sink.text(2)]).toEqual(['ready\nending\nlast words\n', '']);
      await expectNobody(mark);
    });

    test('TERM: a shell runs its trap and ends with 0', async () => {
      const { handle, sink, mark } = await startProgram(['sh', '-c', `trap 'sleep 0.3; echo last words; exit 0' TERM; ${AWAIT}`]);
      await sink.match(1, /ready\n/);
      await handle.signal('TERM');
      expect(await handle.exited).toMatchObject({ exitCode: 0, signal: null });
      expect(await handle.closed).toEqual({ detached: [] });
      expect(sink.text(1)).toMatch(/last words\n$/);
      await expectNobody(mark);
    });

    test('HUP: python reloads and goes on, as often as it is told; TERM ends it', async () => {
      if (!(await has('python3'))) return;
      const { handle, sink, mark } = await startProgram(['python3', '-c', PYTHON_RELOADS]);
      await sink.match(1, /ready\n/);
      await handle.signal('HUP');
      await sink.match(1, /reloaded 1\n/);
      await handle.signal('HUP');
      await sink.match(1, /reloaded 2\n/);
      await handle.signal('TERM');
      expect(await handle.exited).toMatchObject({ exitCode: 143, signal: 'SIGTERM' });
      expect(await handle.closed).toEqual({ detached: [] });
      expect(sink.text(1)).toBe('ready\nreloaded 1\nreloaded 2\n');
      await expectNobody(mark);
    });

    test('HUP: a shell reloads and goes on; USR1 ends it with a code of its own', async () => {
      const { handle, sink, mark } = await startProgram(['sh', '-c', `trap 'echo reloaded' HUP; trap 'echo over; exit 5' USR1; ${AWAIT}`]);
      await sink.match(1, /ready\n/);
      await handle.signal('HUP');
      await sink.match(1, /reloaded\n/);
      await handle.signal('USR1');
      expect(await handle.exited).toMatchObject({ exitCode: 5, signal: null });
      await handle.closed;
      expect(sink.text(1)).toMatch(/over\n$/);
      await expectNobody(mark);
    });

    test('TERM: a Node server finishes the answer that it has begun, and ends with 0', async () => {
      if (!(await has('node'))) return;
      const { handle, sink, mark } = await startProgram(['node', '-e', NODE_DRAINS]);
      await sink.match(1, /ready\n/);
      const request = get({ socketPath: join(cwd(), 'drain.sock'), headers: { connection: 'close' } });
      const [response] = (await once(request, 'response')) as [IncomingMessage];
      const [begun] = (await once(response, 'data')) as [Buffer];
      await handle.signal('TERM');
      let answer = begun.toString();
      for await (const piece of response) answer += String(piece);
      expect(answer).toBe('begun finished');
      expect(await handle.exited).toMatchObject({ exitCode: 0, signal: null });
      expect(await handle.closed).toEqual({ detached: [] });
      expect([sink.text(1), sink.text(2)]).toEqual(['ready\ndrained\n', '']);
      await expectNobody(mark);
    });

    test.each([
      ['TERM', 143],
      ['INT', 130],
      ['USR1', 138],
      ['KILL', 137],
    ])('%s: a program that does not catch it dies of it, without a word', async (signal, exitCode) => {
      const { handle, sink, mark } = await startProgram(['sh', '-c', 'echo ready; exec sleep 300']);
      await sink.match(1, /ready\n/);
      await handle.signal(signal);
      expect(await handle.exited).toMatchObject({ exitCode, signal: `SIG${signal}` });
      expect(await handle.closed).toEqual({ detached: [] });
      expect([sink.text(1), sink.text(2)]).toEqual(['ready\n', '']);
      await expectNobody(mark);
    });

    // A terminal hangs up what it leaves behind.
    test('TERM: of a pipeline the shell dies, and what the rest still writes is kept', async () => {
      if (tty()) return;
      const { mark, env } = marked();
      const writer = `sh -c 'trap "sleep 0.2; echo last words; exit 0" TERM; ${AWAIT}'`;
      const { handle, sink } = await start(`${writer} | sh -c 'trap "" TERM; exec cat'`, { env });
      await sink.match(1, /ready\n/);
      await handle.signal('TERM');
      expect(await handle.exited).toMatchObject({ exitCode: 143, signal: 'SIGTERM' });
      await sink.match(1, /last words\n$/);
      await handle.closed;
      await expectNobody(mark);
    });

    test("Ctrl-C: python's prompt goes on, and exit() ends it with 0", async () => {
      if (!(await has('python3'))) return;
      const env = { PYTHON_BASIC_REPL: '1', PYTHONSTARTUP: '' };
      const { handle, sink, mark } = await startProgram(['python3', '-q'], 'array', {
        env,
        stdin: true,
        tty: tty() ?? terminalOf.parse({}),
      });
      await sink.match(1, />>> /);
      // Python shows its prompt before it waits for input; an interrupt in between is told only with the next line.
      await eventually(() => markedProcesses(mark).every(({ pid }) => isAsleep(pid)), 'python waits for input');
      await handle.write(Buffer.from([3]));
      await sink.match(1, /KeyboardInterrupt\r?\n(.*)>>> /s);
      await handle.write(Buffer.from('print(6 * 7)\n'));
      await sink.match(1, /\b42\r?\n/);
      await handle.write(Buffer.from('exit()\n'));
      expect(await handle.exited).toMatchObject({ exitCode: 0, signal: null });
      await handle.closed;
      await expectNobody(mark);
    });
  });
}
