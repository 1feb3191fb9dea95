import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync, gzipSync } from 'node:zlib';
import Database from 'better-sqlite3';
import { z } from 'zod';

/** Where the recorded runs lie. */
export const ARCHIVE = fileURLToPath(new URL('../../corpus/runs.json.gz', import.meta.url));

const blob = z.strictObject({ base64: z.string() });
const archive = z.strictObject({
  /** Names of the runs as they were played, with the alias that each has now. */
  aliases: z.record(z.string(), z.string()),
  /** The project's folder. */
  root: z.string(),
  schema: z.array(z.string()),
  tables: z.record(z.string(), z.array(z.record(z.string(), z.union([z.string(), z.number(), z.null(), blob])))),
});

/** The database of a data folder with its runs, as text; a newer server migrates it when it opens it. */
export type Archive = z.infer<typeof archive>;

/** What is neither needed nor ours to keep: keys, and what the model was shown. */
const LEFT_OUT = new Set(['tokens', 'rpc_log', 'context_messages', 'turn_context']);

/** Reads the database of a data folder whose server has ended. */
export function readData(data: string, facts: Pick<Archive, 'aliases' | 'root'>): Archive {
  const db = new Database(join(data, 'headgate.db'));
  try {
    const schema = db
      .prepare<[], { name: string; type: string; sql: string }>(
        "select name, type, sql from sqlite_master where sql is not null and name not like 'sqlite_%' order by rowid",
      )
      .all();
    const tables: Archive['tables'] = {};
    for (const { name, type } of schema) {
      if (type !== 'table' || LEFT_OUT.has(name)) continue;
      const rows = db.prepare<[], Record<string, unknown>>(`select * from "${name}"`).all();
      tables[name] = rows.map((row) =>
        Object.fromEntries(
          Object.entries(row).map(([column, value]) => [
            column,
            Buffer.isBuffer(value) ? { base64: value.toString('base64') } : (value as string),
          ]),
        ),
      );
    }
    // The folder that it is put into is its own one, and no packet of a turn has its messages.
    for (const row of tables['store_identity'] ?? []) row['folder'] = null;
    for (const row of tables['turns'] ?? []) row['packet'] = null;
    return { ...facts, schema: schema.map(({ sql }) => sql), tables };
  } finally {
    db.close();
  }
}

export function writeArchive(file: string, content: Archive): void {
  writeFileSync(file, gzipSync(JSON.stringify(content), { level: 9 }));
}

export function readArchive(file = ARCHIVE): Archive {
  return archive.parse(JSON.parse(gunzipSync(readFileSync(file)).toString()));
}

/** Makes a data folder of it, whose project is in `root`. */
export function restore({ schema, tables, root: was }: Archive, data: string, root: string): void {
  mkdirSync(data, { recursive: true, mode: 0o700 });
  const db = new Database(join(data, 'headgate.db'));
  try {
    db.pragma('foreign_keys = off');
    for (const sql of schema) db.exec(sql);
    db.transaction(() => {
      for (const [name, rows] of Object.entries(tables)) {
        for (const row of rows) {
          const columns = Object.keys(row);
          const values = Object.values(row).map((value) =>
            typeof value === 'object' && value !== null
              ? Buffer.from(value.base64, 'base64')
              : typeof value === 'string'
                ? value.replaceAll(was, root)
                : value,
          );
          db.prepare(
            `insert into "${name}" (${columns.map((column) => `"${column}"`).join()}) values (${columns.map(() => '?').join()})`,
          ).run(...values);
        }
      }
    })();
  } finally {
    db.close();
  }
}
