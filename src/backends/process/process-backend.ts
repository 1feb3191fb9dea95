import { existsSync, mkdirSync, realpathSync, statSync } from 'node:fs';
import { constants } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../../core/clock.ts';
import { defined } from '../../core/defined.ts';
import { HeadgateError, isHeadgateError, messageOf, systemCode } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import { launchArgv } from '../../model/launch.ts';
import type { Backend, BackendCapabilities, BackendHandle, BackendRef, OutputSink, StartRequest } from '../../model/ports/backend.ts';
import type { ProducerSpec } from '../../model/records.ts';
import { type EnvironmentRules, inherited, lookingVariables } from '../environment.ts';
import type { FoundBubblewrap } from '../sandbox/bubblewrap.ts';
import { Sandboxes } from '../sandbox/index.ts';
import { FreeSpace, type SpaceFact } from '../shim/free-space.ts';
import { STEP_BYTES } from '../shim/give-back.ts';
import { HolePuncher } from '../shim/hole-puncher.ts';
import { type ProcessIdentity, ProducerFolder } from '../shim/producer-folder.ts';
import { scriptIn } from '../shim/script-file.ts';
import { SHIM_SH } from '../shim/shim-sh.ts';
import { SHIM_FILE } from '../shim/shim-text.ts';
import { terminalCommand } from '../shim/terminal.ts';
import type { Warden } from '../warden/warden.ts';
import { type Launch, launchShim } from './launch.ts';
import { Launcher } from './launcher.ts';
import { whyNoTerminal } from './local-terminal.ts';
import { hasProc, identify } from './proc.ts';
import { ProcessHandle, type ProcessHandleOptions } from './process-handle.ts';
import { markerOf } from './tree.ts';

/** How long output is read on when processes still hold it after the main one ended (milliseconds). */
const DETACHED_GRACE_MS = 1000;
/** Linux takes no single argument of more than 128 KiB, the final NUL included. */
const MAX_COMMAND_BYTES = 128 * 1024 - 1;
/** A shim that was just launched is looked at so often, with such pauses (milliseconds), when the look fails. */
const IDENTIFY_TIMES = 10;
const IDENTIFY_MS = 100;
const PRODUCER_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

/** Variables with secrets of Headgate itself; no command inherits them (SPEC {#backend_process}). */
export const OWN_SECRETS = ['HEADGATE_TOKEN', 'HEADGATE_OPENAI_API_KEY'];

export interface ProcessBackendOptions {
  /** Where the producer folders are; made when missing. */
  readonly folder: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Milliseconds; 1000 by default. */
  readonly detachedGraceMs?: number;
  /** Further variables of this process that commands do not inherit: keys that its configuration names. */
  readonly withheld?: readonly string[];
  /** Which variables of this process commands inherit; all by default, and in a sandbox a short list (SPEC {#environment}). */
  readonly allow?: readonly string[] | undefined;
  /** What a command in a sandbox must not see beside the usual secrets: the data folder, a socket elsewhere. */
  readonly hidden?: readonly string[];
  /** Where bubblewrap is looked for; the system's folders by default. */
  readonly sandboxFolders?: readonly string[];
  /** Below so many free bytes of the folder's file system commands that write wait; 0 for none (SPEC {#free_space}). */
  readonly freeBytes?: number | undefined;
  /** Told when the disk has become nearly full, and when it has space again. */
  readonly spaceChanged?: (fact: SpaceFact) => void;
  /** Ends commands whose server has been gone for longer than they may run without one; none: they go on (SPEC {#lifetime}). */
  readonly warden?: Pick<Warden, 'watch'> | undefined;
  /** Stored bytes of a running command that are given back to the file system at once; 64 MiB by default (SPEC {#spool_space}). */
  readonly giveBackBytes?: number;
}

/** What a variant starts a shim with. */
export interface VariantLaunch {
  readonly folder: string;
  readonly spec: ProducerSpec;
  readonly marker: Readonly<Record<string, string>>;
}

