import { countLines } from '../../../src/core/bytes.ts';
import { Digests, type DigestText, type TerminalSize } from '../../../src/digest/index.ts';
import type { ChannelStore } from '../../../src/model/ports/store.ts';

/** Channels in memory, as far as digests read them. */
export class MemoryChannels {
  readonly contents = new Map<number, Buffer>();
  /** Bytes read since the last look. */
  bytesRead = 0;

  get store(): ChannelStore {
    const content = (id: number) => this.contents.get(id) ?? Buffer.alloc(0);
    const read = (id: number, from: number, maxBytes: number) => {
      const bytes = content(id).subarray(from, from + maxBytes);
      this.bytesRead += bytes.length;
      return bytes;
    };
    const linesBefore = (id: number, offset: number) => countLines(content(id).subarray(0, offset));
    return { read, linesBefore } as unknown as ChannelStore;
  }

  digests(size?: TerminalSize, patienceMs?: number): Digests {
    return new Digests({ channels: this.store, sizeOf: () => size, ...(patienceMs === undefined ? {} : { patienceMs }) });
  }
}

/** Stores a piece, and gives the turn away in which it is played. */
export async function store(digests: Digests, id: number, piece: Buffer, at: number): Promise<void> {
  digests.stored(id, piece.length, at);
  await new Promise((resolve) => setImmediate(resolve));
}

/** The digest of some output that was stored in pieces of these sizes, the last one repeated. */
export async function digestOf(
  bytes: Buffer,
  options: { size?: TerminalSize; pieces?: readonly number[]; maxBytes?: number } = {},
): Promise<DigestText> {
  const channels = new MemoryChannels();
  channels.contents.set(1, bytes);
  const digests = channels.digests(options.size);
  const pieces = options.pieces ?? [64 * 1024];
  for (let at = 0, index = 0; at < bytes.length; index++) {
    const piece = bytes.subarray(at, at + Math.max(1, pieces[Math.min(index, pieces.length - 1)] ?? 1));
    await store(digests, 1, piece, at);
    at += piece.length;
  }
  return await digests.digest({ entryId: 1, path: 'sh://turn_1/x_1', name: 'stdout', bytes: bytes.length }, options.maxBytes ?? 8192);
}
