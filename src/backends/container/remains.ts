import type { Readable } from 'node:stream';
import { type Engine, isRefusal } from './engine/engine.ts';
import type { OutputFlow } from './engine/output-flow.ts';
import { firstFile } from './tar.ts';

const MAX_NUMBER_BYTES = 32;

/** The producer folder in a container that no longer runs: read by archives, since nothing can be run there. */
export class Remains {
  readonly #engine: Engine;
  readonly #container: string;
  readonly #folder: string;

  constructor(engine: Engine, container: string, folder: string) {
    this.#engine = engine;
    this.#container = container;
    this.#folder = folder;
  }

  /** The exit code that the shim published; undefined when it could not. */
  async exitCode(signal: AbortSignal): Promise<number | undefined> {
    return await this.#number('exit', signal);
  }

  /** Delivers what the spool files hold and the sink has not stored. */
  async deliver(flow: OutputFlow, channels: readonly number[], signal: AbortSignal): Promise<void> {
    for (const channel of channels) {
      do {
        flow.begin((await this.#number(`out.${channel}.base`, signal)) ?? 0);
        for await (const bytes of this.#read(`out.${channel}`, signal)) if (await flow.take({ channel, bytes })) break;
      } while ((await flow.settled()) === 'rewind');
    }
  }

  async #number(name: string, signal: AbortSignal): Promise<number | undefined> {
    let text = '';
    for await (const bytes of this.#read(name, signal)) {
      text += bytes.toString('latin1', 0, MAX_NUMBER_BYTES);
      if (text.length >= MAX_NUMBER_BYTES) break;
    }
    const match = /^(-?\d{1,16})\n$/.exec(text);
    return match ? Number(match[1]) : undefined;
  }

  async *#read(name: string, signal: AbortSignal): AsyncGenerator<Buffer, void> {
    let archive: Readable;
    try {
      const path = `${this.#folder}/${name}`;
      archive = (await this.#engine.patiently((docker) => docker.getContainer(this.#container).getArchive({ path }), signal)) as Readable;
    } catch (error) {
      if (isRefusal(error, 404)) return;
      throw error;
    }
    try {
      yield* firstFile(archive);
    } finally {
      archive.destroy();
    }
  }
}
