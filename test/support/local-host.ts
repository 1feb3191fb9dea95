import { type ChildProcessByStdio, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough, type Readable, type Writable } from 'node:stream';
import { LinkLost, type ShellHost, type ShellRun } from '../../src/backends/remote/shell-host.ts';

export interface LocalHostOptions {
  /** The shell and its options; `-c SCRIPT sh ARGS` is added. */
  readonly shell?: readonly [string, ...string[]];
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** Returns after how many bytes of output the link of the next run breaks; undefined: never. */
  readonly cutAfter?: () => number | undefined;
}

/** This machine as a shell host. `close` waits until nothing that it ran is there any more. */
export class LocalHost implements ShellHost {
  readonly name = 'this machine';
  readonly #options: LocalHostOptions;
  readonly #children = new Set<ChildProcessByStdio<Writable, Readable, Readable>>();
  /** Runs so far, and links that were cut. */
  runs = 0;
  cuts = 0;

  constructor(options: LocalHostOptions = {}) {
    this.#options = options;
  }

  run(script: string, args: readonly string[]): Promise<ShellRun> {
    const { shell = ['sh'], env, cwd, cutAfter } = this.#options;
    const [program, ...options] = shell;
    const child = spawn(program, [...options, '-c', script, 'sh', ...args], {
      stdio: ['pipe', 'pipe', 'pipe'],
      ...(env ? { env } : {}),
      ...(cwd === undefined ? {} : { cwd }),
    });
    this.runs++;
    this.#children.add(child);
    const exit = once(child, 'exit').finally(() => this.#children.delete(child));
    child.stdin.on('error', () => {});
    const stdout = new PassThrough();
    const stderr = new PassThrough();
    const cut = cutAfter?.();
    const ended = new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      let left = cut ?? Number.POSITIVE_INFINITY;
      let isCut = false;
      for (const [from, to] of [
        [child.stdout, stdout],
        [child.stderr, stderr],
      ] as const) {
        from.on('data', (piece: Buffer) => {
          if (isCut) return;
          const kept = piece.subarray(0, left);
          left -= kept.length;
          if (kept.length > 0 && !to.write(kept)) {
            from.pause();
            to.once('drain', () => from.resume());
          }
          if (left > 0) return;
          isCut = true;
          this.cuts++;
          child.stdin.destroy();
          child.stdout.destroy();
          child.stderr.destroy();
          reject(new LinkLost(this.name));
        });
        from.once('end', () => to.end());
      }
      const read = Promise.all([once(child.stdout, 'end'), once(child.stderr, 'end'), exit]);
      read.then(([, , [code]]) => resolve(code as number | null), reject);
    });
    ended.catch(() => {});
    const close = (): void => {
      child.stdin.destroy();
      child.stdout.destroy();
      child.stderr.destroy();
    };
    return Promise.resolve({ stdin: child.stdin, stdout, stderr, ended, close });
  }

  async close(): Promise<void> {
    await Promise.all([...this.#children].map((child) => once(child, 'exit')));
  }
}

/** A host with nothing but busybox on it, whose programs are put into `root`. */
export function onlyBusybox(root: string): LocalHostOptions {
  const path = join(root, 'bin');
  mkdirSync(path, { recursive: true });
  const { stdout } = spawnSync('busybox', ['--list'], { encoding: 'utf8' });
  for (const applet of stdout.trim().split('\n')) symlinkSync('/bin/busybox', join(path, applet));
  return { shell: ['/bin/busybox', 'sh'], env: { PATH: path, HOME: root } };
}
