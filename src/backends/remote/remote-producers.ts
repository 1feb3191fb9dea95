import type { Clock } from '../../core/clock.ts';
import { HeadgateError, isHeadgateError } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import { launchArgv } from '../../model/launch.ts';
import type { BackendRef, OutputSink, StartRequest } from '../../model/ports/backend.ts';
import type { ProducerSpec } from '../../model/records.ts';
import { SHIM_SH } from '../shim/shim-sh.ts';
import { shellLine, terminalCommand } from '../shim/terminal.ts';
import type { LeftBehind } from './left-behind.ts';
import type { RemotePlace } from './place-of-producer.ts';
import { printfText } from './record-splitter.ts';
import { RemoteHandle } from './remote-handle.ts';
import type { ShellHost } from './shell-host.ts';
import type { RemoteVariant } from './variant.ts';

/** How long output is read on when processes still hold it after the main one ended (milliseconds). */
const DETACHED_GRACE_MS = 1000;
/** Linux takes no longer single argument (MAX_ARG_STRLEN, its end included). */
const MAX_COMMAND_BYTES = 128 * 1024 - 1;
/** Longest set of variables: together with the command it is to fit into what execve takes. */
const MAX_ENV_BYTES = 1024 * 1024;
/** Outcomes of a start after which there may be a folder. */
const MADE = ['disk_full', 'no_folder', 'start_failed'];
const PRODUCER_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$/;

export interface RemoteProducersOptions {
  /** Folder for Headgate's files on every host; empty for the host's usual place (SPEC {#shell_hosts}). */
  readonly root?: string;
  /** Returns the id of this runner, safe as a folder name; its producers have a folder of their own on every host. */
  readonly runner: () => string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly detachedGraceMs?: number;
  /** Knows what is on hosts over SSH, and removes what could not be removed. */
  readonly leftBehind?: LeftBehind;
}

/** Starts producers on shell hosts and takes them up again: what every backend does whose commands are elsewhere. */
export class RemoteProducers {
  readonly #options: RemoteProducersOptions;

  constructor(options: RemoteProducersOptions) {
    this.#options = options;
  }

  /**
   * Starts a command, or follows it when it was started already. `ref` is kept in the handle's ref. Throws named errors:
   * those of the host, `cwd_missing`, `unsupported` with the program that the host lacks, `too_large`.
   */
  async start(host: ShellHost, request: StartRequest, ref: BackendRef, sink: OutputSink, variant?: RemoteVariant): Promise<RemoteHandle> {
    checkSpec(request.spec);
    const { leftBehind } = this.#options;
    const { producerId, spec } = request;
    // Before there is anything, so that it is known however soon this process ends.
    if (spec.ssh) leftBehind?.begin(producerId, spec.ssh);
    try {
      const handle = this.#serve(host, request, ref, new Map(), sink, true, variant);
      await this.#untilLetGo(handle, request.letGo);
      return handle;
    } catch (error) {
      // On a host that has been reached there may be the beginnings of a folder.
      if (isHeadgateError(error) && MADE.includes(String(error.facts['outcome']))) leftBehind?.later(producerId);
      else if (request.letGo?.aborted !== true) leftBehind?.forget(producerId);
      throw error;
    }
  }

  /** Takes a producer up at the stored offsets, as soon as its host can be reached (SPEC {#adopt}). */
  adopt(
    host: ShellHost,
    request: StartRequest,
    ref: BackendRef,
    offsets: ReadonlyMap<number, number>,
    sink: OutputSink,
    variant?: RemoteVariant,
  ): RemoteHandle {
    return this.#serve(host, request, ref, offsets, sink, false, variant);
  }

