import { randomBytes } from 'node:crypto';
import type { Clock } from '../core/clock.ts';
import type { DataFolderStore } from '../model/ports/store.ts';
import type { Connection } from './connection.ts';
import { type FolderIdentity, folderIdentity, isSameFolder } from './folder-identity.ts';
import { fromNullableJson, toJson } from './json.ts';
import { inserted } from './missing.ts';

/** The folder that the database lies in, as it was noted at the last start and as it is now (SPEC {#data_copy}). */
export class SqliteDataFolder implements DataFolderStore {
  readonly copyOf: string | undefined;
  readonly movedFrom: string | undefined;
  readonly #db: Connection;
  readonly #clock: Clock;
  readonly #now: FolderIdentity;

  constructor(db: Connection, clock: Clock, folder: string) {
    this.#db = db;
    this.#clock = clock;
    this.#now = folderIdentity(folder);
    const known = fromNullableJson<FolderIdentity>(inserted(db.first(db.query.selectFrom('store_identity').select('folder'))).folder);
    const same = known === null || isSameFolder(known, this.#now);
    this.copyOf = same ? undefined : known.path;
    this.movedFrom = same && known !== null && known.path !== this.#now.path ? known.path : undefined;
  }

  settle(): void {
    const { copyOf } = this;
    // Runners know by the id whose commands they have: those of the original are not this one's.
    const own = { id: randomBytes(16).toString('hex'), copied_from: copyOf ?? null, copied_at: this.#clock.now() };
    const change = { folder: toJson(this.#now), ...(copyOf === undefined ? {} : own) };
    this.#db.write('durable', () => this.#db.run(this.#db.query.updateTable('store_identity').set(change)));
  }
}
