import { constants } from 'node:os';

/** What came of a command line. */
export interface Outcome {
  readonly stdout: Buffer;
  readonly stderr: Buffer;
  /** As a shell tells it: a signal is 128 and its number. */
  readonly code: number;
}

/** The exit code as a shell tells it. */
export function codeOf(exitCode: number | null | undefined, signal: string | null | undefined): number {
  return exitCode ?? 128 + (constants.signals[signal as NodeJS.Signals] ?? Number.NaN);
}

/** How one outcome differs from what was expected, to be read by people; empty when they are equal. */
export function differences(expected: Outcome, found: Outcome): string[] {
  const code = expected.code === found.code ? [] : [`exit code: expected ${expected.code}, found ${found.code}`];
  return [...bytesApart('stdout', expected.stdout, found.stdout), ...bytesApart('stderr', expected.stderr, found.stderr), ...code];
}

function bytesApart(name: string, expected: Buffer, found: Buffer): string[] {
  if (expected.equals(found)) return [];
  let at = 0;
  while (at < expected.length && at < found.length && expected[at] === found[at]) at++;
  return [
    `${name}: expected ${expected.length} bytes, found ${found.length}, apart from byte ${at}`,
    `  expected ${around(expected, at)}`,
    `  found    ${around(found, at)}`,
  ];
}

/** The bytes about a place, each that is not plain ASCII by its number. */
function around(bytes: Buffer, at: number): string {
  const from = Math.max(0, at - 30);
  const to = Math.min(bytes.length, at + 90);
  const shown = Array.from(bytes.subarray(from, to), (byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : escapeOf(byte)));
  return `${from > 0 ? '...' : ''}"${shown.join('')}"${to < bytes.length ? '...' : ''}`;
}

const escapeOf = (byte: number) => (byte === 10 ? '\\n' : byte === 9 ? '\\t' : `\\x${byte.toString(16).padStart(2, '0')}`);
