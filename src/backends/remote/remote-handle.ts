import type { Clock } from '../../core/clock.ts';
import { deferred } from '../../core/deferred.ts';
import { defined } from '../../core/defined.ts';
import { HeadgateError, messageOf } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import type { PixelSize } from '../../model/place.ts';
import type {
  BackendHandle,
  BackendRef,
  ClosedFact,
  InputTaken,
  KillRequest,
  OutputSink,
  StartRequest,
} from '../../model/ports/backend.ts';
import { emptyReceipt, type KillReceipt, type ProducerSpec } from '../../model/records.ts';
import { signalName, signalOfExitCode } from '../../model/signals.ts';
import { HandleState, OneKill, requireStdin } from '../handle-state.ts';
import { ask } from './ask.ts';
import { Follower, type FollowFact } from './follower.ts';
import type { LeftBehind } from './left-behind.ts';
import { placeArgs, type RemotePlace } from './place-of-producer.ts';
import { RemoteBrake } from './remote-brake.ts';
import { RemoteInput } from './remote-input.ts';
import { isTrappedSignal, RemoteKill } from './remote-kill.ts';
import { RemoteTerminal } from './remote-terminal.ts';
import { REMOVE_SH } from './remove-sh.ts';
import type { ShellHost } from './shell-host.ts';
import { SIGNAL_SH } from './signal-sh.ts';
import type { RemoteVariant } from './variant.ts';

/** Signals that the shim does not need to trap: without a handler they do nothing, or let it go on. */
const HARMLESS_SIGNALS: readonly string[] = ['SIGCONT', 'SIGWINCH', 'SIGURG', 'SIGCHLD'];

export interface RemoteHandleOptions {
  readonly host: ShellHost;
  readonly place: RemotePlace;
  readonly request: StartRequest;
  /** What the ref holds besides: how the host is found again. */
  readonly ref: BackendRef;
  readonly launch: { readonly lines: string; readonly shim: string; readonly cwd: string } | undefined;
  readonly adopt: boolean;
  readonly offsets: ReadonlyMap<number, number>;
  readonly detachedGraceMs: number;
  readonly variant: RemoteVariant | undefined;
  /** Who removes its folder when the host is away; without it `dispose` throws. */
  readonly leftBehind: LeftBehind | undefined;
  readonly sink: OutputSink;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** One producer folder over there, served through a shell host: followed, written to, signalled and killed (SPEC {#shell_hosts}). */
export class RemoteHandle implements BackendHandle {
  readonly ref: BackendRef;
  readonly #options: RemoteHandleOptions;
  readonly #follower: Follower;
  readonly #brake: RemoteBrake;
  readonly #input: RemoteInput;
  readonly #terminal: RemoteTerminal | undefined;
  readonly #started = deferred<FollowFact>();
  readonly #state = new HandleState();
  readonly exited = this.#state.exited;
  readonly closed = this.#state.closed;
  readonly #drained = deferred();
  #hasEnded = false;
  #isDrained = false;
  #disposed = false;
  readonly #kill = new OneKill();

  constructor(options: RemoteHandleOptions) {
    this.#options = options;
    const { host, place, clock, logger, variant } = options;
    this.ref = { ...options.ref, producerId: place.producerId };
    this.#input = new RemoteInput(
      host,
      place,
      clock,
      logger,
      variant !== undefined || options.request.spec.tty !== undefined,
      variant?.inputText,
    );
    if (options.request.spec.tty) this.#terminal = new RemoteTerminal(host, async () => (await this.started).folder);
    this.#follower = new Follower({
      ...options,
      endMark: variant?.endMark,
      // Without an input a terminal would be at its end at once.
      stdin: options.request.spec.stdin || options.request.spec.tty !== undefined,
      events: {
        followed: (fact) => {
          if (fact.stopped) this.#brake.isStopped();
          this.#started.resolve(fact);
        },
        ended: (exitCode, durationMs) => this.#end(exitCode, durationMs),
        closed: (fact) => this.#close(fact),
        drained: () => this.#drain(),
        failed: (words) => {
          this.#started.reject(variant?.refusal(host, words) ?? startFailure(host, options.request.spec, words));
          this.#over();
        },
        unreachable: (error) => {
          this.#started.reject(error);
          this.#over();
        },
        progress: () => this.#brake.progress(),
      },
    });
    this.#brake = new RemoteBrake(host, place, this.#follower, logger, (words) => this.#follower.exit(words));
  }

  /** What the host said of it first. Rejects with a named error when it cannot be started. */
  get started(): Promise<FollowFact> {
    return this.#started.promise;
  }

  get drained(): Promise<void> {
    return this.#drained.promise;
  }

  /** True when every byte was read before `closed`, and not when the place was gone. */
  get complete(): boolean {
    return this.#follower.complete;
  }

  get waitsFor(): string | undefined {
    return this.#follower.waitsFor;
  }

