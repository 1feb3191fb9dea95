import { spawn } from 'node:child_process';
import type { Transport } from '../client/index.ts';
import { LineTransport } from './line-transport.ts';
import { CLOSE_MS } from './patience.ts';

/** What of a program's standard error is kept, to say why it ended. */
const KEPT_CHARS = 4096;

/**
 * Starts a program that is a connection on its standard input and output, such as `headgate rpc --stdio`, itself or over
 * `ssh host` (SPEC {#cli_rpc}). It ends with the connection. Rejects with the system error when it cannot be started.
 *
 * @param command - program and arguments; no shell reads them
 */
export function connectStdio(command: readonly string[], env?: NodeJS.ProcessEnv): Promise<Transport> {
  const [program = '', ...args] = command;
  const child = spawn(program, args, { stdio: 'pipe', ...(env === undefined ? {} : { env: { ...process.env, ...env } }) });
  // Without a process, for want of descriptors say, there may be no pipes.
  if (child.pid === undefined) return new Promise((_, reject) => child.once('error', reject));
  let said = '';
  child.stderr.on('data', (bytes: Buffer) => {
    said = (said + bytes.toString()).slice(-KEPT_CHARS);
  });
  // A pipe that breaks is followed by the end of the process.
  child.stdin.on('error', () => {});
  child.stdout.on('error', (error) => {
    said = error.message;
    child.kill('SIGKILL');
  });
  // What it has left in the background may hold its output open: nothing more of that is for us.
  child.once('exit', () => {
    const timer = setTimeout(() => {
      child.stdout.destroy();
      child.stderr.destroy();
    }, CLOSE_MS);
    child.once('close', () => clearTimeout(timer));
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('spawn', () => {
      resolve(
        new LineTransport({
          input: child.stdout,
          output: child.stdin,
          end: () => {
            child.stdin.end();
            const timer = setTimeout(() => child.kill('SIGKILL'), CLOSE_MS);
            child.once('close', () => clearTimeout(timer));
          },
          onEnd: (listener) =>
            void child.on('close', (code, signal) => listener(said.trim() || `${program} ended with ${signal ?? `exit code ${code}`}`)),
        }),
      );
    });
  });
}
