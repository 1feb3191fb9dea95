import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay, setImmediate as nextTick } from 'node:timers/promises';
import { Backoff } from '../../core/backoff.ts';
import type { Clock } from '../../core/clock.ts';
import { messageOf } from '../../core/errors.ts';
import { InTurn } from '../../core/in-turn.ts';
import type { Logger } from '../../core/logger.ts';
import { shellQuote, shellWords } from '../../core/shell-quote.ts';
import { replaceFile } from '../../core/whole-file.ts';
import type { Claim, ProcessIdentity, ProducerFolder } from '../shim/producer-folder.ts';
import { scriptFile, scriptIn } from '../shim/script-file.ts';
import { type Launch, shimArgv } from './launch.ts';
import { LAUNCHER_SH } from './launcher-sh.ts';
import { readStat } from './proc.ts';
import { Spare } from './spare.ts';

/** File name of the launcher's program in a spool. */
export const LAUNCHER_FILE = scriptFile('launcher', LAUNCHER_SH);

/** How long a shim may take to claim its folder before it is started without the launcher (milliseconds). */
const CLAIM_MS = 250;
/** So long the claim is looked for on each tick, and then with such pauses (milliseconds). */
const CLAIM_SOON_MS = 2;
const CLAIM_LOOK_MS = 1;
/** How long after a launch the next spare is made, which is not to be in the way of what begins, and how long it may take (milliseconds). */
const SPARE_AFTER_MS = 10;
const SPARE_LOOK_MS = 100;
const SPARE_MS = 5000;
/** How long the launcher's first process may take to be reaped (milliseconds). */
const REAPED_MS = 2000;
const REAPED_LOOK_MS = 20;
/** Without a launch for so long it ends (milliseconds). */
const IDLE_MS = 10 * 60_000;
/** Pauses before another launcher is started after a failure (milliseconds). */
const AGAIN = { firstMs: 1000, longestMs: 60_000 };

const SETSID = ['/usr/bin/setsid', '/bin/setsid'];
/** A variable that every shell takes and gives on unchanged. */
const PLAIN_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** Variables that shells change, or refuse to change. */
const SHELL_NAMES = new Set([
  'IFS',
  'OPTIND',
  'LINENO',
  'PPID',
  'UID',
  'EUID',
  'BASHOPTS',
  'SHELLOPTS',
  'BASH_VERSINFO',
  'RANDOM',
  'SECONDS',
]);
/** Variables that a shell sets on its own as it starts and changes its folder. */
const SET_NAMES = ['PWD', 'OLDPWD', 'SHLVL', '_'];

/** A launcher that is used. */
interface Ready {
  readonly child: ChildProcess;
  readonly environment: Readonly<Record<string, string>>;
  readonly spool: string;
  readonly setsid: string;
}

/**
 * A small process that starts the shims of one spool, so that this one does not fork: a fork stops a server for the time that copying its
 * page tables takes. It is an optimisation only. Whenever it is not there, or a shim has not claimed its folder in time, the caller starts
 * the shim itself: of two shims on one folder the later one leaves (SPEC {#launcher}, {#shim_claim}).
 */
export class Launcher {
  readonly #clock: Clock;
  readonly #logger: Logger;
  /** What the launcher's own environment is, and with it that of a shim where nothing else is asked for. */
  readonly #environment: () => Record<string, string>;
  readonly #turns = new InTurn();
  readonly #again = new Backoff(AGAIN);
  #process: Ready | undefined;
  #spare: Spare | undefined;
  #spareTimer: NodeJS.Timeout | undefined;
  #warming: Promise<void> | undefined;
  #notBefore = -Infinity;
  #idle: NodeJS.Timeout | undefined;

  constructor(options: { clock: Clock; logger: Logger; environment: () => Record<string, string> }) {
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.#environment = options.environment;
  }

  /** Gives a producer that has no folder yet that of the spare, which is then handed to `launch`; undefined when there is no spare. */
  take(folder: ProducerFolder): Spare | undefined {
    const spare = this.#spare;
    if (!spare?.isReady || !spare.moveTo(folder.path)) return undefined;
    this.#spare = undefined;
    return spare;
  }

