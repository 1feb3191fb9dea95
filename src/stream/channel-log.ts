import { countLines } from '../core/bytes.ts';
import type { Clock } from '../core/clock.ts';
import { HeadgateError } from '../core/errors.ts';
import { storedAs } from '../core/masked.ts';
import type { SegmentWrite, Store } from '../model/ports/store.ts';
import type { StoredMasks } from './stored-masks.ts';

/** Pause after which a chunk goes out at once, and the longest a chunk waits otherwise (milliseconds). */
const COALESCE_MS = 5;
/** Waiting bytes that make a commit at once. */
const COALESCE_BYTES = 64 * 1024;
/** Bytes of one transaction, give or take one channel's. */
const BATCH_BYTES = 8 * 1024 * 1024;
/** Bytes of one segment at most. */
const SEGMENT_BYTES = 256 * 1024;

interface Waiting {
  readonly bytes: Buffer;
  /** A file that has them, at the offset of the channel. */
  readonly file: string | undefined;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

interface LogChannel {
  readonly entryId: number;
  /** Stored bytes and LF count. */
  bytes: number;
  lines: number;
  /** Stored and waiting bytes: where the next chunk goes. */
  end: number;
  waiting: Waiting[];
}

/** What of a channel goes into a transaction, and who waits for just that. */
interface Batched {
  readonly channel: LogChannel;
  readonly waiting: readonly Waiting[];
  /** One after the other, each at most a segment. */
  readonly pieces: readonly Buffer[];
  readonly file: string | undefined;
}

const NONE: ReadonlySet<number> = new Set();

/** Told of every segment right after its commit. */
export type StoredListener = (entryId: number, bytes: Buffer, at: number, offset: number) => void;

/**
 * Appends to channels. Chunks are coalesced: at once after a pause of 5 ms, else every 5 ms or 64 KiB, in one
 * transaction for all channels that have brought something (up to 8 MiB); committed, then acknowledged, then announced
 * (SPEC {#stream_commit}). The body is never rewritten.
 */
export class ChannelLog {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #stored: StoredListener;
  readonly #masks: StoredMasks | undefined;
  readonly #goesOn: (entryId: number) => boolean;
  readonly #channels = new Map<number, LogChannel>();
  readonly #dirty = new Set<LogChannel>();
  /** Channels whose last bytes wait for what comes next, with what ends the waiting. */
  readonly #held = new Map<LogChannel, NodeJS.Timeout>();
  #waitingBytes = 0;
  #lastCommit = -Infinity;
  #timer: NodeJS.Timeout | undefined;
  #scheduled = false;
  /** Waits until the store has room again. */
  #waitsForRoom = false;

  /**
   * @param options - `masks`: what is stored is masked before (SPEC {#redaction_stored}); `goesOn`: true for a channel that takes more
   * though its command has ended (SPEC {#detached})
   */
  constructor(options: {
    store: Store;
    clock: Clock;
    stored: StoredListener;
    masks?: StoredMasks | undefined;
    goesOn?: (entryId: number) => boolean;
  }) {
    this.#goesOn = options.goesOn ?? (() => false);
    this.#store = options.store;
    this.#clock = options.clock;
    this.#stored = options.stored;
    this.#masks = options.masks;
  }

  /** Stored and waiting bytes of a channel. */
  end(entryId: number): number {
    return this.#channel(entryId).end;
  }

  /**
   * Appends `bytes` at `offset` (the end when undefined). What is there already and equal is not stored again; a gap
   * or other bytes throw `offset_conflict` with `expected` (SPEC {#stream_offset}). Resolves once stored, with the
   * offset at which the chunk begins. `file` has the bytes at that offset; the store may keep it instead (SPEC {#channel_files}).
   */
  async append(entryId: number, offset: number | undefined, bytes: Buffer, file?: string): Promise<number> {
    const channel = this.#channel(entryId);
    const at = offset ?? channel.end;
    if (at > channel.end) {
      throw new HeadgateError('offset_conflict', `offset ${at} leaves a gap; the channel has ${channel.end} bytes, go on from there`, {
        expected: channel.end,
      });
    }
    const known = Math.min(bytes.length, channel.end - at);
    if (known > 0 && !this.#same(channel, at, bytes.subarray(0, known))) {
      throw new HeadgateError(
        'offset_conflict',
        `other bytes are stored at offset ${at}; the channel has ${channel.end} bytes, go on from there`,
        {
          expected: channel.end,
        },
      );
    }
    const fresh = bytes.subarray(known);
    // A repeated chunk may still be waiting for its commit: it is acknowledged with it, not before.
    if (fresh.length > 0 || channel.end > channel.bytes) await this.#enqueue(channel, fresh, file);
    return at;
  }