/** What another backend whose producer folders are on this host does differently. */
export interface ProcessBackendVariant {
  /** Throws for what could never run, before anything is made. */
  readonly check: (spec: ProducerSpec) => void;
  /** Starts the shim; returns its pid. */
  readonly launch: (options: VariantLaunch) => Promise<number>;
  /** How the handle of a folder differs. */
  readonly handle: (folder: ProducerFolder, spec: ProducerSpec) => Pick<ProcessHandleOptions, 'tty' | 'endMark' | 'brakeReach' | 'carried'>;
}

/**
 * Commands as processes of this host (SPEC {#backend_process}): each in a session of its own, its output in spool
 * files, so that it outlives this process and is taken up again.
 */
export function createProcessBackend(options: ProcessBackendOptions, variant?: ProcessBackendVariant): Backend {
  return new ProcessBackend(options, variant);
}

class ProcessBackend implements Backend {
  readonly #options: ProcessBackendOptions;
  readonly #variant: ProcessBackendVariant | undefined;
  readonly #space: FreeSpace;
  readonly #puncher: HolePuncher;
  readonly #sandboxes: Sandboxes;
  readonly #launcher: Launcher;
  #spool: string | undefined;

  constructor(options: ProcessBackendOptions, variant: ProcessBackendVariant | undefined) {
    this.#options = options;
    this.#variant = variant;
    const { folder, freeBytes, spaceChanged, logger } = options;
    this.#space = new FreeSpace({ folder, floorBytes: freeBytes, told: spaceChanged, logger });
    this.#puncher = new HolePuncher(logger);
    this.#sandboxes = new Sandboxes({ hidden: [folder, ...(options.hidden ?? [])], folders: options.sandboxFolders });
    this.#launcher = new Launcher({ ...options, environment: () => inherited(process.env, this.#rules, false) });
  }

  async capabilities(): Promise<BackendCapabilities> {
    const reason = whyUnavailable();
    const box = await this.#sandboxes.find();
    const noTerminal = await whyNoTerminal();
    return {
      name: 'process',
      available: reason === undefined,
      ...defined({ reason }),
      stdin: true,
      tty: noTerminal === undefined,
      ...defined({ ttyReason: noTerminal }),
      signals: Object.keys(constants.signals),
      adopt: true,
      sandbox: 'path' in box ? { available: true, detail: `${box.version}, ${box.path}` } : { available: false, reason: box.reason },
    };
  }