  /**
   * Starts a shim on a prepared folder. Returns who has claimed the folder; undefined when the caller is to start the shim itself. The first
   * call starts the launcher beside it, and returns undefined.
   */
  async launch(
    spool: string,
    folder: ProducerFolder,
    name: string,
    shim: string,
    launch: Launch,
    spare: Spare | undefined,
  ): Promise<ProcessIdentity | undefined> {
    const ready = this.#process;
    if (!ready) {
      this.#warm(spool);
      return undefined;
    }
    const settings = launchSettings(ready.environment, launch);
    if (settings === undefined) {
      spare?.cancel();
      this.#spareSoon();
      return undefined;
    }
    if (spare) {
      const input = launch.stdin ? '' : 'exec < /dev/null\n';
      if (spare.go(`${settings}${input}set -- ${shellWords(launch.argv)}\n`)) return await this.#claimed(ready, folder);
      this.#giveUp('the spare has left, and with it the launcher');
      return undefined;
    }
    return await this.#turns.run(async () => {
      const { child } = ready;
      // It has ended, or the one before in the queue has given it up.
      if (this.#process !== ready || !child.stdin?.writable) return undefined;
      const text = `${settings}exec "$2" -f ${shellWords(shimArgv(shim, folder.path, launch))}\n`;
      replaceFile(join(folder.path, 'launch'), text);
      child.stdin.write(`${name}\n`);
      return await this.#claimed(ready, folder);
    });
  }

  /** Who has claimed a folder on which a shim is about to begin; undefined when that takes too long. */
  async #claimed(ready: Ready, folder: ProducerFolder): Promise<ProcessIdentity | undefined> {
    this.#keep();
    const claim = await this.#claimOf(folder);
    if (claim.state === 'claimed') {
      this.#again.reset();
      this.#spareSoon();
      return claim.shim;
    }
    if (claim.state !== 'barred' && this.#process === ready) this.#giveUp('a shim has not claimed its folder in time');
    return undefined;
  }

  /** The claim of a folder once it is complete, or what it is when the launcher has gone or the time is over. */
  async #claimOf(folder: ProducerFolder): Promise<Claim> {
    const began = this.#clock.monotonic();
    const giveUp = began + CLAIM_MS;
    for (;;) {
      // Before the claim is looked at: this process may have been held up itself.
      const isLast = !this.#process || this.#clock.monotonic() >= giveUp;
      const claim = folder.claim();
      if (isLast || claim.state === 'claimed' || claim.state === 'barred') return claim;
      if (this.#clock.monotonic() - began < CLAIM_SOON_MS) await nextTick();
      else await delay(CLAIM_LOOK_MS);
    }
  }

  /** Makes the next spare, in a moment. */
  #spareSoon(): void {
    if (this.#spare) return;
    clearTimeout(this.#spareTimer);
    this.#spareTimer = setTimeout(() => this.#makeSpare(), SPARE_AFTER_MS).unref();
  }

  #makeSpare(): void {
    const ready = this.#process;
    if (!ready || this.#spare) return;
    try {
      const { spool, setsid, child } = ready;
      const spare = new Spare(spool, setsid);
      this.#spare = spare;
      child.stdin?.write(`${spare.name}\n`);
      this.#untilReady(spare, this.#clock.monotonic() + SPARE_MS);
    } catch (error) {
      // A full disk, say: the next launch is followed by another attempt.
      this.#logger.debug({ error: messageOf(error) }, 'no spare can be made now');
    }
  }

  /** A launcher that makes no spare is stopped, or cannot. */
  #untilReady(spare: Spare, giveUp: number): void {
    if (this.#spare !== spare || spare.isReady) return;
    if (this.#clock.monotonic() >= giveUp) return this.#giveUp('a spare has not begun in time');
    this.#spareTimer = setTimeout(() => this.#untilReady(spare, giveUp), SPARE_LOOK_MS).unref();
  }

  /** Starts the launcher, in the background; it is used once its first process has been reaped. */
  #warm(spool: string): void {
    if (this.#warming || this.#clock.monotonic() < this.#notBefore) return;
    const setsid = SETSID.find((path) => existsSync(path));
    if (setsid === undefined) return;
    this.#warming = this.#start(spool, setsid)
      .catch((error: unknown) => this.#failed(messageOf(error)))
      .finally(() => {
        this.#warming = undefined;
      });
  }

  async #start(spool: string, setsid: string): Promise<void> {
    const environment = this.#environment();
    const program = scriptIn(spool, LAUNCHER_FILE, LAUNCHER_SH);
    const child = spawn('/bin/sh', [program, spool, setsid], {
      cwd: '/',
      env: environment,
      detached: true,
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    child.on('error', () => {});
    // Without a process, for want of descriptors say, there are no pipes either.
    if (child.pid === undefined) return this.#failed('the launcher cannot be started now');
    child.stdin.on('error', () => {});
    child.once('exit', () => {
      if (this.#process?.child === child) this.#giveUp('the launcher has ended');
    });
    child.unref();
    const pipes = [child.stdin, child.stdout] as unknown as { unref(): void }[];
    for (const pipe of pipes) pipe.unref();
    const said = await new Promise<string>((resolve) => {
      let text = '';
      child.stdout.setEncoding('latin1').on('data', (part: string) => {
        text += part;
      });
      child.stdout.once('close', () => resolve(text));
    });
    if (!/^\d+\n$/.test(said) || child.exitCode !== null || !(await this.#isReaped(Number(said)))) {
      child.kill('SIGKILL');
      return this.#failed('the launcher cannot start processes here, or no process reaps orphans');
    }
    this.#process = { child, environment, spool, setsid };
    this.#keep();
    this.#makeSpare();
  }

  async #isReaped(pid: number): Promise<boolean> {
    const giveUp = this.#clock.monotonic() + REAPED_MS;
    while (this.#clock.monotonic() < giveUp) {
      if (!readStat(pid)) return true;
      await delay(REAPED_LOOK_MS, undefined, { ref: false });
    }
    return false;
  }

  /** Ends it once nothing has been launched for a while. */
  #keep(): void {
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => this.#end(), IDLE_MS).unref();
  }

  /** At the end of its input it ends, once it has read what it was sent. */
  #end(): void {
    clearTimeout(this.#idle);
    clearTimeout(this.#spareTimer);
    const child = this.#process?.child;
    this.#process = undefined;
    child?.stdin?.end();
    const spare = this.#spare;
    this.#spare = undefined;
    // What is left of its folder the next server removes.
    void spare?.remove().catch(() => undefined);
  }

  /** What was sent to it and not started is started by its callers. */
  #giveUp(why: string): void {
    const child = this.#process?.child;
    this.#end();
    child?.kill('SIGKILL');
    this.#failed(why);
  }

  #failed(why: string): void {
    const pauseMs = this.#again.next();
    this.#notBefore = this.#clock.monotonic() + pauseMs;
    this.#logger.debug({ why, pauseMs }, 'commands are started without the launcher for now');
  }
}

/**
 * The shell text that goes to the folder of the launch and makes the launcher's own environment into that of the launch; undefined for what
 * a shell might give on changed.
 */
function launchSettings(own: Readonly<Record<string, string>>, { argv, cwd, env }: Launch): string | undefined {
  const dropped = Object.keys(own).filter((name) => !(name in env));
  const changed = Object.keys(env).filter((name) => env[name] !== own[name]);
  if ([...dropped, ...changed].some((name) => !PLAIN_NAME.test(name) || SHELL_NAMES.has(name))) return undefined;
  const unset = [...new Set([...dropped, ...SET_NAMES.filter((name) => !(name in env)), 'HEADGATE_LAUNCHER_LINE'])];
  const set = [...new Set([...changed, ...SET_NAMES.filter((name) => name in env)])];
  const text = [
    // Where the folder really is, as the kernel takes it: without -P a shell takes `link/..` away from the name.
    `cd -P ${shellQuote(cwd)} || exit`,
    `unset ${unset.join(' ')}`,
    ...set.map((name) => `export ${name}=${shellQuote(env[name] ?? '')}`),
    '',
  ].join('\n');
  return text.includes('\0') || argv.some((word) => word.includes('\0')) ? undefined : text;
}
