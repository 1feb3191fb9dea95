import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bootId } from '../../core/boot-id.ts';
import { messageOf, systemCode } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import { SYSTEM_PATH } from '../../core/system-path.ts';
import { replaceFile } from '../../core/whole-file.ts';
import { aloneMs } from '../../model/lifetime.ts';
import type { ProducerSpec } from '../../model/records.ts';
import { identify, readAlive } from '../process/proc.ts';
import { type ProcessIdentity, parseIdentity } from '../shim/producer-folder.ts';
import { scriptIn } from '../shim/script-file.ts';
import { WARDEN_SH } from './warden-sh.ts';
import { WARDEN_FILE } from './warden-text.ts';

/** How often a warden that is missing is noticed (milliseconds). */
const CHECK_MS = 30_000;

/**
 * A server's side of the warden of its spool, which ends the commands that may not run for long without the server (SPEC
 * {#lifetime_warden}): the sign of life, and a warden wherever there is something to watch over.
 */
export class Warden {
  #timer: NodeJS.Timeout | undefined;
  readonly #folder: string;
  readonly #logger: Logger;
  #signed = false;

  /** `folder`: of the producer folders. This process has to be the only one that serves it. */
  constructor(options: { folder: string; logger: Logger }) {
    this.#folder = options.folder;
    this.#logger = options.logger;
  }

  /** Says that the spool is served again; from now on no lifetime counts. Where there is no spool yet, its first command says so. */
  begin(): void {
    if (!existsSync(this.#folder)) return;
    this.#sign();
    this.#check();
  }

  /** Says that the server has stopped: lifetimes count from this moment. */
  end(): void {
    if (!this.#signed) return;
    this.#signed = false;
    clearInterval(this.#timer);
    const uptime = hundredths();
    try {
      const boot = bootId();
      if (uptime !== undefined && boot !== null) replaceFile(this.#file('gone'), `${uptime} ${boot}\n`);
      rmSync(this.#file('server'), { force: true });
      this.#wake();
    } catch (error) {
      this.#logger.warn({ error: messageOf(error) }, 'the stop of the server could not be noted; the warden sees it by itself');
    }
  }

  /**
   * Notes in a producer folder how long its command may run without a server, and starts the warden that watches over that. Before the command is
   * launched, so that nothing of it can outlive a crash unwatched. Throws when that cannot be written.
   */
  watch(folder: string, spec: ProducerSpec): void {
    const ms = aloneMs(spec.lifetime);
    if (ms === undefined) return;
    if (spec.tty) writeFileSync(join(folder, 'terminal'), '', { mode: 0o600 });
    writeFileSync(join(folder, 'lifetime'), `${Math.ceil(ms / 1000)}\n`, { mode: 0o600 });
    this.#sign();
    this.#ensure();
    this.#wake();
  }

  #file(name: string): string {
    return join(this.#folder, name);
  }

  #sign(): void {
    if (this.#signed) return;
    const self = identify(process.pid);
    if (!self) return;
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    replaceFile(this.#file('server'), identityLine(self));
    rmSync(this.#file('gone'), { force: true });
    this.#signed = true;
    this.#timer = setInterval(() => this.#check(), CHECK_MS).unref();
  }

  /** Starts a warden where one is missing: it was killed, or an earlier server has left commands to watch over. */
  #check(): void {
    if (!this.#signed) return;
    try {
      if (this.#hasLifetimes()) this.#ensure();
    } catch (error) {
      this.#logger.warn({ error: messageOf(error) }, 'the lifetimes of commands are not watched now; the warden is started again');
    }
  }

  #hasLifetimes(): boolean {
    return readdirSync(this.#folder).some((name) => existsSync(join(this.#folder, name, 'lifetime')));
  }

  /** Starts a warden unless one is there. Its claim is written here, so that a second call sees it at once. */
  #ensure(): void {
    const holder = this.#holder();
    if (holder && readAlive(holder)) return;
    rmSync(this.#file('warden'), { force: true });
    const spool = realpathSync(this.#folder);
    const child = spawn('/bin/sh', [scriptIn(spool, WARDEN_FILE, WARDEN_SH), spool], {
      cwd: '/',
      // Nothing that marks a process as a command's, or holds a secret, and no folder of a project.
      env: { PATH: SYSTEM_PATH },
      detached: true,
      stdio: 'ignore',
    });
    child.on('error', (error) => this.#logger.error({ error: error.message }, 'the warden could not be started'));
    // Killed: it leaves in no other way while there is something to watch over.
    child.once('exit', (_code, signal) => signal === null || this.#check());
    child.unref();
    const warden = child.pid === undefined ? undefined : identify(child.pid);
    if (!warden) return;
    try {
      writeFileSync(this.#file('warden'), identityLine(warden), { flag: 'wx', mode: 0o600 });
    } catch (error) {
      // Another one has it by now, and this one leaves.
      if (systemCode(error) !== 'EEXIST') throw error;
    }
  }

  /** Has it look now. */
  #wake(): void {
    const holder = this.#holder();
    const warden = holder && readAlive(holder);
    try {
      if (warden) process.kill(warden.pid, 'SIGCONT');
    } catch (error) {
      this.#logger.debug({ error: messageOf(error) }, 'the warden cannot be woken');
    }
  }

  #holder(): ProcessIdentity | undefined {
    return identityIn(this.#file('warden'));
  }
}

/** The process that a file names, as `PID START BOOT`; undefined when there is no such file, or it is not whole. */
export function identityIn(file: string): ProcessIdentity | undefined {
  try {
    return parseIdentity(readFileSync(file, 'latin1'));
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function identityLine({ pid, startTicks, bootId }: ProcessIdentity): string {
  return `${pid} ${startTicks} ${bootId}\n`;
}

/** Hundredths of a second since boot, as the scripts count. */
function hundredths(): number | undefined {
  const match = /^(\d+)\.(\d\d) /.exec(readFileSync('/proc/uptime', 'latin1'));
  return match ? Number(match[1]) * 100 + Number(match[2]) : undefined;
}
