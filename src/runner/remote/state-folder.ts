import { chmodSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { defined } from '../../core/defined.ts';
import { HeadgateError, messageOf, systemCode } from '../../core/errors.ts';
import type { Ids } from '../../core/ids.ts';
import { makeFolder } from '../../core/make-folder.ts';
import { replaceFile } from '../../core/whole-file.ts';
import { PRODUCER_ID } from '../../model/producer-id.ts';
import type { ProducerSpec } from '../../model/records.ts';

/**
 * What a runner keeps between two starts (SPEC {#runner_state}): which folder it is, whose commands are in it, and
 * those commands' producer folders.
 */
export class StateFolder {
  /** Where the producer folders are. */
  readonly producers: string;
  /** Differs from one state folder to the next. */
  readonly instance: string;
  readonly #file: string;
  #store: string | undefined;

  /** Opens the folder, made when missing, mode 0700. Throws `forbidden`. */
  constructor(folder: string, ids: Ids) {
    this.producers = join(folder, 'producers');
    this.#file = join(folder, 'runner.json');
    try {
      makeFolder(folder);
      // It may have been there before, open to others; the output of commands is in it.
      chmodSync(folder, 0o700);
      const facts = read(this.#file);
      this.#store = typeof facts['store'] === 'string' ? facts['store'] : undefined;
      this.instance = typeof facts['instance'] === 'string' ? facts['instance'] : ids.token(12);
      if (facts['instance'] !== this.instance) this.#write();
    } catch (error) {
      throw new HeadgateError('forbidden', `cannot use the folder ${folder}: ${messageOf(error)}; name a folder of yours with --data`, {
        folder,
      });
    }
  }

  /** Id of the database whose commands are here; undefined before the first registration. */
  get store(): string | undefined {
    return this.#store;
  }

  /** Remembers whose commands come here from now on, before the first does. */
  remember(store: string): void {
    if (store === this.#store) return;
    this.#store = store;
    this.#write();
  }

  /** Names of the producers that have a folder. */
  list(): string[] {
    try {
      return readdirSync(this.producers).filter((name) => PRODUCER_ID.test(name));
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return [];
      throw error;
    }
  }

  /** What a producer was started with; undefined when that cannot be read. */
  spec(id: string): ProducerSpec | undefined {
    const facts = read(join(this.producers, id, 'spec.json'));
    return typeof facts['command'] === 'string' ? (facts as unknown as ProducerSpec) : undefined;
  }

  /** Removes the folder of a producer that is over. */
  remove(id: string): void {
    if (PRODUCER_ID.test(id)) rmSync(join(this.producers, id), { recursive: true, force: true });
  }

  #write(): void {
    const text = JSON.stringify({ instance: this.instance, ...defined({ store: this.#store }) });
    replaceFile(this.#file, `${text}\n`);
  }
}

function read(file: string): Record<string, unknown> {
  try {
    const facts: unknown = JSON.parse(readFileSync(file, 'utf8'));
    return typeof facts === 'object' && facts !== null ? { ...facts } : {};
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || error instanceof SyntaxError) return {};
    throw error;
  }
}
