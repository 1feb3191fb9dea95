import { chunkBytes } from '../../../src/rpc/client/bytes.ts';
import type { Runtime } from '../../../src/rpc/client/index.ts';
import type { ParamsOf } from '../../../src/rpc/protocol/table.ts';
import type { ChannelReader, OutputEnd, OutputPiece, ReadPart, ReadRequest } from './channel-reader.ts';

/** A channel of a command, by its log entry's path. */
export interface ChannelPlace {
  readonly run: string;
  readonly path: string;
  readonly channel: number;
}

/** Reads a channel of a runtime. Reads that a lost connection swallowed are made again. */
export class RuntimeReader implements ChannelReader {
  readonly #runtime: Runtime;
  readonly #place: ChannelPlace;

  constructor(runtime: Runtime, place: ChannelPlace) {
    this.#runtime = runtime;
    this.#place = place;
  }

  async read(request: ReadRequest, signal?: AbortSignal): Promise<ReadPart> {
    const { maxBytes, ...range } = request;
    const { from, to, bytes, lines, chunk, encoding } = await this.#look({ ...range, max_bytes: maxBytes }, signal);
    return { from, to, bytes, lines, data: chunkBytes(chunk, encoding) };
  }

  async search(match: string, from: number, signal?: AbortSignal) {
    const { matches = [], to, bytes } = await this.#look({ match, from }, signal);
    return { hits: matches, to, bytes };
  }

  async *follow(from: number, signal: AbortSignal): AsyncGenerator<OutputPiece, OutputEnd | undefined, void> {
    const { run, path, channel } = this.#place;
    return yield* this.#runtime.follow(run, path, { channel, from, signal });
  }

  #look(range: Partial<ParamsOf<'stream/read'>>, signal: AbortSignal | undefined) {
    return this.#runtime.look('stream/read', { ...this.#place, ...range }, signal ? { signal } : {});
  }
}
