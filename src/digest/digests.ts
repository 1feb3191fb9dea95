import type { ChannelStore } from '../model/ports/store.ts';
import { compose, END_BYTES, KIND_BYTES } from './compose.ts';
import type { Player } from './player.ts';
import { Slices } from './slices.ts';
import { Tracker } from './tracker.ts';
import type { DigestText, TerminalSize } from './types.ts';

/** Channels whose output is followed, channels whose digests are remembered, and digests of each. */
const MAX_TRACKERS = 256;
const MAX_TEXTS = 256;
const CHANNEL_TEXTS = 4;
/** Bytes that are read from the store at a time; the event loop has its turn after each. */
const SLICE_BYTES = 1024 * 1024;
/** Bytes that are played at a time while output is stored. */
const STEP_BYTES = 64 * 1024;
/** A digest that has to play more than can be played in this time says what it did not get to (milliseconds). */
const PATIENCE_MS = 3000;

/** A channel, up to one of its bytes. */
export interface DigestedChannel {
  readonly entryId: number;
  /** The channel's path, and what it is called: `stdout`. */
  readonly path: string;
  readonly name: string;
  readonly bytes: number;
}

/**
 * The digests of all channels, kept while output is stored (SPEC {#digest_incremental}). What is not known any more, after
 * a restart for example, is played again from the store when it is asked for.
 */
export class Digests {
  readonly #channels: ChannelStore;
  readonly #sizeOf: (entryId: number) => TerminalSize | undefined;
  readonly #trackers = new Map<number, Tracker>();
  readonly #texts = new Map<number, Map<string, DigestText>>();
  readonly #patienceMs: number;
  /** Bytes that are stored of each channel that is followed. */
  readonly #ends = new Map<number, number>();
  readonly #slices: Slices;

  /** `failed` is called with the reason why a channel is not followed any more; its digest is then made when it is asked for. */
  constructor(options: {
    channels: ChannelStore;
    sizeOf: (entryId: number) => TerminalSize | undefined;
    failed?: (error: unknown) => void;
    patienceMs?: number;
  }) {
    this.#channels = options.channels;
    this.#sizeOf = options.sizeOf;
    this.#patienceMs = options.patienceMs ?? PATIENCE_MS;
    this.#slices = new Slices((entryId) => this.#follow(entryId), options.failed ?? (() => undefined));
  }

  /** `bytes` bytes have just been stored at `offset`. They are read and played on later turns of the event loop, so the writer does not wait. */
  stored(entryId: number, bytes: number, offset: number): void {
    if (offset === 0) this.#forget(entryId);
    else if (!this.#ends.has(entryId) && !this.#trackers.has(entryId)) return;
    const end = offset + bytes;
    this.#ends.set(entryId, end);
    dropOldest(this.#ends, MAX_TRACKERS);
    this.#slices.add(entryId, end - (this.#trackers.get(entryId)?.bytes ?? 0));
  }

  /** Nothing is played any more but what is asked for. */
  close(): void {
    this.#slices.close();
  }

  /** Plays some of what is stored of a channel; returns how many bytes are left. */
  #follow(entryId: number): number {
    const end = this.#ends.get(entryId);
    if (end === undefined) return 0;
    const tracker = this.#trackers.get(entryId) ?? this.#track(entryId);
    const left = end - tracker.bytes;
    if (left <= 0 || !tracker.take(this.#channels.read(entryId, tracker.bytes, Math.min(STEP_BYTES, left)))) return 0;
    return end - tracker.bytes;
  }

  /**
   * What a model is shown of a channel in `maxBytes` bytes, give or take the first line, and which bytes that quotes. What is not
   * known is played for `patienceMs`.
   */
  async digest(channel: DigestedChannel, maxBytes: number, patienceMs = this.#patienceMs): Promise<DigestText> {
    const key = `${channel.path} ${channel.bytes} ${maxBytes}`;
    const known = this.#texts.get(channel.entryId)?.get(key);
    if (known) return known;
    const { text, complete } = await this.#make(channel, maxBytes, performance.now() + patienceMs);
    if (complete) this.#remember(channel.entryId, key, text);
    return text;
  }

  #remember(entryId: number, key: string, text: DigestText): void {
    const texts = this.#texts.get(entryId) ?? new Map<string, DigestText>();
    this.#texts.delete(entryId);
    this.#texts.set(entryId, texts.set(key, text));
    dropOldest(texts, CHANNEL_TEXTS);
    dropOldest(this.#texts, MAX_TEXTS);
  }

  async #make(
    { entryId, path, name, bytes }: DigestedChannel,
    maxBytes: number,
    until: number,
  ): Promise<{ text: DigestText; complete: boolean }> {
    const tracker = this.#trackers.get(entryId) ?? this.#track(entryId);
    for (let step = nextStep(tracker, bytes, until); step > 0; step = nextStep(tracker, bytes, until)) {
      // Played by the tracker: the next digest goes on from there.
      if (!tracker.take(this.#channels.read(entryId, tracker.bytes, step))) break;
      await turn();
    }
    const player = tracker.at(bytes);
    // No turn is given away when there is nothing to play: the tracker's own player goes on with the next output.
    const unplayed = player.bytes < bytes && !(tracker.binary && bytes >= KIND_BYTES);
    const missing = unplayed ? await this.#playOn(entryId, player, bytes, until) : 0;
    const digestible = {
      source: tracker.source,
      size: tracker.size,
      path,
      name: `${path} (${name})`,
      bytes,
      lines: this.#channels.linesBefore(entryId, bytes),
      player,
      missed: missing > 0 ? { from: bytes - missing, to: bytes } : undefined,
    };
    return { text: compose(digestible, maxBytes), complete: missing === 0 };
  }

  /** Plays a copy up to `bytes`; returns how many bytes it did not get to. */
  async #playOn(entryId: number, player: Player, bytes: number, until: number): Promise<number> {
    for (let step = nextStep(player, bytes, until); step > 0; step = nextStep(player, bytes, until)) {
      const next = this.#channels.read(entryId, player.bytes, step);
      // The channel has been deleted meanwhile.
      if (next.length === 0) break;
      player.play(next);
      if (player.bytes < bytes) await turn();
    }
    return bytes - player.bytes;
  }

  #track(entryId: number): Tracker {
    const source = { read: (from: number, maxBytes: number) => this.#channels.read(entryId, from, maxBytes) };
    const tracker = new Tracker(source, this.#sizeOf(entryId));
    this.#trackers.set(entryId, tracker);
    const dropped = dropOldest(this.#trackers, MAX_TRACKERS);
    // It would have to be played from its beginning again.
    if (dropped !== undefined) this.#ends.delete(dropped);
    return tracker;
  }

  /** The number of a deleted channel may be given to another. */
  #forget(entryId: number): void {
    this.#trackers.delete(entryId);
    this.#texts.delete(entryId);
    this.#ends.delete(entryId);
    this.#slices.delete(entryId);
  }
}

/** Forgets what has been put in first when there are too many; returns its key. */
function dropOldest<K, V>(map: Map<K, V>, size: number): K | undefined {
  const oldest = map.keys().next();
  if (map.size <= size || oldest.done === true) return undefined;
  map.delete(oldest.value);
  return oldest.value;
}

/** How many bytes are played next. When the time is up, the beginning still is: short output is whole however late it is. */
function nextStep(played: { readonly bytes: number }, bytes: number, until: number): number {
  const end = performance.now() < until ? bytes : Math.min(bytes, END_BYTES);
  return Math.min(SLICE_BYTES, end - played.bytes);
}

/** Lets everything else that is due have its turn. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
