import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { asBuffers } from '../../../bench/lib/follow.mjs';
import { LineSplitter } from '../../../bench/lib/line-splitter.mjs';
import { metered } from '../../../bench/lib/metered.mjs';
import { isInMemory, writtenBytes } from '../../../bench/lib/proc.mjs';
import { seqRate } from '../../../bench/lib/seq.mjs';
import { Sink } from '../../../bench/lib/sink.mjs';
import { tempFolder } from '../../support/temp-store.ts';

describe('what a measuring client does with output', () => {
  it('copies strings and buffers in order, and hashes what it copied', () => {
    const sink = new Sink();
    expect([sink.take('é\n', 'utf8'), sink.take('AP8=', 'base64'), sink.take(Buffer.from('end'), undefined)]).toEqual([3, 2, 3]);
    const whole = Buffer.concat([Buffer.from('é\n'), Buffer.from([0, 255]), Buffer.from('end')]);
    expect(sink.result(2)).toEqual({ seconds: 2, bytes: 8, sha256: createHash('sha256').update(whole).digest('hex') });
  });

  it('fails a transfer of the right length with a wrong byte in it, and one that is short', () => {
    const { stdout } = spawnSync('seq', ['1', '5000000'], { maxBuffer: 2 ** 26 });
    const rateOf = (bytes: Buffer) => {
      const sink = new Sink();
      sink.take(bytes, undefined);
      return seqRate(sink.result(2));
    };
    expect(rateOf(stdout)).toBeCloseTo(19.4, 1);
    expect(() => rateOf(stdout.subarray(1))).toThrow('38888895 bytes arrived instead of 38888896');
    stdout[1000]! ^= 1;
    expect(() => rateOf(stdout)).toThrow('the bytes that arrived are not those of `seq 1 5000000`');
  });

  it('takes lines apart wherever the pipe cut them', () => {
    const lines: string[] = [];
    const splitter = new LineSplitter((line: Buffer) => lines.push(String(line)));
    for (const piece of ['{"a"', ':1', '}\n{"b":2}\n{', '"c":3}\n']) splitter.take(Buffer.from(piece));
    expect(lines).toEqual(['{"a":1}', '{"b":2}', '{"c":3}']);
  });

  it('gives pieces as buffers to what checks them', () => {
    const seen: [string, number][] = [];
    const take = asBuffers((bytes: Buffer, offset: number) => seen.push([String(bytes), offset]));
    expect([take('aGk=', 'base64', 5), take(Buffer.from('x'), undefined, 7)]).toEqual([2, 1]);
    expect(seen).toEqual([
      ['hi', 5],
      ['x', 7],
    ]);
  });
});

describe('the meter of a tree of processes', () => {
  let folder: string;
  let remove: () => Promise<void>;
  beforeAll(async () => {
    ({ folder, remove } = await tempFolder());
  });
  afterAll(() => remove());

  it.skipIf(isInMemory(tmpdir()))('counts what a process wrote that its parent left behind, and passes the exit code on', () => {
    const report = join(folder, 'io');
    const write = `dd if=/dev/zero of=${join(folder, 'file')} bs=65536 count=16 2>/dev/null`;
    const [program, ...args] = metered(['/bin/sh', '-c', `(sleep 0.2; ${write}) & exit 3`], report);
    expect(spawnSync(program!, args).status).toBe(3);
    expect(writtenBytes(report)).toBeGreaterThanOrEqual(16 * 65536);
  });
});
