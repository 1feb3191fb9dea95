import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What a benchmark opens: everything registered is closed in reverse order, also when the run is interrupted. */
export class Scope {
  static #open = new Set();
  #closers = [];

  constructor() {
    Scope.#open.add(this);
  }

  /** Closes every scope that is open, the youngest first: what an interrupted run leaves is the same as a finished one. */
  static async closeAll() {
    for (const scope of [...Scope.#open].reverse()) await scope.close();
  }

  /** Registers how to close something. */
  add(close) {
    this.#closers.push(close);
  }

  /** A new folder that is removed at the end. */
  folder() {
    const path = mkdtempSync(join(tmpdir(), 'headgate-bench-'));
    this.add(() => rmSync(path, { recursive: true, force: true, maxRetries: 3 }));
    return path;
  }

  /** Ends a child process at the end, and waits until it is gone. */
  process(child, signal = 'SIGKILL') {
    const gone = new Promise((resolve) => child.once('exit', resolve));
    this.add(async () => {
      if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
      child.kill(signal);
      const stubborn = setTimeout(() => child.kill('SIGKILL'), 10_000);
      await gone;
      clearTimeout(stubborn);
    });
    return child;
  }

  async close() {
    Scope.#open.delete(this);
    for (let close = this.#closers.pop(); close !== undefined; close = this.#closers.pop()) await close();
  }
}

/** The result of `work`, or a rejection that names `what` when it takes longer. */
export async function within(ms, what, work) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took longer than ${ms / 1000} s`)), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
