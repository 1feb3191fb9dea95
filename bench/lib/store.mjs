import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { systemClock } from '../../dist/src/core/clock.js';
import { openStore } from '../../dist/src/store/index.js';

const NEWLINE = 10;

/** A store of its own in a new folder, with a run to put channels into. */
export async function newStore(scope, options = {}) {
  const folder = scope.folder();
  const store = await openStore({ file: join(folder, 'headgate.db'), clock: systemClock, ...options });
  scope.add(() => store.close());
  const project = store.projects.open({ name: 'bench', root: folder, configPath: null });
  const run = store.runs.create({ projectId: project.id, alias: 'bench', parentId: null, model: 'scripted', settings: {} });
  return { store, run };
}

/** A channel of that run, and how to append to it as the stream engine does: one transaction, one segment. */
export function newChannel({ store, run }, slug) {
  const entry = store.entries.create({
    runId: run.id,
    path: `sh://turn_0/${slug}_1`,
    category: 'data',
    status: 102,
    turn: 0,
    writer: 'bench',
  });
  let offset = 0;
  let line = 0;
  return {
    id: entry.id,
    get bytes() {
      return offset;
    },
    append(bytes, lines = 0) {
      store.channels.append([{ entryId: entry.id, offset, bytes, line, at: 0, lines }]);
      offset += bytes.length;
      line += lines;
    },
  };
}

/** A bare table of the same shape and its prepared insert: what SQLite itself needs. */
export function rawTable(scope) {
  const db = new Database(join(scope.folder(), 'raw.db'));
  scope.add(() => db.close());
  db.pragma('page_size = 8192');
  db.pragma('journal_mode = wal');
  db.pragma('synchronous = normal');
  db.pragma('wal_autocheckpoint = 4096');
  db.exec(
    `create table segments (entry integer not null, offset integer not null, line integer not null, at integer not null, bytes blob not null, unique (entry, offset)) strict`,
  );
  const insert = db.prepare('insert into segments values (?, ?, ?, ?, ?)');
  let offset = 0;
  return {
    db,
    append(bytes) {
      insert.run(1, offset, 0, 0, bytes);
      offset += bytes.length;
    },
  };
}

/** Text-like bytes that do not compress to nothing: lines of 80. */
export function sample(size) {
  const bytes = Buffer.from(
    randomBytes(size)
      .toString('latin1')
      .replace(/[^ -~]/g, 'x'),
    'latin1',
  );
  for (let at = 79; at < size; at += 80) bytes[at] = NEWLINE;
  return bytes;
}

/** LF bytes in `bytes`, which an append is told. */
export function lineCount(bytes) {
  let lines = 0;
  for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, at + 1)) lines += 1;
  return lines;
}
