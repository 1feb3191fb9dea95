import { constants, type Stats } from 'node:fs';
import { type FileHandle, open, readdir, stat } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { HeadgateError, isMissing } from '../../core/errors.ts';
import { storedAs } from '../../core/masked.ts';
import { containedPath, realContained } from '../../hooks/contained-path.ts';
import type { ProducerIo, ProducerResult } from '../../hooks/producer.ts';

/** Between two looks at a file at rest (milliseconds), and bytes of one read. */
const LOOK_MS = 200;
const READ_BYTES = 64 * 1024;
/** Bytes by which a file is known again. */
const KNOWN_BYTES = 256;

/** What was accepted. */
export interface TailInput {
  readonly path: string;
  /** Lines of the file to begin with; null: all of it. */
  readonly lines: number | null;
}

/** Follows a file by its name, over rotation, truncation and a restart of the server (SPEC {#tool_tail}). */
export async function followFile(input: TailInput, io: ProducerIo): Promise<ProducerResult> {
  const tail = new Tail(input, io);
  try {
    await tail.run();
  } finally {
    await tail.close();
  }
  return {};
}

class Tail {
  readonly #input: TailInput;
  readonly #io: ProducerIo;
  #file: FileHandle | undefined;
  /** Identity of the open file, and the byte of it that is next. */
  #id = '';
  #at = 0;
  /** Bytes of channel 1. */
  #output: number;
  #waits = false;

  constructor(input: TailInput, io: ProducerIo) {
    this.#input = input;
    this.#io = io;
    this.#output = io.offsets[1] ?? 0;
  }

