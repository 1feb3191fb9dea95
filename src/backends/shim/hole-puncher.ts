import { spawn } from 'node:child_process';
import { messageOf, systemCode } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import { SYSTEM_PATH } from '../../core/system-path.ts';

/** Longest that one call of fallocate may take (milliseconds). */
const LIMIT_MS = 30_000;
/** How many bytes of what fallocate says on standard error are kept. */
const COMPLAINT_BYTES = 1024;

/**
 * Gives ranges of files back to the file system, with util-linux's `fallocate --punch-hole --keep-size`: Node has no such
 * call. One for all producers of a backend: where it cannot work it says so once, and nothing is tried again.
 */
export class HolePuncher {
  readonly #logger: Logger;
  readonly #program: string;
  #works = true;

  /** `program`: the fallocate to run. */
  constructor(logger: Logger, program = 'fallocate') {
    this.#logger = logger;
    this.#program = program;
  }

  /** False once it is known that this machine or file system cannot do it. */
  get works(): boolean {
    return this.#works;
  }

  /**
   * Turns `length` bytes from `offset` on into a hole that reads as zeros and takes no space; the file keeps its size.
   * `fd` is open, so the file cannot become another one meanwhile. Returns whether it was done, false when it never
   * will be here; rejects with what may pass, such as a want of file descriptors.
   */
  async punch(fd: number, offset: number, length: number): Promise<boolean> {
    if (!this.#works) return false;
    const failure = await run(
      this.#program,
      ['--punch-hole', '--keep-size', '--offset', `${offset}`, '--length', `${length}`, '/proc/self/fd/3'],
      fd,
    );
    if (failure === undefined) return true;
    if (!failure.forGood) throw new Error(failure.complaint);
    if (!this.#works) return false;
    this.#works = false;
    this.#logger.warn(
      { error: failure.complaint },
      'stored output cannot be given back while a command runs (fallocate, of util-linux, does not work here); its spool file grows until its end',
    );
    return false;
  }
}

interface Failure {
  readonly complaint: string;
  /** It will not work the next time either. */
  readonly forGood: boolean;
}

/** What fallocate says where the file system, the kernel or fallocate itself, another one than that of util-linux, cannot do it. */
const UNABLE = /not supported|unsupported|not implemented|(unrecognized|invalid|unknown) option/i;

function notRun(error: unknown): Failure {
  const code = systemCode(error);
  return { complaint: messageOf(error), forGood: code === 'ENOENT' || code === 'EACCES' };
}

/** Runs fallocate on an open file, its descriptor 3; returns what went wrong, undefined when nothing did. */
function run(program: string, args: readonly string[], fd: number): Promise<Failure | undefined> {
  return new Promise((resolve) => {
    try {
      const child = spawn(program, args, {
        stdio: ['ignore', 'ignore', 'pipe', fd],
        env: { PATH: SYSTEM_PATH, LC_ALL: 'C' },
        timeout: LIMIT_MS,
        killSignal: 'SIGKILL',
      });
      let said = '';
      child.stderr?.on('data', (chunk: Buffer) => {
        said = (said + chunk.toString()).slice(0, COMPLAINT_BYTES);
      });
      child.once('error', (error) => resolve(notRun(error)));
      child.once('close', (code, signal) => {
        if (code === 0) return resolve(undefined);
        resolve({ complaint: said.trim() || `fallocate ended with ${code ?? signal}`, forGood: UNABLE.test(said) });
      });
    } catch (error) {
      resolve(notRun(error));
    }
  });
}
