import { closeSync, existsSync, openSync, readFileSync, writeSync } from 'node:fs';
import Database from 'better-sqlite3';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Store } from '../../../src/model/ports/store.ts';
import { examineDatabase } from '../../../src/store/doctor/index.ts';
import { append, tempStore } from './support/temp.ts';

let store: Store;
let file: string;
/** Channel 1 of a command: four segments of 10 bytes, each with one LF. */
let channel: number;
let log: number;
const spec = { command: 'ls', cwd: '/', env: {}, stdin: false };

beforeEach(async () => {
  ({ store, file } = await tempStore());
  const project = store.projects.open({ name: 'p', root: '/p', configPath: null });
  const run = store.runs.create({ projectId: project.id, alias: 'r1', parentId: null, model: 'm', settings: {} });
  const entry = { runId: run.id, turn: 0, writer: 'test' };
  log = store.entries.create({
    ...entry,
    path: 'log://turn_0/sh/x',
    category: 'logging',
    status: 202,
    attributes: { channels: [1, 2] },
  }).id;
  store.entries.update(log, { status: 102 });
  store.producers.create({ entryId: log, backend: 'process', runner: 'embedded', spec });
  const data = { ...entry, category: 'data', status: 102, attributes: { producer: 'log://turn_0/sh/x' } } as const;
  channel = store.entries.create({ ...data, path: 'sh://turn_0/x_1' }).id;
  store.entries.create({ ...data, path: 'sh://turn_0/x_2' });
  for (const letter of 'abcd') append(store, channel, Buffer.from(`${letter.repeat(9)}\n`));
  store.entries.create({ ...entry, path: 'known://text', category: 'knowledge', status: 200, body: 'one\ntwo\n' });
});

/** Ends the command as the server does. */
function end(status: 200 | 500 = 200): void {
  for (const { id } of store.entries.list({ statuses: [102] })) store.entries.update(id, { status });
  store.producers.update(log, { state: 'ended', exitCode: 0 });
}

/** Closes the store and does this to its database. */
async function damaged(...statements: string[]): Promise<void> {
  await store.close();
  const db = new Database(file);
  db.pragma('foreign_keys = off');
  for (const statement of statements) db.exec(statement);
  db.close();
}

async function examine(repair = false, spool: Parameters<typeof examineDatabase>[0]['spool'] = () => undefined) {
  const { findings, backup, live } = await examineDatabase({ file, repair, now: 1_800_000_000_000, spool });
  const told = findings
    .filter(({ name, state }) => state !== 'ok' && name !== 'free space')
    .map(({ state, detail }) => `${state}: ${detail}`);
  return { told, backup, live, findings };
}

/** The store again, after a repair that left nothing to complain of. */
async function mended(): Promise<Store> {
  expect((await examine()).told).toEqual([]);
  return (await tempStore({ file })).store;
}

