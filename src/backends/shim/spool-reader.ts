import { type HeadgateError, messageOf } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import type { OutputSink } from '../../model/ports/backend.ts';
import { Delivery } from './delivery.ts';
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
}

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
  #stopped = false;
  #finished: (() => void) | undefined;

  /** `progress` is called after each look at the files. */
  constructor(options: {
    folder: ProducerFolder;
    offsets: ReadonlyMap<number, number>;
    sink: OutputSink;
    logger: Logger;
    progress: () => void;
  }) {
    const { folder, offsets, sink, logger } = options;
    this.#folder = folder;
    this.#logger = logger;
    this.#progress = options.progress;
    this.#lanes = folder.channels.map((channel) => {
      const file = new SpoolFile(folder, channel, offsets.get(channel) ?? 0, logger);
      const events = {
        progress: () => this.wake(),
        seek: (offset: number) => file.seek(offset),
        refused: (error: HeadgateError) => this.#refuse(error),
      };
      return { file, delivery: new Delivery(channel, sink, events, logger), limit: Number.POSITIVE_INFINITY };
    });
  }

  /** Something may be there to read. */
  wake(): void {
    if (this.#stopped) return;
    this.#scheduled ??= setImmediate(() => {
      this.#scheduled = undefined;
      this.#turn();
    });
  }

  /** Bytes that the command has written and the sink has not stored. */
  lag(): number {
    if (this.#stopped) return 0;
    return this.#lanes.reduce((sum, { file, delivery }) => sum + file.end() - file.position + delivery.bytes, 0);
  }

  /** How far each channel is stored; nothing is known once reading has stopped. */
  stored(): StoredOutput[] {
    if (this.#stopped) return [];
    return this.#lanes.map(({ file, delivery }) => ({
      file: this.#folder.output(file.channel),
      base: file.base,
      offset: delivery.firstUnstored ?? file.position,
    }));
  }

  /** True while the sink does not take what it is handed. */
  get rejected(): boolean {
    return !this.#stopped && this.#lanes.some(({ delivery }) => delivery.rejected);
  }

  /** Delivers up to the present end of the files, then stops. Resolves when all of it is stored, or refused for good. */
  async finish(): Promise<void> {
    if (this.#stopped) return;
    for (const lane of this.#lanes) lane.limit = Math.max(lane.file.end(), lane.file.position);
    await new Promise<void>((resolve) => {
      this.#finished = resolve;
      this.wake();
    });
  }

  /** Stops reading and closes the files. What is on its way to the sink may still be stored. */
  stop(): void {
    this.#stopped = true;
    clearImmediate(this.#scheduled);
    for (const { file, delivery } of this.#lanes) {
      delivery.stop();
      file.close();
    }
  }

  #turn(): void {
    let read = false;
    try {
      for (const lane of this.#lanes) read = this.#advance(lane) || read;
      this.#progress();
    } catch (error) {
      // A disk error: the safety poll looks again.
      this.#logger.error({ error: messageOf(error) }, 'a spool file cannot be read');
    }
    if (read) this.wake();
    else if (this.#finished && this.#lanes.every(isThrough)) this.#end();
  }

  #advance({ file, delivery, limit }: Lane): boolean {
    if (delivery.failing || this.#unstored() >= WINDOW_BYTES) return false;
    const piece = file.read(PIECE_BYTES, limit);
    if (!piece) return false;
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
