import {
  closeSync,
  constants,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isMissing, systemCode } from '../../core/errors.ts';
import { replaceFile } from '../../core/whole-file.ts';
import type { ProducerSpec } from '../../model/records.ts';

/** A process, told apart from a later one with the same number. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks since boot at which it began, field 22 of /proc/PID/stat. */
  readonly startTicks: string;
  /** Id of the boot these ticks count from. */
  readonly bootId: string;
}

/** A producer's terminal, as the leader of its session wrote it. */
export interface FolderTerminal {
  /** Such as /dev/pts/3. */
  readonly name: string;
  readonly leader: number;
  /** Its size is set and the command is about to begin. */
  readonly ready: boolean;
}

/**
 * What the `pid` file says. absent: no shim has come yet; incomplete: one is claiming, or died over it;
 * barred: a kill took the claim first, so the command never runs; claimed: by this shim.
 */
export type Claim = { readonly state: 'absent' | 'incomplete' | 'barred' } | { readonly state: 'claimed'; readonly shim: ProcessIdentity };

/** One process that appends a channel's pipe to its spool file. */
export interface Copier extends ProcessIdentity {
  readonly channel: number;
}

const BARRED = 'barred\n';
const CHANNELS = [1, 2] as const;

/**
 * The files between a shim and the server or runner that serves its producer (SPEC {#producer_folder}). Every reader ignores a file whose
 * last byte is not a newline: it is still being written.
 */
export class ProducerFolder {
  readonly path: string;

  constructor(spool: string, producerId: string) {
    this.path = join(spool, producerId);
  }

  /** Channels that a shim fills: 1 standard output, 2 standard error. */
  get channels(): readonly number[] {
    return CHANNELS;
  }

  /** The spool file of a channel. */
  output(channel: number): string {
    return join(this.path, `out.${channel}`);
  }

  /** The FIFO of standard input. */
  get input(): string {
    return join(this.path, 'in');
  }

  /** Makes the folder and its empty spool files; harmless when a shim has them already. */
  prepare(spec: ProducerSpec): void {
    mkdirSync(this.path, { recursive: true, mode: 0o700 });
    writeFileSync(join(this.path, 'spec.json'), `${JSON.stringify(spec)}\n`, { mode: 0o600 });
    this.makeOutputs();
  }

  /** Makes the spool files that are not there. */
  makeOutputs(): void {
    for (const channel of CHANNELS) closeSync(openSync(this.output(channel), 'a', 0o600));
  }

  /** Who runs the command. */
  claim(): Claim {
    const text = this.#read('pid');
    if (text === undefined) return { state: 'absent' };
    if (text === BARRED) return { state: 'barred' };
    const shim = parseIdentity(text);
    return shim ? { state: 'claimed', shim } : { state: 'incomplete' };
  }

  /**
   * Takes the claim so that no shim ever runs this command (SPEC {#shim_claim}); false when it was taken already.
   */
  bar(): boolean {
    try {
      mkdirSync(this.path, { recursive: true, mode: 0o700 });
      const file = openSync(join(this.path, 'pid'), 'wx', 0o600);
      try {
        writeSync(file, BARRED);
      } finally {
        closeSync(file);
      }
      return true;
    } catch (error) {
      if (systemCode(error) === 'EEXIST') return false;
      throw error;
    }
  }

