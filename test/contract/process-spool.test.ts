import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, linkSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createProcessBackend } from '../../src/backends/process/index.ts';
import { systemClock } from '../../src/core/clock.ts';
import type { Logger } from '../../src/core/logger.ts';
import type { BackendHandle, OutputSink } from '../../src/model/ports/backend.ts';
import { serviceAvailable } from '../support/require.ts';
import { type SmallDisk, smallDisk } from '../support/small-disk.ts';
import { copierState, eventually, StoringSink, sha256 } from './backend-probe.ts';

const KILL = { requestedBy: 'test', reason: null, signal: 'SIGKILL', graceMs: 0 };
const KIB = 1024;
const MIB = 1024 * KIB;

let root: string;
let handles: BackendHandle[];
let said: string[];

const note = (_facts: object, message: string) => void said.push(message);
const logger: Logger = { debug: () => {}, info: note, warn: note, error: note };

beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'headgate-space-')));
  handles = [];
  said = [];
});

afterEach(async () => {
  for (const handle of handles) await handle.kill(KILL);
  for (const handle of handles) await handle.detach();
  rmSync(root, { recursive: true, force: true });
});

interface Options {
  readonly folder?: string;
  readonly giveBackBytes?: number;
  readonly freeBytes?: number;
  readonly spaceChanged?: (fact: { low: boolean }) => void;
}

async function start(command: string, sink: OutputSink, options: Options = {}): Promise<BackendHandle> {
  const backend = createProcessBackend({ folder: join(root, 'spool'), clock: systemClock, logger, detachedGraceMs: 200, ...options });
  const handle = await backend.start({ producerId: 'p1', spec: { command, cwd: root, env: {}, stdin: false } }, sink);
  handles.push(handle);
  return handle;
}

const spoolFile = (folder = join(root, 'spool')) => join(folder, 'p1', 'out.1');
/** Bytes that a file takes on its file system, holes left out. */
const takes = (file: string) => statSync(file).blocks * 512;
const stateOf = (folder = join(root, 'spool')) => copierState(join(folder, 'p1'));

/** A sink that keeps only a count, and can say that it is on the disk. */
function counting(persist: () => Promise<void>) {
  const sink = {
    stored: 0,
    write: (_channel: number, offset: number, bytes: Buffer) => {
      if (offset !== sink.stored) return Promise.reject(new Error(`expected ${sink.stored}, got ${offset}`));
      sink.stored += bytes.length;
      return Promise.resolve();
    },
    persist,
  };
  return sink;
}

describe.skipIf(!serviceAvailable('fallocate'))('{#spool_space} stored output', () => {
  test('is given back while the command runs: its spool file stays far smaller than what was written', async () => {
    const sink = counting(() => Promise.resolve());
    // Not from /dev/zero: what is written before the command has stopped is not part of the bound, and seq writes slower.
    const total = 204_888_897;
    await start('seq 1 24000000; sleep 300', sink, { giveBackBytes: 4 * MIB });
    let most = 0;
    await eventually(() => {
      most = Math.max(most, takes(spoolFile()));
      return sink.stored === total && takes(spoolFile()) <= 4 * MIB;
    }, 'everything is stored and given back');
    expect(statSync(spoolFile()).size).toBe(total);
    expect(readFileSync(join(root, 'spool', 'p1', 'out.1.given'), 'latin1')).toMatch(/^\d{16}\n$/);
    expect(most).toBeLessThan(96 * MIB);
  });

  test('is given back only when it is on the disk, and then no more than was stored when that was asked for', async () => {
    let asked = -1;
    let answer = () => {};
    const sink = counting(
      () =>
        new Promise<void>((resolve) => {
          asked = sink.stored;
          answer = resolve;
        }),
    );
    await start(`head -c ${2 * MIB} /dev/zero; while [ ! -e go ]; do sleep 0.02; done; head -c ${MIB} /dev/zero; sleep 300`, sink, {
      giveBackBytes: 2 * MIB,
    });
    await eventually(() => existsSync(spoolFile()) && sink.stored === 2 * MIB && asked > 0, 'the first part is stored');
    const first = asked;
    writeFileSync(join(root, 'go'), '\n');
    await eventually(() => sink.stored === 3 * MIB, 'the second part is stored');
    expect(takes(spoolFile())).toBe(3 * MIB);
    answer();
    await eventually(() => takes(spoolFile()) < 3 * MIB, 'a part is given back');
    expect(3 * MIB - takes(spoolFile())).toBeLessThanOrEqual(first);
  });

  test('stays where it is when the sink cannot say what is on the disk', async () => {
    const sink = new StoringSink();
    await start(`head -c ${8 * MIB} /dev/zero; sleep 300`, sink, { giveBackBytes: MIB });
    await eventually(() => sink.bytes(1) === 8 * MIB, 'it is stored');
    expect(takes(spoolFile())).toBe(8 * MIB);
  });

  test('a server killed with -9 again and again while it is given back: every byte once, and the exit code', async () => {
    const file = join(root, 'stored');
    writeFileSync(file, '');
    const command = 'seq 1 6000000; exit 42';
    let child: ChildProcess | undefined;
    const launch = () => {
      child = fork(fileURLToPath(new URL('./storing-child.mjs', import.meta.url)), [join(root, 'spool'), 'p1', command, file, `${MIB}`], {
        cwd: root,
        execArgv: ['--import', new URL('../support/from-sources.mjs', import.meta.url).href],
      });
      return once(child, 'exit');
    };
    try {
      let given = 0;
      for (const enough of [3, 12, 28].map((mib) => mib * MIB)) {
        const exit = launch();
        await eventually(() => statSync(file).size >= enough, `${enough} bytes are stored`);
        child?.kill('SIGKILL');
        await exit;
        given = Math.max(given, statSync(spoolFile()).size - takes(spoolFile()));
      }
      expect(given).toBeGreaterThan(0);
      expect((await launch())[0]).toBe(42);
    } finally {
      child?.kill('SIGKILL');
    }
    const expected = Array.from({ length: 6_000_000 }, (_, i) => `${i + 1}\n`).join('');
    expect(sha256(readFileSync(file))).toBe(sha256(expected));
  });
});

