import type { Readable, Writable } from 'node:stream';

/** One run of a script on a shell host. */
export interface ShellRun {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /**
   * Exit code, null when a signal ended it; after both outputs have been delivered. Rejects with `link_lost` when the way to
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
  /**
   * Runs `sh -c SCRIPT sh ARGS...` there. Connects first when there is no connection.
   * Throws a named error that says what is wrong: unreachable, key refused, no such container.
   */
  run(script: string, args: readonly string[]): Promise<ShellRun>;
}
