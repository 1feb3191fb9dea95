import { once } from 'node:events';
import { type Duplex, PassThrough } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { Exec } from 'dockerode';
import { defined } from '../../../core/defined.ts';
import { HeadgateError, messageOf } from '../../../core/errors.ts';
import { LinkLost, type ShellHost, type ShellRun } from '../../remote/shell-host.ts';
import { type Engine, isRefusal } from '../engine/engine.ts';
import { outputOf } from '../engine/multiplex.ts';

/** How often, and with which pauses (milliseconds), an exec whose output has ended is asked for its exit code. */
const LOOKS = 50;
const LOOK_MS = 10;

/**
 * A container as a shell host: each run is an exec with its three streams (SPEC {#shell_hosts}). The API cannot end an
 * exec; letting go of one ends its standard input, by which the scripts end themselves.
 */
export class ExecHost implements ShellHost {
  readonly name: string;
  readonly keepsZombies: boolean;
  readonly #engine: Engine;
  readonly #container: string;
  readonly #user: string | undefined;

  /** `keepsZombies`: its first process is not ours, and may not reap. */
  constructor(
    engine: Engine,
    container: { readonly id: string; readonly name: string; readonly user?: string | undefined },
    keepsZombies = false,
  ) {
    this.keepsZombies = keepsZombies;
    this.name = `container ${container.name}`;
    this.#engine = engine;
    this.#container = container.id;
    this.#user = container.user;
  }

  async run(script: string, args: readonly string[]): Promise<ShellRun> {
    const { exec, stream } = await this.#start(['/bin/sh', '-c', script, 'sh', ...args]);
    return new ExecRun(
      stream,
      () => this.#exitCode(exec),
      (cause) => new LinkLost(this.name, cause),
    );
  }

  async #start(command: string[]): Promise<{ exec: Exec; stream: Duplex }> {
    try {
      return await this.#engine.call(async (docker) => {
        const exec = await docker.getContainer(this.#container).exec({
          Cmd: command,
          AttachStdin: true,
          AttachStdout: true,
          AttachStderr: true,
          ...defined({ User: this.#user }),
        });
        const stream = await exec.start({ hijack: true, stdin: true });
        return { exec, stream };
      });
    } catch (error) {
      throw await this.#named(error);
    }
  }

  /** The output of an exec ends a moment before the engine knows its end; one that still runs after that was cut off. */
  async #exitCode(exec: Exec): Promise<number | null> {
    for (let looks = LOOKS; looks > 0; looks--) {
      const { Running, ExitCode } = await this.#engine.call(() => exec.inspect());
      if (!Running) return ExitCode;
      await delay(LOOK_MS);
    }
    throw new LinkLost(this.name);
  }

  async #named(error: unknown): Promise<unknown> {
    if (isRefusal(error, 404)) {
      return new HeadgateError('not_found', `${this.name} does not exist; \`docker ps\` lists those that run`, {
        outcome: 'container_gone',
        gone: true,
      });
    }
    if (!isRefusal(error)) return error;
    // A paused one may go on; a stopped one has lost every process, so what ran in it is over.
    const facts = { outcome: 'container_stopped', ...((await this.#hasStopped()) ? { gone: true } : {}) };
    return new HeadgateError('conflict', `nothing can be run in ${this.name}: ${messageOf(error)}`, facts);
  }

  async #hasStopped(): Promise<boolean> {
    try {
      const { State } = await this.#engine.call((docker) => docker.getContainer(this.#container).inspect());
      return !State.Running && !State.Restarting;
    } catch (error) {
      return isRefusal(error, 404);
    }
  }
}

class ExecRun implements ShellRun {
  readonly stdin: Duplex;
  readonly stdout = new PassThrough();
  readonly stderr = new PassThrough();
  readonly ended: Promise<number | null>;

  constructor(stream: Duplex, exitCode: () => Promise<number | null>, lost: (cause: unknown) => LinkLost) {
    this.stdin = stream;
    this.ended = this.#carry(exitCode, lost);
    // After a detach nothing is asked.
    this.ended.catch(() => {});
    for (const one of [stream, this.stdout, this.stderr]) one.on('error', () => {});
  }

  close(): void {
    this.stdin.destroy();
  }

  async #carry(exitCode: () => Promise<number | null>, lost: (cause: unknown) => LinkLost): Promise<number | null> {
    try {
      for await (const { channel, bytes } of outputOf(this.stdin, false)) await deliver(channel === 1 ? this.stdout : this.stderr, bytes);
      this.#endOutputs();
      return await exitCode();
    } catch (error) {
      this.#endOutputs();
      throw lost(error);
    }
  }

  #endOutputs(): void {
    this.stdout.end();
    this.stderr.end();
  }
}

/** Writes; waits while the reader does not read, so that the engine waits too. */
async function deliver(output: PassThrough, bytes: Buffer): Promise<void> {
  if (output.destroyed || output.write(bytes)) return;
  // What did not happen is not listened to any longer: a long output waits many times.
  const waited = new AbortController();
  const { signal } = waited;
  await Promise.race([once(output, 'drain', { signal }), once(output, 'close', { signal })]).finally(() => waited.abort());
}