  /**
   * Stores everything that waits, now; of the channels in `ended` nothing more comes, and what they have in files is on the disk
   * (SPEC {#durability}). Throws when that fails; the senders are told as well.
   */
  flush(ended: ReadonlySet<number> = NONE): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    try {
      for (const held of this.#held.keys()) this.#dirty.add(held);
      while (this.#dirty.size > 0) this.#commit((entryId) => (ended.has(entryId) ? 'ended' : 'all'));
      this.#store.channels.settle([...ended]);
    } finally {
      // After a failure the other batches are tried by themselves.
      if (this.#dirty.size > 0) this.#schedule();
    }
  }

  /** Stores what waits in one transaction, up to BATCH_BYTES. */
  #commit(endOf: (entryId: number) => 'more' | 'all' | 'ended' = () => 'more'): void {
    const batch: Batched[] = [];
    let total = 0;
    for (const channel of this.#dirty) {
      if (total >= BATCH_BYTES) break;
      const taken = this.#take(channel, endOf(channel.entryId));
      batch.push(taken);
      total += taken.pieces.reduce((sum, { length }) => sum + length, 0);
      this.#dirty.delete(channel);
    }
    this.#waitingBytes -= total;
    const at = this.#clock.now();
    const writes: SegmentWrite[] = [];
    for (const { channel, pieces, file } of batch) {
      let { bytes: offset, lines: line } = channel;
      for (const bytes of pieces) {
        const lines = countLines(bytes);
        writes.push({ entryId: channel.entryId, offset, bytes, line, at, lines, file });
        offset += bytes.length;
        line += lines;
      }
    }
    try {
      if (writes.length > 0) this.#store.channels.append(writes);
    } catch (error) {
      for (const { channel, waiting } of batch) {
        const lost = [...waiting, ...channel.waiting];
        this.#letGo(channel);
        this.#masks?.forget(channel.entryId);
        this.#waitingBytes -= channel.waiting.reduce((sum, { bytes }) => sum + bytes.length, 0);
        channel.waiting = [];
        channel.end = channel.bytes;
        for (const one of lost) one.reject(error);
      }
      throw error;
    } finally {
      this.#lastCommit = this.#clock.monotonic();
    }
    for (const write of writes) {
      const channel = this.#channels.get(write.entryId);
      if (channel) {
        channel.bytes += write.bytes.length;
        channel.lines += write.lines;
      }
    }
    for (const { waiting } of batch) for (const one of waiting) one.resolve();
    for (const write of writes) this.#stored(write.entryId, write.bytes as Buffer, at, write.offset);
  }

  /** Takes from a channel what may be stored; the rest, of which it is not known yet whether it is secret, waits on. */
  #take(channel: LogChannel, end: 'more' | 'all' | 'ended'): Batched {
    const { waiting } = channel;
    this.#letGo(channel);
    channel.waiting = [];
    if (!this.#masks) {
      const file = waiting[0]?.file;
      return { channel, waiting, pieces: segmentsOf(waiting), file: waiting.every((one) => one.file === file) ? file : undefined };
    }
    const storable = this.#masks.take(channel.entryId, channel.bytes, join(waiting), end);
    // What is stored is not what the command wrote into its file.
    const masked = { channel, pieces: cut(storable.bytes), file: undefined };
    if (storable.waitMs === undefined) return { ...masked, waiting };
    const { whole, rest } = divide(waiting, storable.bytes.length);
    channel.waiting = rest;
    this.#hold(channel, storable.waitMs);
    return { ...masked, waiting: whole };
  }

  #hold(channel: LogChannel, waitMs: number): void {
    const timer = setTimeout(() => {
      this.#held.delete(channel);
      this.#dirty.add(channel);
      this.#tryFlush();
    }, waitMs);
    this.#held.set(channel, timer);
  }

  #letGo(channel: LogChannel): void {
    clearTimeout(this.#held.get(channel));
    this.#held.delete(channel);
  }

  /** Forgets a channel that takes no more; everything of it must be stored. */
  forget(entryId: number): void {
    this.#masks?.forget(entryId);
    this.#channels.delete(entryId);
  }

  /** Stores what waits and stops the timer. */
  close(): void {
    this.flush();
  }