describe('{#doctor_repair} the doctor finds', () => {
  test('nothing in a sound database, and touches nothing', async () => {
    await store.close();
    const before = readFileSync(file);
    const { told, backup, live } = await examine(true);
    expect({ told, backup }).toEqual({ told: [], backup: undefined });
    expect(live).toMatchObject([{ entryId: log, path: 'log://turn_0/sh/x', state: 'queued' }]);
    expect(readFileSync(file).equals(before)).toBe(true);
  });

  test('sizes and lines that the segments contradict, and counts them again after copying the database', async () => {
    await damaged(`update entries set bytes = 99, lines = 7 where id = ${channel}`, `update segments set line = 5 where offset = 20`);
    const { told, backup } = await examine();
    expect(backup).toBeUndefined();
    expect(told).toHaveLength(2);
    expect(told[0]).toMatch(/^bad: sh:\/\/turn_0\/x_1 .*1 segments have a wrong line number; --repair mends it/);
    expect(told[1]).toMatch(/its row says 99 bytes and 7 lines, its segments hold 40 and 4/);

    const repaired = await examine(true);
    expect(repaired.told).toEqual([
      expect.stringMatching(/^repaired: /),
      expect.stringMatching(/^repaired: .*says 40 bytes and 4 lines now/),
    ]);
    expect(repaired.backup).toBe(`${file}.before-repair-2027-01-15T08-00-00-000Z`);
    const copy = new Database(repaired.backup, { readonly: true });
    expect(copy.prepare('select bytes from entries where id = ?').pluck().get(channel)).toBe(99);
    copy.close();
    const again = await mended();
    expect(again.channels.head(channel)).toEqual({ bytes: 40, lines: 4 });
    expect(again.channels.offsetOfLine(channel, 3)).toBe(30);
  });

  test('texts with another size than they have', async () => {
    await damaged("update entries set bytes = 1, lines = 0 where path = 'known://text'");
    expect((await examine(true)).told).toEqual([expect.stringContaining('the row says 8 bytes and 2 lines now')]);
    expect((await mended()).entries.get(1, 'known://text')).toMatchObject({ bytes: 8, lines: 2 });
  });

  test('a gap: the channel ends damaged at its last contiguous byte, and what lies beyond is kept in channels of its own', async () => {
    end();
    await damaged(`delete from segments where entry_id = ${channel} and offset = 10`, 'update segments set offset = 31 where offset = 30');
    expect((await examine()).told).toEqual([`bad: sh://turn_0/x_1 (entry ${channel}): bytes 10 to 20 are missing; --repair mends it`]);
    const { told } = await examine(true);
    expect(told).toEqual([
      expect.stringMatching(
        /^repaired: .*ends at 500 "damaged" with its first 10 bytes; .*x_99 \(from byte 20\), sh:\/\/turn_0\/x_98 \(from byte 31\)/,
      ),
    ]);
    const again = await mended();
    const read = (path: string) => again.channels.read(again.entries.get(1, path)!.id, 0, 100).toString();
    expect(again.entries.byId(channel)).toMatchObject({ status: 500, outcome: 'damaged', bytes: 10, lines: 1 });
    expect(read('sh://turn_0/x_1')).toBe('aaaaaaaaa\n');
    expect(read('sh://turn_0/x_99')).toBe('ccccccccc\n');
    expect(read('sh://turn_0/x_98')).toBe('ddddddddd\n');
    expect(again.entries.get(1, 'sh://turn_0/x_99')).toMatchObject({
      status: 500,
      outcome: 'damaged',
      attributes: { producer: 'log://turn_0/sh/x', damaged: { channel: 1, from: 20 } },
    });
    expect(again.entries.byId(log)).toMatchObject({ status: 200, attributes: { channels: [1, 2, 99, 98] } });
    // The guard of the states is in place again.
    const db = new Database(file);
    expect(() => db.exec(`update entries set status = 102 where id = ${channel}`)).toThrow('illegal_transition');
    db.close();
  });

  test('segments that overlap', async () => {
    end(500);
    await damaged('update segments set offset = 15 where offset = 20');
    expect((await examine()).told).toEqual([expect.stringContaining('the segment at 15 overlaps the one that ends at 20')]);
    await examine(true);
    const again = await mended();
    expect(again.channels.read(channel, 0, 100).toString()).toBe('aaaaaaaaa\nbbbbbbbbb\n');
  });

  test('a gap in the output of a live command: cut where its own file has the rest, else left alone', async () => {
    await damaged(`delete from segments where entry_id = ${channel} and offset = 10`);
    const alone = await examine(true, () => ({ base: 20, end: 40 }));
    expect(alone.told).toEqual([expect.stringMatching(/^bad: .*cancel it with the server, then repair what is left/)]);
    expect(alone.backup).toBeUndefined();
    const asked: unknown[] = [];
    const cut = await examine(true, (producer, number) => {
      asked.push([producer.entryId, number]);
      return { base: 0, end: 50 };
    });
    expect(asked).toEqual([[log, 1]]);
    expect(cut.told).toEqual([expect.stringMatching(/^repaired: .*cut to 10 bytes; the next start of the server reads the rest again/)]);
    const again = await mended();
    expect(again.entries.byId(channel)).toMatchObject({ status: 102, bytes: 10, lines: 1 });
    again.channels.append([{ entryId: channel, offset: 10, bytes: Buffer.from('on'), line: 1, at: 1, lines: 0 }]);
  });

  test('the end of the output of a live command is missing: its size stays where its own file has given that back', async () => {
    await damaged(`delete from segments where entry_id = ${channel} and offset = 30`);
    const left = await examine(true, () => ({ base: 35, end: 50 }));
    expect(left.told).toEqual([
      expect.stringMatching(/^bad: .*its segments hold 30 .*cancel it with the server, then repair what is left/),
    ]);
    const cut = await examine(true, () => ({ base: 0, end: 50 }));
    expect(cut.told).toEqual([expect.stringMatching(/^repaired: .*the row says 30 bytes/)]);
  });

  test('entries that wait for what will never come', async () => {
    end();
    await damaged(
      'drop trigger entries_transition',
      `update entries set status = 102 where id = ${channel}`,
      `update entries set status = 202 where id = ${log}`,
      "update entries set status = 202 where path = 'known://text'",
      "create trigger entries_transition before update of status on entries when new.status = 999 begin select raise(abort, 'x'); end",
    );
    const { told } = await examine();
    expect(told).toEqual([
      expect.stringMatching(/^bad: log:\/\/turn_0\/sh\/x .*is at 202, and no proposal stands behind it/),
      expect.stringMatching(/^bad: sh:\/\/turn_0\/x_1 .*is at 102, and no live producer stands behind it/),
      expect.stringMatching(/^bad: known:\/\/text .*is at 202/),
    ]);
    expect((await examine(true)).told.every((one) => one.startsWith('repaired: '))).toBe(true);
    const again = await mended();
    expect([log, channel].map((id) => again.entries.byId(id)?.outcome)).toEqual(['damaged', 'damaged']);
  });

  test('a damaged file, and leaves it alone', async () => {
    await store.close();
    const fd = openSync(file, 'r+');
    for (let page = 4; page < 40; page++) writeSync(fd, Buffer.alloc(100, 0xff), 0, 100, page * 8192);
    closeSync(fd);
    const before = readFileSync(file);
    const { told, backup, live } = await examine(true);
    expect(told).toEqual([expect.stringMatching(/^bad: the database is damaged .*restore it from a backup/)]);
    expect({ backup, live }).toEqual({ backup: undefined, live: undefined });
    expect(readFileSync(file).equals(before)).toBe(true);
  });

  test('a file that is no database', async () => {
    await store.close();
    const fd = openSync(file, 'w');
    writeSync(fd, 'not a database, whatever its name says '.repeat(300));
    closeSync(fd);
    expect((await examine(true)).told).toEqual([expect.stringMatching(/^bad: .*restore it from a backup/)]);
  });

  test('rows that belong to nothing, a schema of a newer version, of another program, and of none', async () => {
    await damaged(`delete from runs`);
    expect((await examine(true)).told).toContainEqual(
      expect.stringMatching(/^bad: 4 rows of entries belong to runs that are gone; restore/),
    );
    await damaged("insert into schema_migrations values (99, 'later', 'x', 1)");
    expect((await examine(true)).told).toEqual(['bad: a newer Headgate wrote the database (migration 99 "later"); install that version']);
    await damaged('drop table schema_migrations');
    expect((await examine(true)).told).toEqual([expect.stringMatching(/^bad: the database belongs to another program/)]);
  });

  test('a database of an earlier version that never shrinks, and rebuilds it', async () => {
    await damaged('pragma journal_mode = delete', 'pragma auto_vacuum = none', 'vacuum');
    const space = async (repair: boolean) => (await examine(repair)).findings.find(({ name }) => name === 'free space')?.state;
    expect(await space(false)).toBe('note');
    expect(await space(true)).toBe('repaired');
    expect(await space(false)).toBe('ok');
    expect((await mended()).channels.read(channel, 0, 10).toString()).toBe('aaaaaaaaa\n');
    expect(existsSync(`${file}-wal`)).toBe(true);
  });
});
