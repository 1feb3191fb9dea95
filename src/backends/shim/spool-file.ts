import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { release, take } from '../../core/buffer-pool.ts';
import { systemCode } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import type { EndMark } from './end-mark.ts';
import type { ProducerFolder } from './producer-folder.ts';

/** Bytes of the first read: enough for lines. They are copied out, so that one buffer serves every file. */
const LINES = Buffer.allocUnsafeSlow(16 * 1024);

/** Bytes of a channel and where they begin. */
interface Piece {
  readonly offset: number;
  readonly bytes: Buffer;
}

/**
 * One channel's spool file, read by channel offset. A copier appends to it and the command cannot reach it (SPEC {#copiers}), so a file that
 * is shorter than what was read of it has lost its end with the power (SPEC {#machine_restart}); nothing more is read of it then.
 */
export class SpoolFile {
  readonly channel: number;
  readonly #folder: ProducerFolder;
  readonly #logger: Logger;
  #fd: number | undefined;
  /** Channel offset of the file's first byte; 0 until the file is opened. */
  #base = 0;
  #position: number;
  /** Channel offset of the file's end when it was last looked at. */
  #seen: number;
  readonly #mark: EndMark | undefined;
  /** Channel offset at which the mark of the end was found. */
  #marked = Number.POSITIVE_INFINITY;
  #whole = false;

  /**
   * `offset`: channel offset at which reading begins. `mark`: ends the channel where it stands in the file. Opens nothing yet:
   * a failure that passes is retried with the first look.
   */
  constructor(folder: ProducerFolder, channel: number, offset: number, logger: Logger, mark?: EndMark) {
    this.#mark = mark;
    this.channel = channel;
    this.#folder = folder;
    this.#logger = logger;
    this.#position = offset;
    this.#seen = offset;
  }

  /** Channel offset of the file's first byte: 0 unless bytes are missing; undefined before the first look. */
  get base(): number | undefined {
    return this.#fd === undefined ? undefined : this.#base;
  }

  /** Bytes that the channel lacks: given back, and lost from the store later. */
  get missing(): number {
    return Math.max(0, -this.#base);
  }

  /** Channel offset of the next byte to read. */
  get position(): number {
    return this.#position;
  }

  /** Channel offset of the file's end as of the last look, without looking again. */
  get seen(): number {
    return Math.max(this.#seen, this.#position);
  }

  /** Channel offset of the file's present end. */
  end(): number {
    const fd = this.#open();
    if (fd === undefined) return this.#position;
    const { size } = fstatSync(fd);
    this.#seen = Math.min(Math.max(this.#base + size, this.#position), this.#marked);
    return this.#seen;
  }

  /** Nothing more is written: what looked like the beginning of the mark is output like any other. */
  completed(): void {
    this.#whole = true;
  }

  /**
   * Reads on: at most `maxBytes`, not beyond channel offset `limit`; undefined when there is nothing now. The caller is
   * the holder of a pooled buffer.
   */
  read(maxBytes: number, limit: number): Piece | undefined {
    const fd = this.#open();
    const most = Math.min(maxBytes, Math.min(limit, this.#marked) - this.#position);
    if (fd === undefined || most <= 0) return undefined;
    // Usually a line or two have come: read without asking how much there is.
    if (this.#seen <= this.#position) {
      const length = Math.min(most, LINES.length);
      const count = readSync(fd, LINES, 0, length, this.#position - this.#base);
      if (count === length) this.end();
      if (count > 0) return this.#took(Buffer.from(LINES.subarray(0, count)));
    }
    const length = Math.min(most, this.end() - this.#position);
    if (length <= 0) return undefined;
    const buffer = take(length);
    const count = readSync(fd, buffer, 0, length, this.#position - this.#base);
    return count === 0 ? undefined : this.#took(buffer.subarray(0, count));
  }

  /** Goes on at another channel offset: the store has more of the channel, or less, than was believed. */
  seek(offset: number): void {
    this.#position = offset;
    // Opened again, which looks what is still there from this offset on.
    this.close();
  }

  /** Closes the file; it is opened again when read again. */
  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  #took(read: Buffer): Piece | undefined {
    const bytes = this.#mark ? this.#unmarked(this.#mark, read) : read;
    if (bytes.length === 0) {
      release(read);
      return undefined;
    }
    const piece = { offset: this.#position, bytes };
    this.#position += bytes.length;
    return piece;
  }

  /** What comes before the mark, or what may yet be the mark. */
  #unmarked(mark: EndMark, read: Buffer): Buffer {
    const found = mark.find(read);
    if (found !== undefined) {
      this.#marked = this.#position + found;
      this.#seen = Math.min(this.#seen, this.#marked);
      return read.subarray(0, found);
    }
    const isLast = this.#whole && this.#position + read.length >= this.#seen;
    return isLast ? read : read.subarray(0, read.length - mark.begun(read));
  }

  #open(): number | undefined {
    if (this.#fd !== undefined) return this.#fd;
    let fd: number | undefined;
    try {
      fd = openSync(this.#folder.output(this.channel), 'r');
      this.#find();
      this.#fd = fd;
    } catch (error) {
      if (fd !== undefined) closeSync(fd);
      if (systemCode(error) !== 'ENOENT') throw error;
    }
    return this.#fd;
  }

  /** Finds out where in the file the channel goes on. */
  #find(): void {
    this.#base = this.#folder.base(this.channel);
    const given = this.#folder.given(this.channel);
    if (this.#base <= 0 && this.#position - this.#base < given) this.#skip(given);
    // Of a command of an earlier version, which has truncated its own output: what comes before is gone.
    this.#base = Math.min(this.#base, this.#position);
  }

  /** The next byte was given back, since it had been stored, and now it is not: a hole reads as zeros, which the command did not write. */
  #skip(given: number): void {
    const base = this.#position - given;
    this.#logger.error(
      { folder: this.#folder.path, channel: this.channel, offset: this.#position, missing: -base },
      "stored output is missing in the database, and the command's own file has it no more; the channel goes on without it",
    );
    this.#folder.setBase(this.channel, base);
    this.#base = base;
  }
}
