import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from 'node:fs';

const { O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;

/** What was opened is a folder, a pipe, a socket or a device. */
export class NotRegularError extends Error {
  readonly folder: boolean;

  constructor(folder: boolean) {
    super(`it is ${folder ? 'a folder' : 'no regular file'}`);
    this.name = 'NotRegularError';
    this.folder = folder;
  }
}

/**
 * Opens a regular file for reading, and never waits: without O_NONBLOCK a named pipe that lies where a file is expected would hold up the whole
 * server for as long as no process writes into it.
 *
 * @param links - whether the last name of the path may be a symbolic link
 * @returns the descriptor, for the caller to close, and what is known of the file
 * @throws NotRegularError, and what open(2) says
 */
export function openRegular(path: string, links: boolean): { fd: number; stats: Stats } {
  const fd = openSync(path, O_RDONLY | O_NONBLOCK | (links ? 0 : O_NOFOLLOW));
  try {
    const stats = fstatSync(fd);
    if (!stats.isFile()) throw new NotRegularError(stats.isDirectory());
    return { fd, stats };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/**
 * The text of a small file that another program may have put there: a regular one, of `maxBytes` at most, read without waiting.
 *
 * @param options - `links`: the path may end in a symbolic link; it may not when left out
 * @throws NotRegularError, an error that says how big the file is, and what the file system says
 */
export function readSmallFile(path: string, maxBytes: number, { links = false }: { links?: boolean } = {}): string {
  const { fd, stats } = openRegular(path, links);
  try {
    // A file of /proc says that it is empty, and any file may grow meanwhile: the bytes that come are what counts.
    if (stats.size > maxBytes) throw tooLarge(stats.size, maxBytes);
    const buffer = Buffer.alloc(maxBytes + 1);
    let bytes = 0;
    for (let count = -1; count !== 0 && bytes < buffer.length; bytes += count)
      count = readSync(fd, buffer, bytes, buffer.length - bytes, bytes);
    if (bytes > maxBytes) throw tooLarge(bytes, maxBytes);
    return buffer.toString('utf8', 0, bytes);
  } finally {
    closeSync(fd);
  }
}

function tooLarge(bytes: number, maxBytes: number): Error {
  return new Error(`it has ${bytes} bytes; ${maxBytes} are allowed`);
}