  async canSandbox(root: string): Promise<boolean> {
    return 'path' in (await this.#sandboxes.find()) && this.#sandboxes.takes(root);
  }

  async start(request: StartRequest, sink: OutputSink): Promise<BackendHandle> {
    const { producerId, spec } = request;
    const spool = this.#findSpool();
    const folder = folderOf(spool, producerId);
    const marker = markerOf(spool, producerId);
    if (folder.claim().state !== 'absent') return this.#serve(request, folder, marker, { producerId }, undefined, new Map(), sink);
    this.#variant?.check(spec);
    checkSpec(spec);
    if (spec.tty && !this.#variant) await requireTerminal();
    const bubblewrap = spec.sandbox ? await this.#sandboxes.require() : undefined;
    let launched: ProcessIdentity | undefined;
    const handle: { look?: () => void } = {};
    try {
      const shim = scriptIn(spool, SHIM_FILE, SHIM_SH);
      const spare = this.#variant || spec.tty ? undefined : this.#launcher.take(folder);
      folder.prepare(spec);
      if (!this.#variant) this.#options.warden?.watch(folder.path, spec);
      if (this.#variant) {
        launched = await this.#identify(await this.#variant.launch({ folder: folder.path, spec, marker }));
      } else {
        const launch = this.#launched(spec, bubblewrap, folder, marker);
        launched =
          (await this.#launcher.launch(spool, folder, producerId, shim, launch, spare)) ??
          (await this.#identify(await launchShim({ shim, folder: folder.path, launch, ended: () => handle.look?.() })));
      }
    } catch (error) {
      // A shim that the launcher was told to start may have come by now, or come late: who takes the claim decides.
      if (!isBarred(folder)) return this.#serve(request, folder, marker, { producerId }, undefined, new Map(), sink);
      await folder.removeBarred();
      if (isHeadgateError(error)) throw error;
      if (systemCode(error) === 'ENOSPC') {
        throw new HeadgateError(
          'overloaded',
          'the disk of the data folder is full and the command was not started; free some space, then run it again',
          { outcome: 'disk_full', retry_after_ms: 1000 },
          { cause: error },
        );
      }
      throw new HeadgateError(
        'internal',
        `the command cannot be started: ${messageOf(error)}`,
        { outcome: 'start_failed' },
        { cause: error },
      );
    }
    // From here on it runs, whatever fails.
    const started = this.#serve(request, folder, marker, { producerId, ...launched }, launched, new Map(), sink);
    handle.look = () => started.look();
    return started;
  }

  adopt(request: StartRequest, ref: BackendRef | null, offsets: ReadonlyMap<number, number>, sink: OutputSink): Promise<BackendHandle> {
    const spool = this.#findSpool();
    const folder = folderOf(spool, request.producerId);
    const marker = markerOf(spool, request.producerId);
    return Promise.resolve(this.#serve(request, folder, marker, ref ?? { producerId: request.producerId }, identityIn(ref), offsets, sink));
  }

  #serve(
    request: StartRequest,
    folder: ProducerFolder,
    marker: Readonly<Record<string, string>>,
    ref: BackendRef,
    launched: ProcessIdentity | undefined,
    offsets: ReadonlyMap<number, number>,
    sink: OutputSink,
  ): ProcessHandle {
    const { clock, logger, detachedGraceMs = DETACHED_GRACE_MS, giveBackBytes = STEP_BYTES } = this.#options;
    const shared = { space: this.#space, puncher: this.#puncher, giveBackBytes, detachedGraceMs, clock, logger };
    return new ProcessHandle({
      ...shared,
      folder,
      ref,
      marker,
      stdin: request.spec.stdin,
      tty: request.spec.tty !== undefined,
      isCopied: !this.#variant && request.spec.tty === undefined,
      ...this.#variant?.handle(folder, request.spec),
      launched,
      offsets,
      sink,
    });
  }

  /** What the shim runs, and with which environment: the command in its sandbox, in its terminal. */
  #launched(
    spec: ProducerSpec,
    bubblewrap: FoundBubblewrap | undefined,
    folder: ProducerFolder,
    marker: Readonly<Record<string, string>>,
  ): Launch {
    const { cwd, stdin, tty } = spec;
    const { argv, env } = this.#boxed(spec, bubblewrap, folder, marker);
    if (!tty) return { argv, cwd, stdin, copy: true, env };
    const command = terminalCommand({ argv, tty, folder: folder.path, env: spec.env, stdin });
    checkLength(command, ' with what the terminal adds to it');
    return { argv: ['/bin/sh', '-c', command], cwd, stdin: true, copy: false, env };
  }

  get #rules(): EnvironmentRules {
    return { allow: this.#options.allow, withheld: [...OWN_SECRETS, ...(this.#options.withheld ?? [])] };
  }

  /** The command itself, or the sandbox around it. */
  #boxed(
    spec: ProducerSpec,
    bubblewrap: FoundBubblewrap | undefined,
    folder: ProducerFolder,
    marker: Readonly<Record<string, string>>,
  ): Pick<Launch, 'argv' | 'env'> {
    const { cwd, sandbox, looking, envFrom = [] } = spec;
    const named = Object.fromEntries(envFrom.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])));
    const own = { ...inherited(process.env, this.#rules, sandbox !== undefined), ...named, PWD: cwd, ...spec.env };
    const env: Record<string, string> = looking ? lookingVariables(own, looking.root) : own;
    if (!sandbox || bubblewrap === undefined) return { argv: launchArgv(spec), env: { ...env, ...marker } };
    // The terminal says what it is, also where this process has one of its own.
    if (spec.tty && !('TERM' in spec.env)) delete env['TERM'];
    const boxed = this.#sandboxes.box(bubblewrap, { ...spec, sandbox }, folder.path, env, marker);
    checkLength(boxed.command, ' with what the sandbox adds to it');
    return { argv: ['/bin/sh', '-c', boxed.command], env: boxed.env };
  }

  /** Who has just been launched; undefined when it is gone already, or that cannot be found out. */
  async #identify(pid: number): Promise<ProcessIdentity | undefined> {
    for (let left = IDENTIFY_TIMES; left > 0; left--) {
      try {
        return identify(pid);
      } catch (error) {
        this.#options.logger.warn({ pid, error: messageOf(error) }, 'a command that was started cannot be looked at now');
        await delay(IDENTIFY_MS);
      }
    }
    return undefined;
  }

  /** The folder of the producer folders. Writes nothing when it is there: what runs is taken up on a full disk too. */
  #findSpool(): string {
    if (this.#spool !== undefined) return this.#spool;
    const reason = whyUnavailable();
    if (reason !== undefined)
      throw new HeadgateError('unsupported', `the process backend is not available: ${reason}`, { outcome: 'unsupported' });
    mkdirSync(this.#options.folder, { recursive: true, mode: 0o700 });
    this.#spool = realpathSync(this.#options.folder);
    return this.#spool;
  }
}

function whyUnavailable(): string | undefined {
  if (!hasProc())
    return 'this system has no /proc, by which processes are told apart; use a Linux host, or run commands in a container or over SSH';
  if (!existsSync('/bin/sh')) return 'this system has no /bin/sh; install a POSIX shell';
  return undefined;
}

/** Whether no shim has claimed a folder, nor ever will. On a disk that is full neither can. */
function isBarred(folder: ProducerFolder): boolean {
  try {
    return folder.bar();
  } catch {
    return true;
  }
}

function folderOf(spool: string, producerId: string): ProducerFolder {
  if (PRODUCER_ID.test(producerId)) return new ProducerFolder(spool, producerId);
  throw new HeadgateError('invalid_params', `producer id "${producerId}" is no safe folder name; use letters, digits, ".", "_" and "-"`, {
    field: 'producerId',
  });
}

/** Throws a named error for what could never run, before anything is made. */
function checkSpec(spec: ProducerSpec): void {
  const { command, argv, cwd, env } = spec;
  if (!statSync(cwd, { throwIfNoEntry: false })?.isDirectory()) {
    throw new HeadgateError('not_found', `the working directory ${cwd} does not exist or is no directory; name another one`, {
      outcome: 'cwd_missing',
      cwd,
    });
  }
  checkLength(argv ? '' : command, '');
  if (command.includes('\0') || Object.entries(env).some(([name, value]) => /[=\0]/.test(name) || name === '' || value.includes('\0'))) {
    throw new HeadgateError(
      'invalid_params',
      'a command and its environment cannot hold NUL bytes, nor a variable name "="; leave them out',
      {
        outcome: 'invalid_command',
      },
    );
  }
}

async function requireTerminal(): Promise<void> {
  const reason = await whyNoTerminal();
  if (reason !== undefined) throw new HeadgateError('unsupported', `the command was not started: ${reason}`, { outcome: 'unsupported' });
}

function checkLength(command: string, what: string): void {
  if (Buffer.byteLength(command) <= MAX_COMMAND_BYTES) return;
  throw new HeadgateError('too_large', `the command${what} has more than ${MAX_COMMAND_BYTES} bytes; put it in a file and run that`, {
    outcome: 'command_too_large',
  });
}

function identityIn(ref: BackendRef | null): ProcessIdentity | undefined {
  const { pid, startTicks, bootId } = ref ?? {};
  return typeof pid === 'number' && typeof startTicks === 'string' && typeof bootId === 'string' ? { pid, startTicks, bootId } : undefined;
}