describe('{#channel_files} a spool file that the sink keeps', () => {
  const log = () => join(root, 'log');

  /** A sink that gives the file a second name instead of keeping the bytes. */
  function keeping() {
    const sink = {
      ...counting(() => Promise.resolve()),
      write: (_channel: number, offset: number, bytes: Buffer, file?: string) => {
        if (!existsSync(log()) && file !== undefined && offset > 0) linkSync(file, log());
        sink.stored = offset + bytes.length;
        return Promise.resolve();
      },
    };
    return sink;
  }

  test('is given back in no part, and its command does not wait for that', async () => {
    const sink = keeping();
    await start('seq 1 6000000; sleep 300', sink, { giveBackBytes: MIB });
    const expected = Array.from({ length: 6_000_000 }, (_, i) => `${i + 1}\n`).join('');
    await eventually(() => sink.stored === expected.length, 'everything is stored');
    expect(stateOf()).not.toBe('T');
    expect(sha256(readFileSync(log()).subarray(MIB))).toBe(sha256(expected.slice(MIB)));
    expect(takes(log())).toBeGreaterThan(expected.length - MIB);
  });

  test('keeps what was read of it when the output that comes later is dropped', async () => {
    const sink = keeping();
    const early = Array.from({ length: 100_000 }, (_, i) => `${i + 1}\n`).join('');
    const handle = await start('seq 1 100000; (mkfifo go; read -r line < go; seq 1 3000000; mkfifo end; read -r line < end) &', sink);
    await handle.closed;
    await eventually(() => sink.stored === early.length && existsSync(log()), 'the first part is stored');
    handle.dropOutput?.();
    writeFileSync(join(root, 'go'), '\n');
    await eventually(() => existsSync(join(root, 'end')), 'the rest is written');
    await eventually(() => statSync(log()).size <= early.length + MIB, 'the rest is dropped');
    expect(readFileSync(log(), 'latin1').startsWith(early)).toBe(true);
    writeFileSync(join(root, 'end'), '\n');
    await handle.drained;
    expect(sink.stored).toBe(early.length);
  });

  test.skipIf(!serviceAvailable('script'))('is not offered where the command writes the file itself', async () => {
    const offered = new Set<string | undefined>();
    const sink: OutputSink = {
      write: (_channel, _offset, _bytes, file) => {
        offered.add(file);
        return Promise.resolve();
      },
    };
    const backend = createProcessBackend({ folder: join(root, 'spool'), clock: systemClock, logger, detachedGraceMs: 200 });
    const spec = { command: 'seq 1 100000', cwd: root, env: {}, stdin: false, tty: { cols: 80, rows: 24, term: 'dumb' } };
    const handle = await backend.start({ producerId: 'p1', spec }, sink);
    handles.push(handle);
    await handle.closed;
    expect([...offered]).toEqual([undefined]);
  });
});

describe('{#back_pressure} a command that waits when its shim is killed', () => {
  test('goes on, though nobody follows it any more', async () => {
    const sink: OutputSink = { write: () => Promise.reject(new Error('the store takes nothing')) };
    const alive = join(root, 'alive');
    const command = `while [ ! -e go ]; do sleep 0.02; done; echo one; while [ ! -e end ]; do echo x >> alive; sleep 0.02; done`;
    const handle = await start(command, sink);
    writeFileSync(join(root, 'go'), '');
    await eventually(() => stateOf() === 'T', 'the command waits');
    try {
      const size = existsSync(alive) ? statSync(alive).size : 0;
      process.kill(Number(handle.ref['pid']), 'SIGKILL');
      expect((await handle.exited).exitCode).toBeNull();
      await eventually(() => existsSync(alive) && statSync(alive).size > size + 4, 'the command goes on');
    } finally {
      writeFileSync(join(root, 'end'), '');
    }
  });
});

