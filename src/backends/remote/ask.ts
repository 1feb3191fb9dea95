import { HeadgateError } from '../../core/errors.ts';
import { makeNonce, RecordSplitter } from './record-splitter.ts';
import type { ShellHost } from './shell-host.ts';

/**
 * Runs a script that needs no input, and returns the records that it wrote. Rejects with `LinkLost`, or with whatever keeps
 * the host from being reached; with `internal` when the script did not come to its end, for want of a usable shell.
 */
export async function ask(host: ShellHost, script: string, args: readonly string[]): Promise<(readonly string[])[]> {
  const nonce = makeNonce();
  const records: (readonly string[])[] = [];
  const splitter = new RecordSplitter(
    nonce,
    () => {},
    (words) => records.push(words),
  );
  const run = await host.run(script, [nonce, ...args]);
  let complaint = '';
  run.stdout.on('data', (piece: Buffer) => splitter.push(piece));
  run.stderr.on('data', (piece: Buffer) => {
    complaint = (complaint + piece.toString()).slice(-1000);
  });
  const code = await run.ended;
  if (code !== 0 || records.length === 0) throw scriptFailed(host, code, complaint);
  return records;
}

/** A script that ended otherwise than by its own words. */
export function scriptFailed(host: ShellHost, code: number | null, complaint: string): HeadgateError {
  const said = complaint.trim() === '' ? '' : `; it said: ${complaint.trim()}`;
  return new HeadgateError(
    'unsupported',
    `${host.name} does not run a POSIX shell as it should (sh ended with ${code ?? 'a signal'}${said}); look at its login shell and /bin/sh`,
    { outcome: 'no_shell', host: host.name },
  );
}

/** Runs a script that says what came of it by its exit code only. Rejects as `ask` does. */
export async function askCode(host: ShellHost, script: string, args: readonly string[]): Promise<number | null> {
  const run = await host.run(script, args);
  run.stdout.resume();
  run.stderr.resume();
  return await run.ended;
}