  async run(): Promise<void> {
    const { signal } = this.#io;
    await this.#begin();
    for (;;) {
      signal.throwIfAborted();
      if (await this.#readOn()) continue;
      if (await this.#turned()) continue;
      await delay(LOOK_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  async close(): Promise<void> {
    await this.#file?.close();
    this.#file = undefined;
  }

  /** Opens the file where it is to be read from: at its last lines, or where an earlier server has stopped. */
  async #begin(): Promise<void> {
    const mark = lastMark(this.#io);
    // A line that a crash has cut in two must not run into the next one.
    const cut = (this.#io.offsets[2] ?? 0) > 0 && this.#io.read(2, (this.#io.offsets[2] ?? 1) - 1, 1).toString() !== '\n';
    if (cut) await this.#io.write(2, '\n');
    if (!mark) {
      const file = await this.#open();
      if (file) await this.#follow(file, this.#input.lines === null ? 0 : await startOfLines(file, this.#input.lines), 'begin');
      return;
    }
    const at = mark.at + this.#output - mark.output;
    const named = await this.#open();
    if (named && (await this.#isOld(named, mark, at))) {
      this.#hold(named, mark.file, at);
      return;
    }
    const rotated = await this.#find(mark, at);
    if (rotated) {
      // The rest of it is read first; then it is seen that the name stands for another file.
      await named?.close();
      this.#hold(rotated, mark.file, at);
      return;
    }
    if (!named) return;
    const now = await named.stat();
    const why = idOf(now) === mark.file && now.size < at ? 'it was truncated' : 'it was replaced';
    await this.#follow(named, 0, `${why} while the server was away; what was written before that and not read is not here`);
  }

  /** Stores what the file has beyond what was read; false when there is nothing. */
  async #readOn(): Promise<boolean> {
    if (!this.#file) return false;
    const { bytesRead, buffer } = await this.#file.read(Buffer.allocUnsafe(READ_BYTES), 0, READ_BYTES, this.#at);
    if (bytesRead === 0) return false;
    await this.#io.write(1, buffer.subarray(0, bytesRead));
    this.#at += bytesRead;
    this.#output += bytesRead;
    return true;
  }

  /** Follows the name to another file, or the file to its new beginning; true when there may be something to read. */
  async #turned(): Promise<boolean> {
    const now = await this.#stat();
    if (!now) {
      if (!this.#waits) await this.#io.write(2, `${JSON.stringify({ type: 'wait', message: `there is no ${this.#input.path}` })}\n`);
      this.#waits = true;
      return false;
    }
    if (this.#file && idOf(now) === this.#id) {
      if (now.size >= this.#at) return false;
      await this.#mark(0, 'it was truncated');
      this.#at = 0;
      return true;
    }
    const next = await this.#open();
    if (!next) return false;
    // What came to the old file between the last read and now.
    while (await this.#readOn());
    await this.#follow(next, 0, this.#file ? 'it was replaced' : 'it is there');
    return true;
  }

  async #follow(file: FileHandle, at: number, why: string): Promise<void> {
    this.#hold(file, idOf(await file.stat()), at);
    await this.#mark(at, why);
  }

  #hold(file: FileHandle, id: string, at: number): void {
    void this.#file?.close();
    this.#file = file;
    this.#id = id;
    this.#at = at;
    this.#waits = false;
  }

  /** Stored before the bytes that it is about: a server that goes on after a crash finds both or neither. */
  async #mark(at: number, why: string): Promise<void> {
    await this.#io.write(2, `${JSON.stringify({ type: 'follow', file: this.#id, at, output: this.#output, why })}\n`);
  }

  /** Opened without waiting: a pipe of that name must not hold the server. Each time it is looked where the name leads. */
  async #open(name = this.#input.path): Promise<FileHandle | undefined> {
    requireShown(this.#io.project.root, name, (path) => this.#io.hidden(path));
    let file: FileHandle | undefined;
    try {
      file = await open(containedPath(this.#io.project.root, name, 'path'), constants.O_RDONLY | constants.O_NONBLOCK);
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
    if ((await file.stat()).isFile()) return file;
    await file.close();
    throw new Error(`${name} is no file; tail follows files only`);
  }

  async #stat(): Promise<Stats | undefined> {
    try {
      return await stat(containedPath(this.#io.project.root, this.#input.path, 'path'));
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  /** True for the file of the mark that still has, before byte `at`, what channel 1 ends with: the number of a removed file is given again. */
  async #isOld(file: FileHandle, mark: Mark, at: number): Promise<boolean> {
    const now = await file.stat();
    if (idOf(now) !== mark.file || now.size < at) return false;
    const length = Math.min(this.#output - mark.output, KNOWN_BYTES);
    const { bytesRead, buffer } = await file.read(Buffer.alloc(length), 0, length, at - length);
    return storedAs(this.#io.read(1, this.#output - length, length), buffer.subarray(0, bytesRead));
  }

  /** The file of the mark, under another name in the same folder. */
  async #find(mark: Mark, at: number): Promise<FileHandle | undefined> {
    const folder = dirname(this.#input.path);
    const names = await readdir(containedPath(this.#io.project.root, folder, 'path')).catch(() => []);
    for (const name of names) {
      const path = join(folder, name);
      let file: FileHandle | undefined;
      try {
        if (idOf(await stat(containedPath(this.#io.project.root, path, 'path'))) !== mark.file) continue;
        file = await this.#open(path);
        if (file && (await this.#isOld(file, mark, at))) return file;
      } catch {
        // It went away, or is a link out of the project: not this one.
      }
      await file?.close();
    }
    return undefined;
  }
}

/** Throws forbidden for a file that a constraint keeps from models, by its own name or by that of a link to it (SPEC {#file_constraints}). */
export function requireShown(root: string, path: string, hidden: (path: string) => boolean): void {
  const real = realContained(root, path, 'path');
  if (![path, relative(real.root, real.path)].some(hidden)) return;
  throw new HeadgateError('forbidden', `A constraint of the project keeps ${path} from models; go on without it.`, { path });
}

function idOf({ dev, ino }: Stats): string {
  return `${dev}:${ino}`;
}

/** Byte at which the last `lines` lines begin. */
async function startOfLines(file: FileHandle, lines: number): Promise<number> {
  const { size } = await file.stat();
  if (lines === 0) return size;
  let left = lines;
  for (let end = size; end > 0; end -= READ_BYTES) {
    const from = Math.max(0, end - READ_BYTES);
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(end - from), 0, end - from, from);
    for (let i = bytesRead - 1; i >= 0; i--) {
      // The end of the last line begins none.
      if (buffer[i] === 0x0a && from + i !== size - 1 && --left === 0) return from + i + 1;
    }
  }
  return 0;
}

/** Where in which file the bytes of channel 1 come from, from byte `output` of the channel on; a line of channel 2. */
interface Mark {
  readonly type: 'follow';
  /** Device and inode. */
  readonly file: string;
  /** Byte of the file that became byte `output` of channel 1. */
  readonly at: number;
  readonly output: number;
  readonly why: string;
}

const TAIL_BYTES = 1024 * 1024;

/** The last mark that an earlier server has written; undefined when there is none. */
function lastMark(io: ProducerIo): Mark | undefined {
  const bytes = io.offsets[2] ?? 0;
  const text = io.read(2, Math.max(0, bytes - TAIL_BYTES), TAIL_BYTES).toString();
  // What stands after the last line end was not written whole.
  const lines = text.slice(0, text.lastIndexOf('\n') + 1).split('\n');
  for (const line of lines.reverse()) {
    const mark = parse(line);
    if (mark) return mark;
  }
  return undefined;
}

function parse(line: string): Mark | undefined {
  try {
    const value = JSON.parse(line) as Partial<Mark> | null;
    return value?.type === 'follow' && typeof value.file === 'string' && typeof value.at === 'number' && typeof value.output === 'number'
      ? (value as Mark)
      : undefined;
  } catch {
    return undefined;
  }
}