  async #untilLetGo(handle: RemoteHandle, letGo: AbortSignal | undefined): Promise<void> {
    const stop = (): void => void handle.detach();
    if (letGo?.aborted) stop();
    letGo?.addEventListener('abort', stop);
    try {
      await handle.started;
    } finally {
      letGo?.removeEventListener('abort', stop);
    }
  }

  #serve(
    host: ShellHost,
    request: StartRequest,
    ref: BackendRef,
    offsets: ReadonlyMap<number, number>,
    sink: OutputSink,
    start: boolean,
    variant: RemoteVariant | undefined,
  ): RemoteHandle {
    const { root = '', runner, clock, logger, detachedGraceMs = DETACHED_GRACE_MS, leftBehind } = this.#options;
    const { producerId, spec } = request;
    if (!PRODUCER_ID.test(producerId)) {
      throw new HeadgateError(
        'invalid_params',
        `producer id "${producerId}" is no safe folder name; use letters, digits, ".", "_" and "-"`,
        {
          field: 'producerId',
        },
      );
    }
    const place: RemotePlace = { root, runner: runner(), producerId };
    const launch = start ? { ...launchOf(spec, variant), cwd: spec.cwd } : undefined;
    return new RemoteHandle({
      host,
      place,
      request,
      ref,
      launch,
      adopt: !start,
      offsets,
      detachedGraceMs,
      variant,
      leftBehind,
      sink,
      clock,
      logger,
    });
  }
}

/** Stands for the producer's folder, whose place is known over there only. */
const FOLDER = '/HEADGATE-FOLDER';

/** The command as the shim is to run it. */
function shimCommand(spec: ProducerSpec): string {
  const { tty, env, stdin } = spec;
  const argv = launchArgv(spec);
  if (!tty) return shellLine(argv);
  const wrapped = terminalCommand({ argv, tty, folder: FOLDER, env, stdin });
  return wrapped.replace(`HEADGATE_TTY_FOLDER=${FOLDER}`, 'HEADGATE_TTY_FOLDER="$HEADGATE_SPOOL/$HEADGATE_PRODUCER"');
}

/** What a start says on the script's standard input (see follow.sh), and the text of the shim. */
function launchOf(spec: ProducerSpec, variant: RemoteVariant | undefined): { readonly lines: string; readonly shim: string } {
  const variables = (env: Readonly<Record<string, string>>): string =>
    Object.entries(env)
      .map(([name, value]) => `e${printfText(Buffer.from(`${name}=${value}`))}\n`)
      .join('');
  if (variant) return { lines: `c\n${variables(variant.variables)}.\n`, shim: variant.launcher };
  const lines = `c${printfText(Buffer.from(shimCommand(spec)))}\n${variables(spec.env)}${spec.tty ? 't\n' : ''}.\n`;
  return { lines, shim: SHIM_SH };
}

/** Throws a named error for what could never run, before anything is asked of the host. */
function checkSpec(spec: ProducerSpec): void {
  const { cwd, env, tty } = spec;
  const command = shimCommand(spec);
  if (cwd !== '' && !cwd.startsWith('/')) {
    throw new HeadgateError('invalid_params', `the working directory ${cwd} on another host must be absolute, or left out`, {
      field: 'cwd',
    });
  }
  if (Buffer.byteLength(command) > MAX_COMMAND_BYTES) {
    throw new HeadgateError(
      'too_large',
      `the command${tty ? ' with what the terminal adds to it' : ''} has more than ${MAX_COMMAND_BYTES} bytes; put it in a file and run that`,
      {
        outcome: 'command_too_large',
      },
    );
  }
  const variables = Object.entries(env);
  if (command.includes('\0') || variables.some(([name, value]) => /[=\0]/.test(name) || name === '' || value.includes('\0'))) {
    throw new HeadgateError(
      'invalid_params',
      'a command and its environment cannot hold NUL bytes, nor a variable name "="; leave them out',
      { outcome: 'invalid_command' },
    );
  }
  if (variables.reduce((sum, [name, value]) => sum + Buffer.byteLength(name + value) + 2, 0) > MAX_ENV_BYTES) {
    throw new HeadgateError('too_large', `the variables have more than ${MAX_ENV_BYTES} bytes; put them in a file and read that`, {
      outcome: 'env_too_large',
    });
  }
}
