import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const PROGRAM = fileURLToPath(new URL('torture/run.mjs', import.meta.url));
const SEED = '20261121';

interface Totals {
  readonly rounds: number;
  readonly kills: Record<string, number>;
  readonly producers: Record<string, number>;
  readonly written: number;
  readonly clients: Record<'connects' | 'frames' | 'received' | 'stalls' | 'vanished' | 'events', number>;
  readonly violations: readonly unknown[];
}

function torture(args: readonly string[]): Promise<{ code: number; out: string; said: string }> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [PROGRAM, ...args], { maxBuffer: 1 << 24 }, (_error, out, said) => {
      resolve({ code: child.exitCode ?? -1, out, said });
    });
  });
}

describe('{#exactly_once} {#stdin} {#stream_offset} {#stream_cancel} {#subscribe} under torture', () => {
  it(`loses and repeats no byte and no event, kills and leaves no command (seed ${SEED})`, async () => {
    const { code, out, said } = await torture(['--seed', SEED, '--seconds', '18', '--json']);
    expect(said).not.toContain('VIOLATION');
    expect(code).toBe(0);
    const { rounds, kills, producers, written, clients, violations } = JSON.parse(out) as Totals;
    expect(violations).toEqual([]);
    expect(rounds).toBe(10);
    expect(sum(kills)).toBeGreaterThanOrEqual(10);
    expect(Object.keys(kills).length).toBeGreaterThanOrEqual(3);
    expect(sum(producers)).toBeGreaterThanOrEqual(30);
    expect(written).toBeGreaterThan(2_000_000);
    expect(clients.received).toBeGreaterThan(written);
    expect(clients.connects).toBeGreaterThan(50);
    expect(clients.stalls + clients.vanished).toBeGreaterThan(10);
    expect(clients.events).toBeGreaterThan(400);
    expect(clients.frames, 'binary frames').toBeGreaterThan(50);
    expect(producers['remote'], 'commands of the remote runner').toBeGreaterThan(3);
    process.stderr.write(`${said.trimEnd()}\n${out}`);
  }, 180_000);
});

function sum(counts: Record<string, number>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}
