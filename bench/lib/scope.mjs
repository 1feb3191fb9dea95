import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What a benchmark opens: everything registered is closed in reverse order, also when the run is interrupted. */
export class Scope {
  static #open = new Set();
  static #ending = false;
  #closers = [];

  constructor() {
    if (Scope.#ending) throw new Error('the run is ending');
    Scope.#open.add(this);
  }

  /**
   * Closes every scope that is open, the youngest first, for good: a case that is still under way can open nothing more. So an
   * interrupted run leaves what a finished one leaves.
   */
  static async closeAll() {
    Scope.#ending = true;
    for (const scope of [...Scope.#open].reverse()) await scope.close();
  }

  /** Registers how to close something. */
  add(close) {
    if (!Scope.#ending) {
      this.#closers.push(close);
      return;
    }
    void close();
    throw new Error('the run is ending');
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
