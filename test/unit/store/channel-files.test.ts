import {
  appendFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import type { Store } from '../../../src/model/ports/store.ts';
import { examineDatabase } from '../../../src/store/index.ts';
import { newChannel, tempFolder, tempStore } from './support/temp.ts';

const INLINE = 128 * 1024;

/** A spool file that is written to as a copier does, and stored from. */
class Command {
  readonly file = join(tempFolder(), 'out.1');
  readonly #id: number;
  written = Buffer.alloc(0);

  constructor(id: number) {
    this.#id = id;
    writeFileSync(this.file, '');
  }

  /** Writes and stores a piece; `apart`: the store is not told of the file. */
  write(store: Store, bytes: Buffer, apart = false): void {
    appendFileSync(this.file, bytes);
    this.written = Buffer.concat([this.written, bytes]);
    const { bytes: offset, lines: line } = store.channels.head(this.#id);
    const lines = bytes.filter((byte) => byte === 10).length;
    store.channels.append([{ entryId: this.#id, offset, bytes, line, at: offset, lines, ...(apart ? {} : { file: this.file }) }]);
  }
}

const text = (bytes: number) => Buffer.from('a line of output\n'.repeat(Math.ceil(bytes / 17)).slice(0, bytes));
const folderOf = (file: string) => join(dirname(file), 'channels');
const files = (file: string) => (existsSync(folderOf(file)) ? readdirSync(folderOf(file)) : []);
const whole = (store: Store, id: number) => store.channels.read(id, 0, store.channels.head(id).bytes + 1);

/** A store whose channel has a file with three marks of 1000 bytes behind what is in the database. */
async function withFile() {
  const { store, file } = await tempStore();
  const id = newChannel(store);
  const command = new Command(id);
  command.write(store, text(INLINE));
  for (let piece = 0; piece < 3; piece++) command.write(store, text(1000));
  const [name = ''] = files(file);
  return { store, file, id, command, path: join(folderOf(file), name) };
}

function changed(file: string, ...statements: string[]): void {
  const db = new Database(file);
  for (const statement of statements) db.exec(statement);
  db.close();
}

describe('{#channel_files} a long channel keeps the file of its command', () => {
  test('short ones have no file', async () => {
    const { store, file } = await tempStore();
    const id = newChannel(store);
    const command = new Command(id);
    command.write(store, text(INLINE));
    expect(files(file)).toEqual([]);
    command.write(store, text(10));
    expect(files(file)).toHaveLength(1);
    expect(statSync(command.file).nlink).toBe(2);
    expect(whole(store, id).equals(command.written)).toBe(true);
  });

  test('what is in the file is not written to the database', async () => {
    const { store, file } = await tempStore();
    const id = newChannel(store);
    const command = new Command(id);
    for (let piece = 0; piece < 40; piece++) command.write(store, text(INLINE));
    const db = new Database(file, { readonly: true });
    expect(db.prepare('select sum(length(bytes)) from segments').pluck().get()).toBe(INLINE);
    db.close();
    expect(whole(store, id).equals(command.written)).toBe(true);
  });

  test('for any pieces, with the file and without: ranges, line starts, line counts and times', async () => {
    const { store } = await tempStore();
    newChannel(store);
    let channels = 0;
    const chunk = fc.tuple(
      fc.oneof(
        fc.array(fc.constantFrom(10, 10, 65, 0), { minLength: 1, maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
        fc.integer({ min: 1, max: 60_000 }).map((length) => text(length)),
        fc.integer({ min: 1, max: 60_000 }).map((length) => Buffer.alloc(length, 'x')),
      ),
      fc.boolean(),
    );
    fc.assert(
      fc.property(
        fc.array(chunk, { maxLength: 12 }),
        fc.array(fc.tuple(fc.nat(), fc.nat()), { minLength: 12, maxLength: 12 }),
        (chunks, places) => {
          const entry = { runId: 1, path: `sh://turn_1/${++channels}_1`, category: 'data', status: 102, turn: 1, writer: 'test' } as const;
          const { id } = store.entries.create(entry);
          const command = new Command(id);
          command.write(store, text(INLINE - 100));
          const begins = [0];
          for (const [bytes, apart] of chunks) {
            begins.push(command.written.length);
            command.write(store, bytes, apart);
          }
          const { written } = command;
          const starts = [0];
          for (let lf = written.indexOf(10); lf >= 0; lf = written.indexOf(10, lf + 1)) starts.push(lf + 1);
          expect(whole(store, id).equals(written)).toBe(true);
          for (const [a, b] of places) {
            const from = a % (written.length + 2);
            const length = b % (written.length + 2);
            expect(store.channels.read(id, from, length).equals(written.subarray(from, from + length))).toBe(true);
            const line = a % (starts.length + 2);
            expect(store.channels.offsetOfLine(id, line)).toBe(starts[line] ?? written.length);
            expect(store.channels.linesBefore(id, from)).toBe(starts.filter((start) => start > 0 && start <= from).length);
            if (from >= written.length) continue;
            const held = begins.findLastIndex((begin) => begin <= from);
            const segments = store.channels.segments(id, from, 3);
            expect(segments.map(({ offset }) => offset)).toEqual(begins.slice(held, held + 3));
            for (const { offset, bytes, at } of segments) {
              expect(at).toBe(offset);
              expect(written.subarray(offset, offset + bytes.length).equals(bytes)).toBe(true);
            }
            expect(store.channels.times(id, from, from + length + 1).map(({ offset }) => offset)).toEqual(
              begins.slice(held).filter((begin) => begin <= from + length),
            );
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  test('bytes that are not in the file go to the database', async () => {
    const { store, id, command } = await withFile();
    const { bytes: offset, lines: line } = store.channels.head(id);
    appendFileSync(command.file, 'other');
    store.channels.append([{ entryId: id, offset, bytes: Buffer.from('these'), line, at: 1, lines: 0, file: `${command.file}.gone` }]);
    expect(whole(store, id).toString()).toBe(`${command.written.toString()}these`);
  });

  test('a piece of a transaction that is undone leaves nothing', async () => {
    const { store, file } = await tempStore();
    const id = newChannel(store);
    const command = new Command(id);
    command.write(store, text(INLINE));
    const undone = () =>
      store.transaction('fast', () => {
        command.write(store, text(500));
        throw new Error('undone');
      });
    expect(undone).toThrow('undone');
    const { bytes: offset, lines: line } = store.channels.head(id);
    expect(offset).toBe(INLINE);
    store.channels.append([{ entryId: id, offset, bytes: text(500), line, at: 1, lines: 29, file: command.file }]);
    expect(whole(store, id).equals(command.written)).toBe(true);
    await store.close();
    const again = (await tempStore({ file })).store;
    await vi.waitFor(() => expect(files(file)).toHaveLength(1));
    expect(whole(again, id).equals(command.written)).toBe(true);
  });
});

describe('{#channel_files} after a crash', () => {
  test('of the process nothing is cut off, also where nothing was synced', async () => {
    const { store, file, id, command } = await withFile();
    await store.close();
    const again = (await tempStore({ file })).store;
    expect(whole(again, id).equals(command.written)).toBe(true);
  });

  test.each([
    ['is shorter than the index', (path: string) => truncateSync(path, INLINE + 1500)],
    [
      'has zeros where it was not written',
      (path: string) => {
        truncateSync(path, INLINE + 1500);
        truncateSync(path, INLINE + 3000);
      },
    ],
  ])('of the machine: a file that %s goes on from its last whole piece', async (_name, cut) => {
    const { store, file, id, command, path } = await withFile();
    await store.close();
    cut(path);
    const again = (await tempStore({ file })).store;
    expect(again.channels.head(id).bytes).toBe(INLINE + 1000);
    expect(whole(again, id).equals(command.written.subarray(0, INLINE + 1000))).toBe(true);
    expect(again.channels.linesBefore(id, INLINE + 1000)).toBe(again.channels.head(id).lines);
    // The runner reads on from there.
    truncateSync(command.file, INLINE + 1000);
    const { bytes: offset, lines: line } = again.channels.head(id);
    appendFileSync(command.file, 'more\n');
    again.channels.append([{ entryId: id, offset, bytes: Buffer.from('more\n'), line, at: 9, lines: 1, file: command.file }]);
    expect(whole(again, id).toString().endsWith('more\n')).toBe(true);
  });

  test('what was settled is taken as it is; doctor says what is wrong', async () => {
    const { store, file, id, path } = await withFile();
    store.channels.settle([id]);
    store.entries.update(id, { status: 200 });
    await store.close();
    truncateSync(path, INLINE + 1500);
    const again = (await tempStore({ file })).store;
    expect(again.channels.head(id).bytes).toBe(INLINE + 3000);
    expect(() => whole(again, id)).toThrow(/doctor/);
  });
});

describe('{#doctor_repair} {#channel_files} the file of a channel', () => {
  const examine = async (file: string, repair = false) => {
    const { findings } = await examineDatabase({ file, repair, now: 1_800_000_000_000, spool: () => undefined });
    return findings.filter(({ name }) => name === 'channels').map(({ state, detail }) => `${state}: ${detail}`);
  };

  test('that is whole is not complained of', async () => {
    const { store, file } = await withFile();
    await store.close();
    expect(await examine(file)).toEqual([]);
  });

  test('that is too short: the channel ends with what there is', async () => {
    const { store, file, id, command, path } = await withFile();
    store.channels.settle([id]);
    store.entries.update(id, { status: 200 });
    await store.close();
    truncateSync(path, INLINE + 1500);
    expect(await examine(file)).toEqual([
      expect.stringContaining(`bytes ${INLINE + 1500} to ${INLINE + 2000} are missing; --repair mends it`),
    ]);
    expect(await examine(file, true)).toEqual([expect.stringMatching(/^repaired: .*500 "damaged" with its first/)]);
    expect(await examine(file)).toEqual([]);
    const again = (await tempStore({ file })).store;
    expect(again.entries.byId(id)).toMatchObject({ status: 500, outcome: 'damaged', bytes: INLINE + 1500 });
    expect(whole(again, id).equals(command.written.subarray(0, INLINE + 1500))).toBe(true);
  });

  test('that is gone: the channel ends with what the database has', async () => {
    const { store, file, id, command, path } = await withFile();
    store.channels.settle([id]);
    store.entries.update(id, { status: 200 });
    await store.close();
    linkSync(path, `${path}-elsewhere`);
    changed(file, `update channel_files set file = 'missing'`);
    expect(await examine(file, true)).toEqual([expect.stringMatching(new RegExp(`^repaired: .*with its first ${INLINE} bytes`))]);
    expect(await examine(file)).toEqual([]);
    const again = (await tempStore({ file })).store;
    expect(whole(again, id).equals(command.written.subarray(0, INLINE))).toBe(true);
  });

  test('that has other bytes: they are kept, and the channel says so', async () => {
    const { store, file, id, command, path } = await withFile();
    store.channels.settle([id]);
    store.entries.update(id, { status: 200 });
    await store.close();
    const other = readFileSync(path);
    other[INLINE + 1200] = 10;
    writeFileSync(path, other);
    expect(await examine(file)).toEqual([expect.stringContaining('1000 bytes of it are not those that were stored')]);
    expect(await examine(file, true)).toEqual([expect.stringMatching(/^repaired: .*500 "damaged" with the bytes that are there/)]);
    expect(await examine(file)).toEqual([]);
    const again = (await tempStore({ file })).store;
    expect(whole(again, id).equals(other)).toBe(true);
    expect(again.channels.head(id).lines).toBe(other.filter((byte) => byte === 10).length);
    expect(again.entries.byId(id)).toMatchObject({ status: 500, outcome: 'damaged' });
    expect(command.written.equals(other)).toBe(false);
  });

  test('that has what the database lost: it is taken from there', async () => {
    const { store, file, id, command } = await withFile();
    store.channels.settle([id]);
    store.entries.update(id, { status: 200 });
    await store.close();
    changed(file, 'delete from segments');
    expect(await examine(file)).toEqual([expect.stringContaining(`bytes 0 to ${INLINE} are missing`)]);
    expect(await examine(file, true)).toEqual([expect.stringMatching(/^repaired: .*the file has what was missing/)]);
    expect(await examine(file)).toEqual([]);
    const again = (await tempStore({ file })).store;
    expect(whole(again, id).equals(command.written)).toBe(true);
    expect(again.entries.byId(id)).toMatchObject({ status: 500, outcome: 'damaged' });
  });

  test('whose lines were counted wrongly', async () => {
    const { store, file, id, command } = await withFile();
    await store.close();
    changed(
      file,
      `update channel_marks set line = line + 3 where offset = ${INLINE + 1000}`,
      'update entries set lines = 5 where bytes > 0',
    );
    expect(await examine(file, true)).toEqual([expect.stringMatching(/^repaired: .*2 numbers of lines are wrong/)]);
    const again = (await tempStore({ file })).store;
    expect(again.channels.head(id).lines).toBe(command.written.filter((byte) => byte === 10).length);
    expect(again.channels.linesBefore(id, INLINE + 1000)).toBe(
      command.written.subarray(0, INLINE + 1000).filter((byte) => byte === 10).length,
    );
  });
});

describe('{#run_delete} {#run_fork} {#channel_files} the file of a run', () => {
  test('goes with it, in the end', async () => {
    const { store, file, command, path } = await withFile();
    store.runs.remove(1);
    await vi.waitFor(() => expect(existsSync(path)).toBe(false), 5000);
    // The command's own name, and what it goes on writing, are its own matter.
    expect(statSync(command.file).size).toBe(command.written.length);
    const db = new Database(file, { readonly: true });
    expect(db.prepare('select (select count(*) from channel_files) + (select count(*) from channel_marks)').pluck().get()).toBe(0);
    db.close();
  });

  test('is shared by its copy, which outlives it whole', async () => {
    const { store, file, id, command } = await withFile();
    store.channels.settle([id]);
    store.entries.update(id, { status: 200 });
    const copy = await store.runs.copy(1, { maxBytes: 1e9 }, (reveal) => store.transaction('durable', () => reveal('r2')));
    const [channel] = store.entries.list({ runId: copy.id });
    expect(files(file)).toHaveLength(2);
    expect(whole(store, channel?.id ?? 0).equals(command.written)).toBe(true);
    store.runs.remove(1);
    await vi.waitFor(() => expect(files(file)).toHaveLength(1), 5000);
    expect(whole(store, channel?.id ?? 0).equals(command.written)).toBe(true);
    expect(store.channels.offsetOfLine(channel?.id ?? 0, 9)).toBe(9 * 17);
  });

  test('files that no channel has are removed by the next start, and what was never stored is cut off', async () => {
    const { store, file, id, command, path } = await withFile();
    store.channels.settle([id]);
    store.entries.update(id, { status: 200 });
    await store.close();
    mkdirSync(folderOf(file), { recursive: true });
    writeFileSync(join(folderOf(file), '7-nobody'), text(20_000_000));
    appendFileSync(path, 'behind the end');
    // A command that still has the file open by its own name may write on.
    await (await tempStore({ file })).store.close();
    expect(statSync(path).size).toBe(command.written.length + 14);
    unlinkSync(command.file);
    const again = (await tempStore({ file })).store;
    await vi.waitFor(() => expect(files(file)).toHaveLength(1), 5000);
    await vi.waitFor(() => expect(statSync(path).size).toBe(command.written.length), 5000);
    expect(whole(again, id).equals(command.written)).toBe(true);
  });
});