  /** The published exit code, or undefined while there is none. */
  exitCode(): number | undefined {
    const match = /^(\d{1,3})\n$/.exec(this.#read('exit') ?? '');
    return match ? Number(match[1]) : undefined;
  }

  /**
   * Who copies the command's pipes to the spool files (SPEC {#copiers}); undefined where the command writes the files itself, in a terminal,
   * in tmux, under a shim of an earlier version, or where it does not run yet.
   */
  copiers(): readonly Copier[] | undefined {
    const match = /^(\d{1,10}) (\d{1,20}) (\d{1,10}) (\d{1,20}) (\S+)\n$/.exec(this.#read('copiers') ?? '');
    if (!match) return undefined;
    const [, pid1 = '', ticks1 = '', pid2 = '', ticks2 = '', bootId = ''] = match;
    return [
      { channel: 1, pid: Number(pid1), startTicks: ticks1, bootId },
      { channel: 2, pid: Number(pid2), startTicks: ticks2, bootId },
    ];
  }

  /** Exit codes of the copiers, once both have seen the end of their pipe, or were ended; undefined before. */
  copied(): readonly number[] | undefined {
    const match = /^(\d{1,3}) (\d{1,3})\n$/.exec(this.#read('eof') ?? '');
    return match?.slice(1).map(Number);
  }

  /**
   * The leader of the command's session and group (SPEC {#producer_folder}); undefined where the command is in the shim's group: in a terminal,
   * in tmux, under a shim of an earlier version, or where it does not run yet.
   */
  main(): ProcessIdentity | undefined {
    return parseIdentity(this.#read('main') ?? '');
  }

  /** Milliseconds from the claim to the exit, by the times of these two files; undefined while one of them is missing. */
  durationMs(): number | undefined {
    try {
      const claimed = statSync(join(this.path, 'pid')).mtimeMs;
      return Math.max(0, Math.round(statSync(join(this.path, 'exit')).mtimeMs - claimed));
    } catch {
      return undefined;
    }
  }

  /** The process that holds the write end of the FIFO open; undefined while the FIFO is not ready. */
  inputHolder(): ProcessIdentity | undefined {
    return parseIdentity(this.#read('in.pid') ?? '');
  }

  /** The terminal of the command; undefined while there is none. */
  terminal(): FolderTerminal | undefined {
    const match = /^(\/dev\/\S+) (\d{1,10})\n(ready\n)?/.exec(this.#read('tty') ?? '');
    return match ? { name: match[1] ?? '', leader: Number(match[2]), ready: match[3] !== undefined } : undefined;
  }

  /** True when a client has ended the input of the terminal, which itself goes on. */
  get inputEnded(): boolean {
    return this.#read('in.ended') !== undefined;
  }

  /** Remembers that, over restarts. */
  setInputEnded(): void {
    closeSync(openSync(join(this.path, 'in.ended'), 'a', 0o600));
  }

  /**
   * Channel offset of the spool file's first byte: 0, or below when so many bytes were given back that are not stored: the
   * channel goes on without them. Above 0 only where a command of an earlier version has truncated its own output.
   */
  base(channel: number): number {
    return this.#number(`out.${channel}.base`);
  }

  /** Remembers, over restarts, that the spool file begins at this channel offset. */
  setBase(channel: number, offset: number): void {
    // On a full disk the one before it must stay.
    replaceFile(join(this.path, `out.${channel}.base`), `${offset}\n`);
  }

  /** How many of the spool file's first bytes may be a hole: given back since they were stored. */
  given(channel: number): number {
    return this.#number(`out.${channel}.given`);
  }

  /** Remembers that. Of one length and in place: it is asked for on a disk that is nearly full. */
  setGiven(channel: number, bytes: number): void {
    const file = openSync(join(this.path, `out.${channel}.given`), constants.O_WRONLY | constants.O_CREAT, 0o600);
    try {
      writeSync(file, `${String(bytes).padStart(16, '0')}\n`);
    } finally {
      closeSync(file);
    }
  }

  /**
   * Empties the output files that hold more than `bytes`; their copiers go on at the beginning. One that has a second name is the log of
   * its channel (SPEC {#channel_files}): it keeps what was read of it, up to the offset in `read`, and loses what is behind.
   */
  drop(bytes: number, read: ReadonlyMap<number, number>): void {
    for (const channel of CHANNELS) {
      const file = this.output(channel);
      const found = statSync(file, { throwIfNoEntry: false });
      if (!found) continue;
      const kept = found.nlink > 1 ? (read.get(channel) ?? found.size) : 0;
      if (found.size > kept + bytes) truncateSync(file, kept);
    }
  }

  /**
   * Deletes it with all its files, off this thread: to free gigabytes takes a file system seconds. Harmless to a process
   * that still holds one of them open.
   */
  async remove(): Promise<void> {
    await rm(this.path, { recursive: true, force: true });
  }

  /** Deletes the folder of a command that never runs, at once for every shim that comes late: none finds it without its claim. */
  async removeBarred(): Promise<void> {
    const gone = `${this.path}.barred`;
    try {
      renameSync(this.path, gone);
    } catch (error) {
      if (!isMissing(error)) await this.remove();
    }
    await rm(gone, { recursive: true, force: true });
  }

  #number(name: string): number {
    const match = /^(-?\d{1,16})\n$/.exec(this.#read(name) ?? '');
    return match ? Number(match[1]) : 0;
  }

  #read(name: string): string | undefined {
    try {
      return readFileSync(join(this.path, name), 'latin1');
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }
}

/** A process as a claim has it: `PID START BOOT`, whole only with its newline. */
export function parseIdentity(text: string): ProcessIdentity | undefined {
  const match = /^(\d{1,10}) (\d{1,20}) (\S+)\n$/.exec(text);
  if (!match) return undefined;
  const [, pid = '', startTicks = '', bootId = ''] = match;
  return { pid: Number(pid), startTicks, bootId };
}