  async write(bytes: Buffer, offset?: number): Promise<InputTaken> {
    requireStdin(this.#options.request.spec.stdin);
    return await this.#input.write(bytes, offset);
  }

  async closeInput(): Promise<void> {
    requireStdin(this.#options.request.spec.stdin);
    await this.#input.end();
  }

  async resize(cols: number, rows: number, pixels?: PixelSize): Promise<void> {
    if (!this.#terminal) throw new HeadgateError('unsupported', 'this command has no terminal, so there is nothing to resize');
    if (this.#hasEnded) throw new HeadgateError('conflict', 'the command has ended, and its terminal with it');
    await this.#terminal.resize(cols, rows, pixels);
  }

  async signal(signal: string): Promise<void> {
    const name = signalName(signal);
    const { host, place } = this.#options;
    if (this.#terminal && !this.#hasEnded && (await this.#terminal.signal(name.slice(3)))) return;
    const group = isTrappedSignal(name) || HARMLESS_SIGNALS.includes(name);
    const [[word] = []] =
      // Once it has ended, what it has left behind is signalled.
      this.#terminal || this.#isDrained ? [['ended']] : await ask(host, SIGNAL_SH, [...placeArgs(place), name.slice(3), group ? '1' : '0']);
    if (word !== 'done') throw new HeadgateError('conflict', `the command has ended: no process is left for ${name}`);
  }

  async kill(request: KillRequest): Promise<KillReceipt> {
    return await this.#kill.run(request, async (hastens) => {
      const { host, place, clock, logger } = this.#options;
      this.#brake.release();
      // After the folder is removed a look over there would make it again.
      if (this.#disposed) return emptyReceipt(request, clock.now());
      const work = new RemoteKill(host, place, clock, logger, this.#state.detaching);
      hastens((graceMs) => work.hasten(graceMs));
      return await work.run(request);
    });
  }

  detach(): Promise<void> {
    this.#state.detach();
    this.#started.reject(new HeadgateError('conflict', 'the command is let go of before its host has replied; it is taken up later'));
    this.#stop();
    return Promise.resolve();
  }

  async dispose(): Promise<void> {
    this.#state.requireOver();
    const { host, place, leftBehind, logger } = this.#options;
    this.#disposed = true;
    this.#stop();
    try {
      const [words = []] = await ask(host, REMOVE_SH, placeArgs(place));
      if (words[0] !== 'done') throw new HeadgateError('internal', `the folder of a producer on ${host.name} cannot be removed`);
      leftBehind?.forget(place.producerId);
    } catch (error) {
      if (!leftBehind) throw error;
      const facts = { host: host.name, producer: place.producerId, error: messageOf(error) };
      logger.warn(facts, 'the folder of a command on another host cannot be removed now; it is tried again');
      leftBehind.later(place.producerId);
    }
  }

  #end(exitCode: number | undefined, durationMs: number | undefined): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#brake.release();
    this.#input.stop();
    const signal = exitCode === undefined ? null : (signalOfExitCode(exitCode) ?? null);
    this.#state.exit({ exitCode: exitCode ?? null, signal, ...defined({ durationMs }) });
  }

  /** Nothing runs over there. */
  #over(): void {
    this.#end(undefined, undefined);
    this.#close({ detached: [] });
    this.#drain();
  }

  #close(fact: ClosedFact): void {
    if (this.#state.isDetached) return;
    this.#state.close(fact);
  }

  #drain(): void {
    if (this.#state.isDetached) return;
    this.#isDrained = true;
    this.#stop();
    this.#drained.resolve();
  }

  #stop(): void {
    this.#brake.release();
    this.#input.stop();
    this.#follower.stop();
  }
}

/** The named error for what a host said when it was to start a command (see follow.sh). */
function startFailure(host: ShellHost, spec: ProducerSpec, [word = '', ...rest]: readonly string[]): HeadgateError {
  const what = rest.join(' ');
  const facts = { outcome: word, host: host.name };
  switch (word) {
    case 'cwd_missing':
      return new HeadgateError(
        'not_found',
        `the working directory ${spec.cwd} does not exist on ${host.name}, or is no directory; name another one`,
        { ...facts, cwd: spec.cwd },
      );
    case 'no_tool':
      return new HeadgateError('unsupported', `${host.name} has no program "${what}", which is needed to run commands there; install it`, {
        ...facts,
        outcome: 'unsupported',
        program: what,
      });
    case 'no_terminal':
      return new HeadgateError('unsupported', `${what}, on ${host.name}`, { ...facts, outcome: 'unsupported' });
    case 'no_proc':
      return new HeadgateError(
        'unsupported',
        `${host.name} has no /proc, by which processes are told apart; commands can be run on Linux hosts only`,
        { ...facts, outcome: 'unsupported' },
      );
    case 'disk_full':
      return new HeadgateError('overloaded', `nothing can be written to ${what} on ${host.name}; free space there, then try again`, facts);
    case 'no_folder':
      return new HeadgateError(
        'forbidden',
        `the folder ${what} on ${host.name} cannot be made or written to; make it, or set XDG_STATE_HOME there`,
        facts,
      );
    default:
      return new HeadgateError('internal', `the command cannot be started on ${host.name}: ${word} ${what}`, {
        ...facts,
        outcome: 'start_failed',
      });
  }
}
