import { join } from 'node:path';
import Database from 'better-sqlite3';
import { beforeEach, describe, expect, test } from 'vitest';
import { Connection } from '../../../src/store/connection.ts';
import { tempFolder } from './support/temp.ts';

describe('{#durability} a transaction', () => {
  let db: Database.Database;
  let connection: Connection;
  const synchronous = () => ['off', 'normal', 'full'][Number(db.pragma('synchronous', { simple: true }))];

  beforeEach(() => {
    db = new Database(join(tempFolder(), 'a.db'));
    db.pragma('journal_mode = wal');
    db.exec('create table a (x integer primary key)');
    connection = new Connection(db);
  });

  test('waits for the disk when it is durable, and not when it is fast', () => {
    const seen = (['durable', 'fast', 'fast', 'durable'] as const).map((durability) => connection.transaction(durability, synchronous));
    expect(seen).toEqual(['full', 'normal', 'normal', 'full']);
  });

  test('a single write has the durability of its own, or of the transaction that it is in', () => {
    expect(connection.write('fast', synchronous)).toBe('normal');
    expect(connection.write('durable', synchronous)).toBe('full');
    expect(connection.transaction('fast', () => connection.group('durable', () => connection.write('durable', synchronous)))).toBe(
      'normal',
    );
  });

  test('is told of after its commit, once, and only when it was committed', () => {
    const told: number[] = [];
    const count = db.prepare<[], number>('select count(*) from a').pluck();
    const watched = new Connection(db, { beforeBegin: () => {}, committed: () => told.push(db.inTransaction ? -1 : count.get()!) });
    watched.transaction('fast', () => watched.group('fast', () => db.exec('insert into a values (1)')));
    expect(() => watched.transaction('fast', () => db.exec('insert into a values (1)'))).toThrow();
    expect(told).toEqual([1]);
  });

  test('that SQLite has given up stores nothing more', () => {
    const give = () => {
      db.exec('insert into a values (1)');
      // What a full disk does behind the work's back.
      db.exec('rollback');
    };
    expect(() => connection.transaction('fast', give)).toThrow(/gave the transaction up/);
    expect(() =>
      connection.transaction('fast', () => {
        give();
        connection.guard();
        db.exec('insert into a values (2)');
      }),
    ).toThrow(/gave the transaction up/);
    expect(db.prepare('select x from a').all()).toEqual([]);
    expect(connection.transaction('fast', () => db.exec('insert into a values (3)') && 'stored')).toBe('stored');
  });
});
