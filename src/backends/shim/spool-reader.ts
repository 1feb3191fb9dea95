import { type HeadgateError, messageOf } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import type { OutputSink } from '../../model/ports/backend.ts';
import { Delivery } from './delivery.ts';
import type { EndMark } from './end-mark.ts';
import type { StoredOutput } from './give-back.ts';
import type { ProducerFolder } from './producer-folder.ts';
import { SpoolFile } from './spool-file.ts';

/** Bytes read of one channel on one tick. */
const PIECE_BYTES = 256 * 1024;
/** Bytes of one producer on their way to the sink: reading pauses from here on. */
const WINDOW_BYTES = 1024 * 1024;

interface Lane {
  readonly file: SpoolFile;
  readonly delivery: Delivery;
  /** Channel offset at which delivery ends; known once the producer has ended. */
  limit: number;
  /** There may be something to read. */
  due: boolean;
}

/** Pause after which a change is looked at on the same tick: under load the changes of a tick are looked at together (milliseconds). */
const IDLE_MS = 1;
/** Pause after a failed read once nothing else would make the files be looked at again (milliseconds). */
const RETRY_MS = 400;

/**
 * Tails the spool files of one producer into a sink: a piece a channel and tick, so that the event loop stays free, and
 * at most a window of bytes that are not stored (SPEC {#delivery}).
 */
export class SpoolReader {
  readonly #folder: ProducerFolder;
  readonly #lanes: readonly Lane[];
  readonly #logger: Logger;
  readonly #progress: () => void;
  #scheduled: NodeJS.Immediate | undefined;
  #retry: NodeJS.Timeout | undefined;
  #turnedAt = -Infinity;
  #stopped = false;
  #finished: (() => void) | undefined;
  #settling: { readonly limits: readonly number[]; readonly resolve: () => void }[] = [];

