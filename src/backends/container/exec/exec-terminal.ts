import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { Exec } from 'dockerode';
import type { Clock } from '../../../core/clock.ts';
import { HeadgateError, messageOf } from '../../../core/errors.ts';
import type { Logger } from '../../../core/logger.ts';
import type { BackendHandle, BackendRef, ExitFact, InputTaken, KillRequest, OutputSink } from '../../../model/ports/backend.ts';
import type { KillReceipt } from '../../../model/records.ts';
import { signalName, signalOfExitCode } from '../../../model/signals.ts';
import { HandleState, OneKill, requireStdin } from '../../handle-state.ts';
import { AttachedInput } from '../engine/attached-input.ts';
import type { Engine } from '../engine/engine.ts';
import { outputOf } from '../engine/multiplex.ts';
import { OutputFlow } from '../engine/output-flow.ts';
import type { MarkedProcesses } from './marked-processes.ts';

/** How often an exec is asked whether it has ended, and with which pauses (milliseconds). */
const LOOKS = 50;
const LOOK_MS = 20;

export interface ExecTerminalOptions {
  readonly engine: Engine;
  readonly exec: Exec;
  readonly stream: Duplex;
  readonly processes: MarkedProcesses;
  readonly ref: BackendRef;
  readonly stdin: boolean;
  readonly sink: OutputSink;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * A command in a terminal of the engine, in a container without `script` (SPEC {#backend_container}). The engine keeps none
 * of its output and lets no client attach to it again: when the connection ends, the command is ended.
 */
export class ExecTerminal implements BackendHandle {
  readonly ref: BackendRef;
  readonly #options: ExecTerminalOptions;
  readonly #flow: OutputFlow;
  readonly #input = new AttachedInput(true);
  readonly #state = new HandleState();
  readonly #kill = new OneKill();
  readonly exited = this.#state.exited;
  readonly closed = this.#state.closed;

  constructor(options: ExecTerminalOptions) {
    this.#options = options;
    this.ref = options.ref;
    this.#flow = new OutputFlow({ ...options, channels: [1], offsets: new Map() });
    this.#flow.begin('now');
    options.stream.on('error', () => {});
    this.#input.use(options.stream);
    void this.#follow();
  }

  async write(bytes: Buffer, offset?: number): Promise<InputTaken> {
    requireStdin(this.#options.stdin);
    return await this.#input.write(bytes, offset);
  }

  async closeInput(): Promise<void> {
    requireStdin(this.#options.stdin);
    await this.#input.end();
  }

  async resize(cols: number, rows: number): Promise<void> {
    const { engine, exec } = this.#options;
    await engine.call(() => exec.resize({ w: cols, h: rows }));
  }

  async signal(signal: string): Promise<void> {
    const name = signalName(signal);
    const reached = await this.#options.processes.signal(name);
    if (reached.length === 0) throw new HeadgateError('conflict', `the command has ended: no process is left for ${name}`);
  }

  kill(request: KillRequest): Promise<KillReceipt> {
    return this.#kill.run(request, () => this.#options.processes.kill(request));
  }

  /** No server can adopt it, so it ends here. */
  async detach(): Promise<void> {
    if (this.#state.isClosed) return;
    this.#state.detach();
    this.#flow.stop();
    this.#options.stream.destroy();
    await this.#end();
  }

  async dispose(): Promise<void> {
    this.#state.requireOver();
  }

  async #follow(): Promise<void> {
    const { stream } = this.#options;
    try {
      for await (const piece of outputOf(stream, true)) if (await this.#flow.take(piece)) break;
    } catch (error) {
      this.#options.logger.warn({ error: messageOf(error) }, 'the connection to a terminal in a container broke');
    }
    const exit = await this.#exit();
    if (this.#state.isDetached) return;
    this.#state.exit(exit);
    await this.#flow.settled();
    this.#input.use(undefined);
    this.#state.close({ detached: [] });
  }

  async #exit(): Promise<ExitFact> {
    const { engine, exec } = this.#options;
    try {
      for (let looks = LOOKS; looks > 0; looks--) {
        const { Running, ExitCode } = await engine.call(() => exec.inspect());
        if (!Running) return { exitCode: ExitCode, signal: ExitCode === null ? null : (signalOfExitCode(ExitCode) ?? null) };
        await delay(LOOK_MS);
      }
    } catch {
      // The engine is gone, and the exec with it.
    }
    await this.#end();
    return TERMINAL_LOST;
  }

  async #end(): Promise<void> {
    try {
      await this.#options.processes.signal('SIGKILL');
    } catch (error) {
      this.#options.logger.warn({ error: messageOf(error) }, 'a terminal in a container could not be ended');
    }
  }
}

/** How a terminal ends that cannot be attached to any more. */
export const TERMINAL_LOST: ExitFact = {
  exitCode: null,
  signal: null,
  failure: {
    outcome: 'terminal_lost',
    message:
      'the connection to its terminal was lost, and the engine does not allow attaching to it again; it was ended. A container with script of util-linux keeps its terminals',
  },
};
