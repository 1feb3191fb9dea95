import { randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { systemCode } from '../../core/errors.ts';
import { createFile, replaceFile } from '../../core/whole-file.ts';
import type { SshPlace } from '../../model/place.ts';
import { PRODUCER_ID } from '../../model/producer-id.ts';

/**
 * The record of a container that is made for a command. preparing: the container has not been started, though it may exist; started: it may
 * have run, so it is never made again; barred: a kill came before the start, so the container is never made.
 */
export interface ContainerRecord {
  readonly phase: 'preparing' | 'started' | 'barred';
  /** Address of the engine; absent for the default one. */
  readonly host?: string | undefined;
  readonly tls?: string | undefined;
  /** The host that the engine is on. */
  readonly ssh?: SshPlace | undefined;
}

/** The records of the containers of this server or runner, a small file for each, and the id of the folder that holds them. */
export class ContainerRecords {
  readonly #folder: string;
  #instance: string | undefined;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Id of this folder, which every container of this server or runner has as a label. Made with the first container. */
  get instance(): string {
    this.#instance ??= this.#findInstance();
    return this.#instance;
  }

  get(producerId: string): ContainerRecord | undefined {
    try {
      return JSON.parse(readFileSync(this.#file(producerId), 'utf8')) as ContainerRecord;
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return undefined;
      throw error;
    }
  }

  set(producerId: string, record: ContainerRecord): void {
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    replaceFile(this.#file(producerId), JSON.stringify(record));
  }

  remove(producerId: string): void {
    rmSync(this.#file(producerId), { force: true });
  }

  /** Producers of which there is a record. */
  list(): string[] {
    try {
      return readdirSync(this.#folder).filter((name) => PRODUCER_ID.test(name));
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return [];
      throw error;
    }
  }

  #file(producerId: string): string {
    return join(this.#folder, producerId);
  }

  #findInstance(): string {
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    const file = join(this.#folder, 'instance');
    createFile(file, randomUUID());
    return readFileSync(file, 'utf8').trim();
  }
}