  /** `progress` is called after each look at the files. `mayShare`: true once it is known that the files only grow (SPEC {#channel_files}). */
  constructor(options: {
    folder: ProducerFolder;
    offsets: ReadonlyMap<number, number>;
    endMark?: EndMark | undefined;
    sink: OutputSink;
    mayShare?: () => boolean;
    logger: Logger;
    progress: () => void;
  }) {
    const { folder, offsets, sink, mayShare, logger } = options;
    this.#folder = folder;
    this.#logger = logger;
    this.#progress = options.progress;
    this.#lanes = folder.channels.map((channel) => {
      const file = new SpoolFile(folder, channel, offsets.get(channel) ?? 0, logger, options.endMark);
      const events = {
        progress: () => {
          this.#settle();
          this.#goOn();
        },
        seek: (offset: number) => {
          file.seek(offset);
          lane.due = true;
        },
        refused: (error: HeadgateError) => this.#refuse(error),
      };
      // Where bytes are missing the offsets of the file are not those of the channel.
      const shared = () => (file.base === 0 && mayShare?.() ? folder.output(channel) : undefined);
      const delivery = new Delivery(channel, sink, events, logger, shared);
      const lane: Lane = { file, delivery, limit: Number.POSITIVE_INFINITY, due: true };
      return lane;
    });
  }

  /** A channel's file has changed. After a pause it is read at once: a line is not to wait for the end of the tick. */
  changed(channel: number): void {
    const lane = this.#lanes.find(({ file }) => file.channel === channel);
    if (!lane || this.#stopped) return;
    lane.due = true;
    if (this.#scheduled || performance.now() - this.#turnedAt < IDLE_MS) this.#schedule();
    else this.#turn();
  }

  /** Something may be there to read. */
  wake(): void {
    for (const lane of this.#lanes) lane.due = true;
    this.#schedule();
  }

  #schedule(): void {
    if (this.#stopped) return;
    this.#scheduled ??= setImmediate(() => {
      this.#scheduled = undefined;
      this.#turn();
    });
  }

  /** Bytes that the command had written when its files were last looked at, and the sink has not stored. */
  lag(): number {
    if (this.#stopped) return 0;
    return this.#lanes.reduce((sum, { file, delivery }) => sum + file.seen - file.position + delivery.bytes, 0);
  }

  /** The same, after a look at the files. */
  lagNow(): number {
    if (!this.#stopped) for (const { file } of this.#lanes) file.end();
    return this.lag();
  }

  /** How far each channel is stored; nothing is known once reading has stopped. */
  stored(): StoredOutput[] {
    if (this.#stopped) return [];
    return this.#lanes.map(({ file, delivery }) => ({
      channel: file.channel,
      file: this.#folder.output(file.channel),
      base: file.base,
      offset: delivery.firstUnstored ?? file.position,
    }));
  }

  /** Channel -> offset of the next byte that is to be read, also once reading has stopped. */
  positions(): ReadonlyMap<number, number> {
    return new Map(this.#lanes.map(({ file }) => [file.channel, file.position]));
  }

  /** Bytes, over all channels, that were given back and are not stored after all (SPEC {#spool_space}). */
  get missing(): number {
    return this.#lanes.reduce((sum, { file }) => sum + file.missing, 0);
  }

  /** True while the sink does not take what it is handed. */
  get rejected(): boolean {
    return !this.#stopped && this.#lanes.some(({ delivery }) => delivery.rejected);
  }

  /** Resolves when everything up to the present end of the files is stored, or refused for good; reading goes on. */
  async settle(): Promise<void> {
    if (this.#stopped) return;
    const limits = this.#lanes.map(({ file }) => Math.max(file.end(), file.position));
    await new Promise<void>((resolve) => {
      this.#settling.push({ limits, resolve });
      this.wake();
    });
  }

  /** Delivers up to the present end of the files, then stops. Resolves when all of it is stored, or refused for good. */
  async finish(): Promise<void> {
    if (this.#stopped) return;
    for (const lane of this.#lanes) {
      lane.file.completed();
      lane.limit = Math.max(lane.file.end(), lane.file.position);
    }
    await new Promise<void>((resolve) => {
      this.#finished = resolve;
      this.wake();
    });
  }

  /** Stops reading and closes the files. What is on its way to the sink may still be stored. */
  stop(): void {
    this.#stopped = true;
    clearImmediate(this.#scheduled);
    clearTimeout(this.#retry);
    for (const { file, delivery } of this.#lanes) {
      delivery.stop();
      file.close();
    }
    this.#settle();
  }

  #turn(): void {
    let read = false;
    try {
      for (const lane of this.#lanes) if (lane.due || this.#finished) read = this.#advance(lane) || read;
      // Later on this tick: what has been read is to be stored first.
      queueMicrotask(() => this.#look());
    } catch (error) {
      // A disk error: the safety poll looks again. After the end there is no poll.
      this.#logger.error({ error: messageOf(error) }, 'a spool file cannot be read');
      if (this.#finished) this.#retryLater();
    }
    this.#turnedAt = performance.now();
    this.#settle();
    if (read) this.#goOn();
    else if (this.#finished && this.#lanes.every(isThrough)) this.#end();
  }

  /** Tells those who wait for what has been stored meanwhile. */
  #settle(): void {
    if (this.#settling.length === 0) return;
    const stored = this.#lanes.map(({ file, delivery }) => delivery.firstUnstored ?? file.position);
    const isDue = (limits: readonly number[]): boolean => this.#stopped || limits.every((limit, index) => (stored[index] ?? 0) >= limit);
    const due = this.#settling.filter(({ limits }) => isDue(limits));
    this.#settling = this.#settling.filter((waiting) => !due.includes(waiting));
    for (const { resolve } of due) resolve();
  }

  #retryLater(): void {
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.wake(), RETRY_MS);
  }

  #look(): void {
    if (this.#stopped) return;
    try {
      this.#progress();
    } catch (error) {
      this.#logger.error({ error: messageOf(error) }, 'the lag of a command cannot be judged now');
    }
  }

  /** Looks again when there is something to do: what is written from now on is told by the watch. */
  #goOn(): void {
    if (this.#finished || this.#lanes.some(({ due }) => due)) this.#schedule();
  }

  #advance(lane: Lane): boolean {
    const { file, delivery } = lane;
    if (delivery.failing || this.#unstored() >= WINDOW_BYTES) {
      // Nothing can be taken now; the lag is still to be known.
      file.end();
      return false;
    }
    const piece = file.read(PIECE_BYTES, lane.limit);
    lane.due = file.seen > file.position;
    if (!piece) {
      // The limit was taken from the file, which may have lost its end since: those bytes do not come any more.
      if (this.#finished) lane.limit = Math.min(lane.limit, Math.max(file.end(), file.position));
      return false;
    }
    delivery.send(piece.offset, piece.bytes);
    return true;
  }

  #unstored(): number {
    return this.#lanes.reduce((sum, { delivery }) => sum + delivery.bytes, 0);
  }

  #refuse(error: HeadgateError): void {
    this.#logger.debug({ error: error.message }, 'delivery of output ends');
    this.#end();
  }

  #end(): void {
    this.stop();
    this.#finished?.();
    this.#finished = undefined;
  }
}

function isThrough({ file, delivery, limit }: Lane): boolean {
  return delivery.bytes === 0 && !delivery.failing && file.position >= limit;
}
