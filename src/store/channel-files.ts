import { closeSync, fdatasyncSync, fsyncSync, linkSync, mkdirSync, openSync, readSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { HeadgateError, systemCode } from '../core/errors.ts';
import { systemIds } from '../core/ids.ts';

/** Files that are kept open for reading. */
const OPEN_FILES = 64;

/** Where the files of channels are, beside the database `file`. */
export function channelFolder(file: string): string {
  return join(dirname(file), 'channels');
}

/**
 * The files beside the database that hold what channels were too long to have in it (SPEC {#channel_files}). Each is a second name of the
 * file that a copier appends a command's output to, so no byte is copied; nothing here ever writes into one.
 */
export class ChannelFiles {
  readonly folder: string;
  /** Name -> file descriptor, the one that was used last at the end. */
  readonly #open = new Map<string, number>();

  /** @param folder - made when the first file comes */
  constructor(folder: string) {
    this.folder = folder;
  }

  /** Gives `source` a further name here and returns it. Throws a system error where the file system cannot do that. */
  link(source: string, entryId: number): string {
    const name = `${entryId}-${systemIds.token(9)}`;
    mkdirSync(this.folder, { recursive: true, mode: 0o700 });
    linkSync(source, this.#path(name));
    return name;
  }

  /** Gives a file here a further name, for the channel of a copied run. Throws a system error. */
  linkAgain(name: string, entryId: number): string {
    return this.link(this.#path(name), entryId);
  }

  /** True when both names are of one file. */
  isSame(name: string, source: string): boolean {
    const [here, there] = [this.#path(name), source].map((path) => statSync(path, { bigint: true, throwIfNoEntry: false }));
    return here !== undefined && there !== undefined && here.ino === there.ino && here.dev === there.dev;
  }

  /** Bytes of the file; undefined when it is not there. */
  size(name: string): number | undefined {
    return statSync(this.#path(name), { throwIfNoEntry: false })?.size;
  }

  /** Fills `into` with the bytes from `offset` on; returns how many there are, fewer at the end of the file or without it. */
  fill(name: string, offset: number, into: Buffer): number {
    const fd = this.#descriptor(name);
    let filled = 0;
    while (fd !== undefined && filled < into.length) {
      const count = readSync(fd, into, filled, into.length - filled, offset + filled);
      if (count === 0) break;
      filled += count;
    }
    return filled;
  }

  /** The same for bytes that are known to be there. Throws `internal` when they are not. */
  read(name: string, offset: number, into: Buffer): void {
    const filled = this.fill(name, offset, into);
    if (filled === into.length) return;
    throw new HeadgateError(
      'internal',
      `${this.#path(name)} lacks the stored bytes from ${offset + filled} on; stop the server and run headgate doctor`,
      { file: name, offset: offset + filled },
    );
  }

  /** Resolves once the file, as it is now, and its name survive a power cut. */
  async sync(name: string): Promise<void> {
    // Descriptors of its own: the others may be closed meanwhile.
    const file = await open(this.#path(name), 'r');
    try {
      await file.datasync();
    } finally {
      await file.close();
    }
    const folder = await open(this.folder, 'r');
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  }

  /** The same, when it returns. */
  syncNow(name: string): void {
    const fd = this.#descriptor(name);
    // A file that is gone is reported where it is read.
    if (fd === undefined) return;
    fdatasyncSync(fd);
    this.syncNames();
  }

  /** The names that there are survive a power cut when it returns. */
  syncNames(): void {
    const folder = openSync(this.folder, 'r');
    try {
      fsyncSync(folder);
    } finally {
      closeSync(folder);
    }
  }

  /** Lets go of a file that is about to be removed. */
  forget(name: string): void {
    const fd = this.#open.get(name);
    if (fd !== undefined) closeSync(fd);
    this.#open.delete(name);
  }

  /** Closes all files. */
  close(): void {
    for (const name of [...this.#open.keys()]) this.forget(name);
  }

  #path(name: string): string {
    return join(this.folder, name);
  }

  #descriptor(name: string): number | undefined {
    let fd = this.#open.get(name);
    try {
      fd ??= openSync(this.#path(name), 'r');
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return undefined;
      throw error;
    }
    this.#open.delete(name);
    this.#open.set(name, fd);
    const [oldest] = this.#open.keys();
    if (this.#open.size > OPEN_FILES && oldest !== undefined) this.forget(oldest);
    return fd;
  }
}
