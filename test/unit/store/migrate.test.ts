import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { type Kysely, sql } from 'kysely';
import { describe, expect, test } from 'vitest';
import { MIGRATIONS, type Migration } from '../../../migrations/index.ts';
import { systemClock } from '../../../src/core/clock.ts';
import { HeadgateError } from '../../../src/core/errors.ts';
import { openStore } from '../../../src/store/index.ts';
import { migrate, recordMigration } from '../../../src/store/migrate.ts';
import { tempFolder } from './support/temp.ts';

const step = (number: number, ...statements: string[]): Migration => ({
  number,
  name: `step_${number}`,
  up: async (db: Kysely<unknown>) => {
    for (const statement of statements) await sql.raw(statement).execute(db);
  },
});

function open(): { file: string; db: Database.Database; columns: () => string[] } {
  const file = join(tempFolder(), 'headgate.db');
  const db = new Database(file);
  return { file, db, columns: () => db.prepare<[], string>("select name from pragma_table_info('a')").pluck().all() };
}

async function refused(work: Promise<unknown>): Promise<HeadgateError> {
  const error = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(error).toBeInstanceOf(HeadgateError);
  return error as HeadgateError;
}

describe('{#migrations} migrations', () => {
  test('are numbered from 1 without a gap', () => {
    expect(MIGRATIONS.map(({ number }) => number)).toEqual(MIGRATIONS.map((_, index) => index + 1));
  });

  test('are the ones that were frozen when they landed', async () => {
    const frozen: unknown = JSON.parse(readFileSync(new URL('../../../migrations/checksums.json', import.meta.url), 'utf8'));
    const recorded = await Promise.all(MIGRATIONS.map(recordMigration));
    expect(
      Object.fromEntries(recorded.map(({ number, name, checksum }) => [`${String(number).padStart(4, '0')}_${name}`, checksum])),
    ).toEqual(frozen);
  });

  test('that are missing are applied in order, the others are not applied again', async () => {
    const { db, file, columns } = open();
    const steps = [step(1, 'create table a (x integer)'), step(2, 'alter table a add column y integer')];
    await migrate(db, steps.slice(0, 1), systemClock, file);
    await migrate(db, steps, systemClock, file);
    await migrate(db, steps, systemClock, file);
    expect(columns()).toEqual(['x', 'y']);
    expect(db.prepare('select number, name from schema_migrations').all()).toEqual([
      { number: 1, name: 'step_1' },
      { number: 2, name: 'step_2' },
    ]);
    db.close();
  });

  test('are applied all or not at all', async () => {
    const { db, file, columns } = open();
    const steps = [step(1, 'create table a (x integer)'), step(2, 'alter table a add column y integer', 'no sql')];
    await expect(migrate(db, steps, systemClock, file)).rejects.toThrow();
    expect(columns()).toEqual([]);
    await migrate(db, steps.slice(0, 1), systemClock, file);
    expect(columns()).toEqual(['x']);
    db.close();
  });

  test('of a newer Headgate are refused with what to do, and nothing is changed', async () => {
    const { db, file, columns } = open();
    await migrate(db, [step(1, 'create table a (x integer)'), step(2, 'alter table a add column y integer')], systemClock, file);
    const error = await refused(migrate(db, [step(1, 'create table a (x integer)')], systemClock, file));
    expect(error.kind).toBe('conflict');
    expect(error.message).toMatch(/newer Headgate.*install that version, or start with another --data folder/);
    expect(error.facts).toEqual({ file, migration: 2 });
    expect(columns()).toEqual(['x', 'y']);
    db.close();
  });

  test('that were changed after they were applied are refused', async () => {
    const { db, file } = open();
    await migrate(db, [step(1, 'create table a (x integer)')], systemClock, file);
    const error = await refused(migrate(db, [step(1, 'create table a (x text)')], systemClock, file));
    expect(error.kind).toBe('conflict');
    expect(error.message).toMatch(/not the one of this program/);
    db.close();
  });
});

describe('{#migrations} opening the store', () => {
  test('on a database of another program is refused and leaves it alone', async () => {
    const { db, file } = open();
    db.exec('create table theirs (x integer)');
    db.close();
    const error = await refused(openStore({ file, clock: systemClock }));
    expect(error).toMatchObject({ kind: 'conflict', facts: { file } });
    const after = new Database(file, { readonly: true });
    expect(after.prepare('select name from sqlite_schema').pluck().all()).toEqual(['theirs']);
    after.close();
  });

  test('on a database of a newer Headgate is refused, and the folder is free again', async () => {
    const { db, file } = open();
    await migrate(db, [...MIGRATIONS, step(MIGRATIONS.length + 1, 'create table later (x integer)')], systemClock, file);
    for (let attempt = 0; attempt < 2; attempt++) {
      const error = await refused(openStore({ file, clock: systemClock }));
      expect(error.message).toMatch(/newer Headgate/);
    }
    db.close();
  });
});
