import { closeSync, constants, existsSync, mkdirSync, openSync, renameSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isMissing, systemCode } from '../../core/errors.ts';
import { systemIds } from '../../core/ids.ts';
import { shellQuote, shellWords } from '../../core/shell-quote.ts';
import { ProducerFolder } from '../shim/producer-folder.ts';
import { scriptFile, scriptIn } from '../shim/script-file.ts';
import { SPARE_SH } from '../shim/spare-sh.ts';

/** File name of the spares' program in a spool. */
export const SPARE_FILE = scriptFile('spare', SPARE_SH);

/** No producer's id begins like this. */
const PREFIX = '.spare-';

/** True for the name of a folder of a spool that a spare had, or has. */
export function isSpareName(name: string): boolean {
  return name.startsWith(PREFIX);
}

/**
 * A shim that has begun before there is a command (SPEC {#launcher}): pipes, copiers, input and the process that becomes the command are
 * there, in a folder that gets the producer's name once there is one.
 */
export class Spare {
  /** Name of its folder, which is what the launcher is sent. */
  readonly name: string;
  readonly #spool: string;
  #path: string;

  /** Makes its folder, with what the launcher is to start there. */
  constructor(spool: string, setsid: string) {
    this.name = `${PREFIX}${systemIds.token(6)}`;
    this.#spool = spool;
    this.#path = join(spool, this.name);
    const program = scriptIn(spool, SPARE_FILE, SPARE_SH);
    mkdirSync(this.#path, { mode: 0o700 });
    new ProducerFolder(spool, this.name).makeOutputs();
    const words = shellWords(['/bin/sh', program, this.#path, setsid]);
    // The warden knows by the name of the spool whose shim it is.
    writeFileSync(this.#file('launch'), `export HEADGATE_SPOOL=${shellQuote(spool)}\nexec "$2" -f ${words}\n`, { mode: 0o600 });
  }

  /** True once it waits for its command. */
  get isReady(): boolean {
    return existsSync(this.#file('ready'));
  }

  /** Gives its folder to a producer; false when that one has a folder already, or this one is gone. */
  moveTo(folder: string): boolean {
    try {
      renameSync(this.#path, folder);
    } catch (error) {
      const code = systemCode(error);
      if (isMissing(error) || code === 'ENOTEMPTY' || code === 'EEXIST') return false;
      throw error;
    }
    this.#path = folder;
    return true;
  }

  /** Lets it run what the shell text `launch` sets up: environment, folder and words. False when it has left. */
  go(launch: string): boolean {
    writeFileSync(this.#file('launch'), `HEADGATE_SHIM_FOLDER=${shellQuote(this.#path)}\n${launch}`, { mode: 0o600 });
    try {
      const go = openSync(this.#file('go'), constants.O_WRONLY | constants.O_NONBLOCK);
      try {
        writeSync(go, '\n');
      } finally {
        closeSync(go);
      }
      return true;
    } catch (error) {
      const code = systemCode(error);
      if (code === 'ENXIO' || code === 'EPIPE') return false;
      throw error;
    }
  }

  /** Leaves its folder to a shim that makes an input of its own; what waits there leaves once the launcher has another spare. */
  cancel(): void {
    rmSync(this.#file('in'), { force: true });
  }

  /** Removes the folder of one that was not used; what is in it leaves once its launcher has ended, or has another. */
  async remove(): Promise<void> {
    await rm(join(this.#spool, this.name), { recursive: true, force: true });
  }

  #file(name: string): string {
    return join(this.#path, name);
  }
}
