import { appendFileSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { spoolExtent } from '../../../src/backends/process/index.ts';
import { ProducerFolder } from '../../../src/backends/shim/producer-folder.ts';
import { SpoolFile } from '../../../src/backends/shim/spool-file.ts';
import { SpoolReader } from '../../../src/backends/shim/spool-reader.ts';
import { HeadgateError } from '../../../src/core/errors.ts';
import { silentLogger } from '../../../src/core/logger.ts';
import type { OutputSink } from '../../../src/model/ports/backend.ts';
import { eventually, StoringSink } from '../../contract/backend-probe.ts';

let spool: string;
let folder: ProducerFolder;
let reader: SpoolReader | undefined;

beforeEach(() => {
  spool = mkdtempSync(join(tmpdir(), 'headgate-spool-'));
  folder = new ProducerFolder(spool, 'p1');
  folder.prepare({ command: '', cwd: spool, env: {}, stdin: false });
});

afterEach(() => {
  reader?.stop();
  rmSync(spool, { recursive: true, force: true });
});

function open(sink: OutputSink, offsets: ReadonlyMap<number, number> = new Map()): SpoolReader {
  reader?.stop();
  reader = new SpoolReader({ folder, offsets, sink, logger: silentLogger, progress: () => {} });
  reader.wake();
  return reader;
}

describe('{#machine_restart} a spool file that has lost its end', () => {
  test('while it is read to its end ends the reading all the same', async () => {
    const sink = new StoringSink();
    let answer = () => {};
    const asked = new Promise<void>((resolve) => {
      answer = resolve;
    });
    let writes = 0;
    const slow: OutputSink = {
      write: async (channel, offset, bytes) => {
        writes++;
        await asked;
        await sink.write(channel, offset, bytes);
      },
    };
    writeFileSync(folder.output(1), Buffer.alloc(3_000_000, 'x'));
    const tail = open(slow);
    await eventually(() => writes > 3, 'the window is full');
    const finished = tail.finish();
    truncateSync(folder.output(1));
    answer();
    await finished;
    expect(sink.bytes(1)).toBeLessThan(3_000_000);
  });

  test('leaves the channel as it was', async () => {
    const sink = new StoringSink();
    appendFileSync(folder.output(2), 'all there is\n');
    const tail = open(sink);
    await sink.match(2, /is\n/);
    truncateSync(folder.output(2));
    await tail.finish();
    expect(sink.text(2)).toBe('all there is\n');
  });
});

describe('{#spool_space} what was given back and is not stored after all', () => {
  test('is not read as zeros: the channel goes on behind it, also over a restart, and says how much is missing', async () => {
    const sink = new StoringSink();
    writeFileSync(folder.output(1), `${'\0'.repeat(4096)}still there\n`);
    folder.setGiven(1, 4096);
    await sink.write(1, 0, Buffer.alloc(1000, 'x'));
    const first = open(sink, sink.offsets());
    await sink.match(1, /there\n/);
    expect(first.missing).toBe(3096);
    appendFileSync(folder.output(1), 'more\n');
    const next = open(sink, sink.offsets());
    await next.finish();
    expect(sink.text(1)).toBe(`${'x'.repeat(1000)}still there\nmore\n`);
    expect(next.missing).toBe(3096);
    expect(spoolExtent(spool, 'p1', 1)).toEqual({ base: 1000, end: 1017 });
  });

  test('is told to whoever asks what a file still has', () => {
    writeFileSync(folder.output(1), 'x'.repeat(5000));
    folder.setGiven(1, 4096);
    expect(spoolExtent(spool, 'p1', 1)).toEqual({ base: 4096, end: 5000 });
  });
});

describe('{#delivery} delivery', () => {
  test('rewinds to where the sink has a gap', async () => {
    const sink = new StoringSink();
    let told = false;
    const behind: OutputSink = {
      write: (channel, offset, bytes) => {
        if (told || offset < 10) return sink.write(channel, offset, bytes);
        told = true;
        return Promise.reject(new HeadgateError('offset_conflict', 'gap', { expected: 4 }));
      },
    };
    writeFileSync(folder.output(1), '0123456789abcdef');
    await sink.write(1, 0, Buffer.from('0123'));
    await open(behind, new Map([[1, 10]])).finish();
    expect(sink.text(1)).toBe('0123456789abcdef');
  });

  test('delivers again what was rejected, and holds later bytes back meanwhile', async () => {
    const sink = new StoringSink();
    const offsets: number[] = [];
    let failures = 1;
    const failing: OutputSink = {
      write: (channel, offset, bytes) => {
        offsets.push(offset);
        return failures-- > 0 ? Promise.reject(new Error('disk full')) : sink.write(channel, offset, bytes);
      },
    };
    writeFileSync(folder.output(1), 'first ');
    const tail = open(failing);
    await eventually(() => offsets.length === 1, 'the first write');
    appendFileSync(folder.output(1), 'second');
    tail.wake();
    await tail.finish();
    expect(sink.text(1)).toBe('first second');
    expect(offsets).toEqual([0, 0, 6]);
  });

  test.each(['stream_closed', 'stale_epoch', 'not_found'] as const)('ends for good at %s', async (kind) => {
    let writes = 0;
    writeFileSync(folder.output(1), 'x');
    const tail = open({
      write: () => {
        writes++;
        return Promise.reject(new HeadgateError(kind, 'over'));
      },
    });
    await tail.finish();
    appendFileSync(folder.output(1), 'y');
    tail.wake();
    await tail.finish();
    expect(writes).toBe(1);
  });

  test('ends at the size the files had when it was told to finish', async () => {
    const sink = new StoringSink();
    writeFileSync(folder.output(1), 'before');
    const tail = open(sink);
    const finished = tail.finish();
    appendFileSync(folder.output(1), ' after');
    await finished;
    expect(sink.text(1)).toBe('before');
  });

  test('{#exactly_once} a read that fails after the end is tried again until all is read', async () => {
    const sink = new StoringSink();
    const file = folder.output(1);
    writeFileSync(file, 'all of it\n');
    const tail = open(sink);
    const broken = vi.spyOn(SpoolFile.prototype, 'read').mockImplementation(() => {
      throw new Error('EIO: i/o error, read');
    });
    const finished = tail.finish();
    await eventually(() => broken.mock.calls.length > 0, 'a read has failed');
    broken.mockRestore();
    await finished;
    expect(sink.text(1)).toBe('all of it\n');
  });

  test('counts as lag what is written and not stored', async () => {
    const release: (() => void)[] = [];
    const tail = open({ write: () => new Promise((resolve) => release.push(resolve)) });
    appendFileSync(folder.output(1), Buffer.alloc(3_000_000));
    appendFileSync(folder.output(2), Buffer.alloc(1000));
    tail.wake();
    await eventually(() => release.length > 3, 'the window is full');
    expect(tail.lag()).toBe(3_001_000);
    appendFileSync(folder.output(1), Buffer.alloc(500_000));
    tail.wake();
    await eventually(() => tail.lag() === 3_501_000, 'what is written behind a full window counts too');
  });
});