  #channel(entryId: number): LogChannel {
    let channel = this.#channels.get(entryId);
    if (!channel) {
      // Once a channel, not once a chunk: a caller that lets an ended one be written to again fails here.
      const entry = this.#store.entries.byId(entryId);
      if (entry && entry.status !== 102 && !this.#goesOn(entryId)) {
        throw new HeadgateError('stream_closed', `${entry.path} has ended (${entry.status}); it takes no more output`, {
          path: entry.path,
          terminal_status: entry.status,
          outcome: entry.outcome,
        });
      }
      const head = this.#store.channels.head(entryId);
      channel = { entryId, bytes: head.bytes, lines: head.lines, end: head.bytes, waiting: [] };
      this.#channels.set(entryId, channel);
    }
    return channel;
  }

  /** True when the channel holds exactly `bytes` at `from`, stored or waiting. */
  #same(channel: LogChannel, from: number, bytes: Buffer): boolean {
    const stored = Math.max(0, Math.min(bytes.length, channel.bytes - from));
    const known = bytes.subarray(0, stored);
    const there = this.#store.channels.read(channel.entryId, from, stored);
    const same = this.#masks ? storedAs(there, known) : there.equals(known);
    if (stored > 0 && !same) return false;
    if (stored === bytes.length) return true;
    const waiting = join(channel.waiting);
    const start = from + stored - channel.bytes;
    return waiting.subarray(start, start + bytes.length - stored).equals(bytes.subarray(stored));
  }

  #enqueue(channel: LogChannel, bytes: Buffer, file: string | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      channel.waiting.push({ bytes, file, resolve, reject });
      channel.end += bytes.length;
      this.#waitingBytes += bytes.length;
      this.#dirty.add(channel);
      this.#schedule();
    });
  }

  #schedule(): void {
    if (this.#waitsForRoom) return;
    const pause = this.#clock.monotonic() - this.#lastCommit;
    if (this.#waitingBytes >= COALESCE_BYTES || pause >= COALESCE_MS) {
      if (this.#scheduled) return;
      this.#scheduled = true;
      // After the current tick's other chunks, before anything else.
      queueMicrotask(() => {
        this.#scheduled = false;
        this.#tryFlush();
      });
    } else {
      this.#timer ??= setTimeout(() => this.#tryFlush(), COALESCE_MS - pause);
    }
  }

  /** `waited`: the store has said when. One batch goes in then, also where it could make no room: it grows rather than stands still. */
  #tryFlush(waited = false): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const room = waited ? undefined : this.#store.channels.room();
    if (room) {
      this.#waitsForRoom = true;
      void room.then(() => {
        this.#waitsForRoom = false;
        this.#tryFlush(true);
      });
      return;
    }
    try {
      if (this.#dirty.size > 0) this.#commit();
    } catch {
      // Every sender of the batch has been told by its rejected promise.
    }
    // A timer, not this tick: what was stored is told and others have their turn before the next batch.
    if (this.#dirty.size > 0) this.#timer ??= setTimeout(() => this.#tryFlush(), 0);
  }
}

/** The senders whose bytes are all among the first `taken`, and the others, each with what is left of its own. */
function divide(waiting: readonly Waiting[], taken: number): { whole: Waiting[]; rest: Waiting[] } {
  const whole: Waiting[] = [];
  const rest: Waiting[] = [];
  let left = taken;
  for (const one of waiting) {
    const { length } = one.bytes;
    if (rest.length === 0 && length <= left) whole.push(one);
    else rest.push({ ...one, bytes: one.bytes.subarray(left) });
    left = Math.max(0, left - length);
  }
  return { whole, rest };
}

/** What waits, small pieces together and large ones as they are. */
function segmentsOf(waiting: readonly Waiting[]): Buffer[] {
  const segments: Buffer[] = [];
  let group: Waiting[] = [];
  let size = 0;
  const close = () => {
    if (size > 0) segments.push(...cut(join(group)));
    [group, size] = [[], 0];
  };
  for (const one of waiting) {
    if (size + one.bytes.length > SEGMENT_BYTES) close();
    group.push(one);
    size += one.bytes.length;
  }
  close();
  return segments;
}

function cut(bytes: Buffer): Buffer[] {
  const segments: Buffer[] = [];
  for (let start = 0; start < bytes.length; start += SEGMENT_BYTES) segments.push(bytes.subarray(start, start + SEGMENT_BYTES));
  return segments;
}

function join(waiting: readonly Waiting[]): Buffer {
  const [first] = waiting;
  if (!first) return Buffer.alloc(0);
  return waiting.length === 1 ? first.bytes : Buffer.concat(waiting.map((one) => one.bytes));
}
