import { once } from 'node:events';
import { type Duplex, PassThrough } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { Exec } from 'dockerode';
import { HeadgateError, messageOf } from '../../core/errors.ts';
import type { ShellHost, ShellRun } from '../remote/shell-host.ts';
import { type Engine, isRefusal } from './engine.ts';
import { outputOf } from './multiplex.ts';

/** What a run writes before the script's own output: its process number, by which it can be ended. */
const HELLO = /^(\d+)\n/;
const HELLO_BYTES = 16;
/** How often, and with which pauses (milliseconds), an exec whose output has ended is asked for its exit code. */
const LOOKS = 50;
const LOOK_MS = 10;

/**
 * A container as a shell host: each run is an exec with its three streams (SPEC {#shell_hosts}). An exec that nobody
 * listens to goes on, and the API cannot end it; so each says its process number first, and one that is let go of is
 * ended by a second exec. What it started in a session of its own is not touched.
 */
export class ExecHost implements ShellHost {
  readonly name: string;
  readonly #engine: Engine;
  readonly #container: string;
  readonly #user: string | undefined;

  constructor(engine: Engine, container: { readonly id: string; readonly name: string; readonly user?: string | undefined }) {
    this.name = `container ${container.name}`;
    this.#engine = engine;
    this.#container = container.id;
    this.#user = container.user;
  }

  async run(script: string, args: readonly string[]): Promise<ShellRun> {
    const { exec, stream } = await this.#start(['/bin/sh', '-c', `echo $$; ${script}`, 'sh', ...args]);
    return new ExecRun({
      stream,
      exitCode: () => this.#exitCode(exec),
      lost: (cause) => this.#lost(cause),
      end: (pid) => void this.#end(pid),
    });
  }

  async #start(command: string[]): Promise<{ exec: Exec; stream: Duplex }> {
    try {
      return await this.#engine.call(async (docker) => {
        const exec = await docker.getContainer(this.#container).exec({
          Cmd: command,
          AttachStdin: true,
          AttachStdout: true,
          AttachStderr: true,
          ...(this.#user === undefined ? {} : { User: this.#user }),
        });
        const stream = await exec.start({ hijack: true, stdin: true });
        return { exec, stream };
      });
    } catch (error) {
      throw this.#named(error);
    }
  }

  /** The output of an exec ends a moment before the engine knows its end; one that still runs after that was cut off. */
  async #exitCode(exec: Exec): Promise<number | null> {
    for (let looks = LOOKS; looks > 0; looks--) {
      const { Running, ExitCode } = await this.#engine.call(() => exec.inspect());
      if (!Running) return ExitCode;
      await delay(LOOK_MS);
    }
    throw this.#lost(undefined);
  }

  /** Ends what a run left in its own session: the follower, never the command, which has a session of its own. */
  async #end(pid: number): Promise<void> {
    try {
      const { stream } = await this.#start(['/bin/sh', '-c', 'kill -9 -- "-$1" 2>/dev/null || kill -9 "$1"', 'sh', String(pid)]);
      stream.resume();
      stream.on('error', () => {});
      await once(stream, 'close');
    } catch {
      // The container is gone or has stopped, and with it the process.
    }
  }

  #named(error: unknown): unknown {
    if (isRefusal(error, 404)) {
      return new HeadgateError('not_found', `${this.name} does not exist; \`docker ps\` lists those that run`, {
        outcome: 'container_gone',
      });
    }
    if (isRefusal(error, 409, 500)) {
      return new HeadgateError('conflict', `nothing can be run in ${this.name}: ${messageOf(error)}`, { outcome: 'container_stopped' });
    }
    return error;
  }

  #lost(cause: unknown): HeadgateError {
    return new HeadgateError(
      'overloaded',
      `the connection to ${this.name} broke`,
      { outcome: 'link_lost', retry_after_ms: 100 },
      { cause },
    );
  }
}

interface ExecRunOptions {
  readonly stream: Duplex;
  readonly exitCode: () => Promise<number | null>;
  readonly lost: (cause: unknown) => HeadgateError;
  readonly end: (pid: number) => void;
}

class ExecRun implements ShellRun {
  readonly stdin: Duplex;
  readonly stdout = new PassThrough();
  readonly stderr = new PassThrough();
  readonly ended: Promise<number | null>;
  readonly #options: ExecRunOptions;
  #hello: Buffer | undefined = Buffer.alloc(0);
  #pid: number | undefined;
  #closed = false;
  #over = false;

  constructor(options: ExecRunOptions) {
    this.#options = options;
    this.stdin = options.stream;
    this.ended = this.#carry();
    // Whoever has let go of it does not ask.
    this.ended.catch(() => {});
    for (const stream of [options.stream, this.stdout, this.stderr]) stream.on('error', () => {});
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#options.stream.destroy();
    if (this.#pid !== undefined && !this.#over) this.#options.end(this.#pid);
  }

  async #carry(): Promise<number | null> {
    const { stream, lost, exitCode } = this.#options;
    try {
      for await (const { channel, bytes } of outputOf(stream, false)) await this.#deliver(channel, bytes);
    } catch (error) {
      this.#endOutputs();
      throw lost(error);
    }
    this.#endOutputs();
    const code = await exitCode();
    this.#over = true;
    return code;
  }

  async #deliver(channel: 1 | 2, bytes: Buffer): Promise<void> {
    const own = channel === 1 && this.#hello ? this.#withoutHello(this.#hello, bytes) : bytes;
    const output = channel === 1 ? this.stdout : this.stderr;
    if (own.length === 0 || output.destroyed || output.write(own)) return;
    await Promise.race([once(output, 'drain'), once(output, 'close')]);
  }

  #withoutHello(before: Buffer, bytes: Buffer): Buffer {
    const all = Buffer.concat([before, bytes]);
    const match = HELLO.exec(all.toString('latin1', 0, HELLO_BYTES));
    if (!match && all.length < HELLO_BYTES) {
      this.#hello = all;
      return Buffer.alloc(0);
    }
    this.#hello = undefined;
    if (!match) return all;
    this.#pid = Number(match[1]);
    // Let go of before it had said who it is.
    if (this.#closed) this.#options.end(this.#pid);
    return all.subarray(match[0].length);
  }

  #endOutputs(): void {
    this.stdout.end();
    this.stderr.end();
  }
}
