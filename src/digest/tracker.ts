import { binaryKind } from '../core/binary-kind.ts';
import { KIND_BYTES } from './compose.ts';
import { Player } from './player.ts';
import type { ByteSource, TerminalSize } from './types.ts';

/** Checkpoints that are kept, and the bytes between them at first: twice as many whenever there are too many. */
const CHECKPOINTS = 6;
const FIRST_SPACING = 2 * 1024 * 1024;

/**
 * What is known of one channel, kept while it is stored, and as it was at a few earlier points: a digest of the channel up
 * to any of its bytes begins at the nearest one.
 */
export class Tracker {
  readonly source: ByteSource;
  readonly size: TerminalSize | undefined;
  readonly #player: Player;
  #checkpoints: Player[] = [];
  #spacing = FIRST_SPACING;
  /** Bytes of a channel that is no text are not played. */
  #binary: boolean | undefined;
  #bytes = 0;

  constructor(source: ByteSource, size: TerminalSize | undefined) {
    this.source = source;
    this.size = size;
    this.#player = new Player({ source, size });
  }

  /** Bytes that it knows. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The next bytes, which are stored already; false at the end. */
  take(bytes: Buffer): boolean {
    if (bytes.length === 0) return false;
    this.#bytes += bytes.length;
    if (this.#binary === undefined && this.#bytes >= KIND_BYTES) {
      this.#binary = binaryKind(this.source.read(0, KIND_BYTES)) !== undefined;
      if (this.#binary) this.#checkpoints = [];
    }
    if (this.#binary === true) return true;
    this.#player.play(bytes);
    this.#keepPoint();
    return true;
  }

  #keepPoint(): void {
    if (this.#player.bytes < (this.#checkpoints.at(-1)?.bytes ?? 0) + this.#spacing) return;
    this.#checkpoints.push(this.#player.copy());
    if (this.#checkpoints.length <= CHECKPOINTS) return;
    this.#checkpoints = this.#checkpoints.filter((_, index) => index % 2 === 1);
    this.#spacing *= 2;
  }

  /** It is no text: nothing of it is played. */
  get binary(): boolean {
    return this.#binary === true;
  }

  /** The player nearest to `bytes` that is not beyond: a copy, unless it stands there exactly. */
  at(bytes: number): Player {
    if (this.#binary !== true && this.#player.bytes === bytes) return this.#player;
    const from = [...this.#checkpoints, this.#player].findLast((one) => one.bytes <= bytes);
    return from ? from.copy() : new Player({ source: this.source, size: this.size });
  }
}
