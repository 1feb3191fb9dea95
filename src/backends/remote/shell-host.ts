import type { Readable, Writable } from 'node:stream';
import { isHeadgateError } from '../../core/errors.ts';

/** One run of a script on a shell host. */
export interface ShellRun {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /**
   * Exit code, null when a signal ended it; after both outputs have been delivered. Rejects with `LinkLost` when the way to
   * the host broke: whether the script goes on there is not known then.
   */
  readonly ended: Promise<number | null>;
  /** Lets go of it: closes the channel, and does not kill what the script started in a session of its own. */
  close(): void;
}

/** Somewhere that a POSIX `sh` can be run: a container, a host over SSH, this machine (SPEC {#shell_hosts}). */
export interface ShellHost {
  /** For messages, such as `host build.example` or `container web`. */
  readonly name: string;
  /** True where no process reaps what a run leaves behind when it ends: a shim must then be a run of its own. */
  readonly keepsZombies?: boolean;
  /**
   * Runs `sh -c SCRIPT sh ARGS...` there. Connects first when there is no connection. Its standard input ends, at the
   * latest, when the link is lost.
   * Throws a named error that says what is wrong: unreachable, key refused, no such container. One with the fact
   * `gone: true` says that the place will never be there again: its producers are lost. Everything else may pass.
   */
  run(script: string, args: readonly string[]): Promise<ShellRun>;
}

/** The way to a host broke while something was running there. */
export class LinkLost extends Error {
  constructor(host: string, cause?: unknown) {
    super(`the link to ${host} was lost`, { cause });
    this.name = 'LinkLost';
  }
}

/** True when a host will never be there again, and with it all that ran there. */
export function isGone(error: unknown): boolean {
  return isHeadgateError(error) && error.facts['gone'] === true;
}