describe.skipIf(!serviceAvailable('mount'))('{#adopt} a disk that takes nothing more', () => {
  test('keeps nobody from taking up a command that runs', async () => {
    const disk = smallDisk(4 * MIB);
    try {
      const folder = join(disk.folder, 'spool');
      const sink = new StoringSink();
      const one = await start('trap "exit 6" USR1; echo begun; while :; do sleep 0.02; done', sink, { folder, freeBytes: 0 });
      await sink.match(1, /begun/);
      await one.detach();
      disk.fill(0);
      const backend = createProcessBackend({ folder, clock: systemClock, logger, detachedGraceMs: 200, freeBytes: 0 });
      const request = { producerId: 'p1', spec: { command: '', cwd: root, env: {}, stdin: false } };
      const handle = await backend.adopt(request, one.ref, sink.offsets(), sink);
      handles.push(handle);
      expect(stateOf(folder)).toMatch(/[SR]/);
      disk.clear();
      await handle.signal('SIGUSR1');
      expect((await handle.exited).exitCode).toBe(6);
    } finally {
      disk.remove();
    }
  });
});

describe('{#machine_restart} a spool file that lost its end with the power', () => {
  test.each(['claimed', 'torn'])('is not read from its beginning again when the claim is %s', async (claim) => {
    const folder = join(root, 'spool', 'p1');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'pid'), claim === 'claimed' ? '1 1 00000000-0000-0000-0000-000000000000\n' : '');
    writeFileSync(join(folder, 'out.1'), 'what the kernel had written\n');
    writeFileSync(join(folder, 'out.2'), 'stored, and read on\n');
    const got: string[] = [];
    const sink: OutputSink = {
      write: (channel, offset, bytes) => {
        got.push(`${channel} ${offset} ${bytes.toString()}`);
        return Promise.resolve();
      },
    };
    const backend = createProcessBackend({ folder: join(root, 'spool'), clock: systemClock, logger, detachedGraceMs: 200 });
    const request = { producerId: 'p1', spec: { command: '', cwd: root, env: {}, stdin: false } };
    const offsets = new Map([
      [1, 10_000],
      [2, 8],
    ]);
    const handle = await backend.adopt(request, null, offsets, sink);
    handles.push(handle);
    expect((await handle.exited).exitCode).toBeNull();
    await handle.closed;
    expect(got).toEqual(['2 8 and read on\n']);
    expect(existsSync(join(folder, 'out.1.base'))).toBe(false);
  });
});

describe.skipIf(!serviceAvailable('mount'))('{#free_space} a disk that becomes full', () => {
  let disk: SmallDisk;

  beforeEach(() => {
    disk = smallDisk(48 * MIB);
  });
  afterEach(() => disk.remove());

  test('spool filling the disk: commands that write wait before it is full, others do not, and all go on when there is space, with every byte', async () => {
    const facts: boolean[] = [];
    const sink = new StoringSink();
    disk.fill(20 * MIB);
    const folder = join(disk.folder, 'spool');
    // Slower than the looks at the disk, which are 250 ms apart.
    const command = 'i=0; while [ $i -lt 200 ]; do seq $((i*10000)) $((i*10000+9999)); i=$((i+1)); sleep 0.01; done; exit 5';
    const handle = await start(command, sink, {
      folder,
      freeBytes: 12 * MIB,
      spaceChanged: ({ low }) => void facts.push(low),
    });
    await eventually(() => stateOf(folder) === 'T' && facts.length === 1, 'the command waits');
    expect(facts).toEqual([true]);
    expect(disk.freeBytes()).toBeGreaterThan(0);
    disk.clear();
    expect((await handle.exited).exitCode).toBe(5);
    await handle.closed;
    expect(facts).toEqual([true, false]);
    expect(sha256(sink.of(1))).toBe(sha256(Array.from({ length: 2_000_000 }, (_, i) => `${i}\n`).join('')));
  });

  test('is looked at until it has space, also when the last command has ended meanwhile', async () => {
    const facts: boolean[] = [];
    const folder = join(disk.folder, 'spool');
    disk.fill(4 * MIB);
    const handle = await start('while [ ! -e end ]; do sleep 0.02; done', new StoringSink(), {
      folder,
      freeBytes: 12 * MIB,
      spaceChanged: ({ low }) => void facts.push(low),
    });
    await eventually(() => facts.length === 1, 'it is said');
    writeFileSync(join(root, 'end'), '');
    await handle.closed;
    disk.clear();
    await eventually(() => facts.length === 2, 'it is said that it is over');
    expect(facts).toEqual([true, false]);
  });
});
