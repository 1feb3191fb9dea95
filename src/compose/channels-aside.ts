import { linkSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { isMissing, systemCode } from '../core/errors.ts';
import { CHANNELS } from './data-parts.ts';

/** Begins the names of the folders that hold the files of channels for a backup, with the pid of who makes it. */
const PREFIX = '.backup-';

/** Names of the files of channels of a data folder. */
export function channelNames(data: string): string[] {
  try {
    return readdirSync(join(data, CHANNELS));
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

/**
 * Further names of the files of channels (SPEC {#channel_files}), in the data folder: a server that deletes a run meanwhile takes the
 * bytes of no file that has one. Throws the system error.
 */
export class ChannelsAside {
  readonly #data: string;
  readonly #folder: string;

  constructor(data: string) {
    this.#data = data;
    // What a backup that was killed has left keeps space that is free else.
    for (const name of readdirSync(data)) {
      const pid = name.startsWith(PREFIX) ? Number.parseInt(name.slice(PREFIX.length), 10) : Number.NaN;
      if (pid > 0 && !isThere(pid)) rmSync(join(data, name), { recursive: true, force: true });
    }
    this.#folder = mkdtempSync(join(data, `${PREFIX}${process.pid}-`));
  }

  /** Takes the files that there are now and were not taken before. */
  take(): void {
    for (const name of channelNames(this.#data)) {
      try {
        linkSync(join(this.#data, CHANNELS, name), this.path(name));
      } catch (error) {
        if (!isMissing(error) && systemCode(error) !== 'EEXIST') throw error;
      }
    }
  }

  path(name: string): string {
    return join(this.#folder, name);
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemCode(error) !== 'ESRCH';
  }
}
