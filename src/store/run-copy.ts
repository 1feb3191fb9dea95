import type { Statement } from 'better-sqlite3';
import { HeadgateError } from '../core/errors.ts';
import type { Connection } from './connection.ts';
import type { FileCopies } from './file-copies.ts';

/** How a copy stores what it cannot continue: a running command, a waiting proposal. */
const ENDED = { status: 499, outcome: 'forked', producer: 'aborted' } as const;

/** The packet of a turn, with the ids that its messages and tools have in the copy. */
const SAME = 'join context_messages n on n.run_id = @to and n.hash = o.hash';
const PACKET = `case when old.packet is null then null else json_object(
  'messages', json((select json_group_array(id) from (
    select n.id from json_each(old.packet, '$.messages') m join context_messages o on o.id = m.value ${SAME} order by m.key))),
  'tools', (select n.id from context_messages o ${SAME} where o.id = json_extract(old.packet, '$.tools'))) end`;

/** The attribute about processes that run on, which the copy does not have. */
const LEFTOVER_GONE = `case when json_type(old.attributes, '$.leftover') = 'object' and json_type(old.attributes, '$.leftover.gone_at') is null
  then json_set(old.attributes, '$.leftover.gone_at', @now) else old.attributes end`;
/** A loop is the one of the same number in the copy. */
const LOOP = '(select n.id from loops n join loops o on o.id = old.loop_id where n.run_id = @to and n.sequence = o.sequence)';
const OPEN = 'old.status in (100, 102, 202)';
const LIVE = "old.state in ('queued', 'running', 'cancelling')";

/** Values of the columns of a copied entry that are not taken over. */
const OF_ENTRY = {
  run_id: '@to',
  loop_id: LOOP,
  status: `case when ${OPEN} then ${ENDED.status} else old.status end`,
  outcome: `case when ${OPEN} then '${ENDED.outcome}' else old.outcome end`,
  attributes: LEFTOVER_GONE,
};
/** The same of the copied run itself, which no caller sees until it is whole. No alias that a client can choose begins with a blank. */
const OF_RUN = {
  alias: "' ' || hex(randomblob(16))",
  parent_id: 'old.id',
  created_at: '@now',
  updated_at: '@now',
  deleted_at: '@now',
  copying: '1',
  made_with: '@made',
};

/** Entries and sizes that one step looks at, and segments that it drops. */
const IDS = 256;
const SIZES = 128;
const DROPPED = 64;
/** Entries that one statement copies, and the bytes of bodies and channels after which it takes no further one. */
const TOGETHER = 32;
const TOGETHER_BYTES = 64 * 1024;
/** Segments that one statement copies. */
const SEGMENTS = 256;
/** A larger body goes by itself: a statement that copies rows of a table into the same keeps them aside first, which takes longer than the copy. */
const LARGE_BODY = 32 * 1024;

/** An entry of the run that is to be copied. */
interface Found {
  readonly id: number;
  readonly path: string;
  /** Bytes of its body, or of its channel. */
  readonly bytes: number;
  /** 1: its bytes are those of a channel and stand in segments. */
  readonly channel: number;
  /** 1: it has a producer. */
  readonly producer: number;
  /** The file of its channel; null for one without. */
  readonly file: string | null;
}

/** A channel that is copied: its number, that of its copy, how many bytes it has, and up to where the copy has them. */
interface Channel {
  readonly id: number;
  readonly copy: number;
  readonly bytes: number;
  readonly after: number;
}

/** The parameters of the statements: numbers of the two runs, of an entry in both, where to go on, the time, an alias, whose token makes the copy. */
interface Facts {
  readonly from: number;
  readonly to: number;
  readonly now: number;
  readonly made: string | null;
  readonly [name: string]: number | string | null;
}

/**
 * The statements that copy a run, each a bounded number of rows. Columns are asked of the database, so that a later one is not forgotten.
 */
export class CopyStatements {
  readonly begin: Statement<[Facts]>;
  readonly source: Statement<[Facts], { alias: string; status: number; last: number; busy: number }>;
  readonly sizes: Statement<[Facts], { path: string; bytes: number }>;
  readonly loop: Statement<[Facts], number>;
  readonly message: Statement<[Facts], string>;
  readonly turn: Statement<[Facts], number>;
  readonly context: Statement<[Facts]>;
  readonly ids: Statement<[Facts], number>;
  readonly entries: Statement<[Facts], Found>;
  readonly moveAway: Statement<[Facts]>;
  readonly addEntries: Statement<[Facts], { id: number; path: string }>;
  readonly changeEntry: Statement<[Facts]>;
  readonly producers: Statement<[Facts]>;
  readonly end: Statement<[Facts], number>;
  readonly segments: Statement<[Facts], { copy: number; end: number }>;
  readonly dropSegments: Statement<[Facts]>;
  readonly dropEntry: Statement<[Facts]>;
  readonly reveal: Statement<[Facts]>;

  constructor(db: Connection) {
    const columns = (table: string, except: readonly string[]) =>
      db
        .prepare<[string], { name: string }>('select name from pragma_table_info(?)')
        .all(table)
        .map(({ name }) => name)
        .filter((name) => !except.includes(name));
    /** Copies rows of `table`; `replaced` says what stands in columns of the copy that are not taken over, `beside` what they are joined with. */
    const copy = (
      table: string,
      replaced: Readonly<Record<string, string>>,
      source: string,
      { verb = 'insert', beside = '' }: { verb?: string; beside?: string } = {},
    ) => {
      const plain = columns(table, ['id', ...Object.keys(replaced)]);
      const into = [...plain, ...Object.keys(replaced)].map((name) => `"${name}"`).join(', ');
      const values = [...plain.map((name) => `old."${name}"`), ...Object.values(replaced)].join(', ');
      return `${verb} into ${table} (${into}) select ${values} from ${beside} ${table} old ${source}`;
    };
    /** Sets a row of the copy to what the row it was copied from is now. */
    const renew = (table: string, replaced: Readonly<Record<string, string>>, where: string) => {
      const plain = columns(table, ['id', ...Object.keys(replaced)]);
      const of = Object.entries(replaced).filter(([, value]) => value !== '@to');
      const into = [...plain, ...of.map(([name]) => name)].map((name) => `"${name}"`).join(', ');
      const values = [...plain.map((name) => `old."${name}"`), ...of.map(([, value]) => value)].join(', ');
      return `update ${table} set (${into}) = (select ${values} from ${table} old where old.id = @id) where ${where}`;
    };
    /** The row after the one of `after`, by a column that is unique in a run. */
    const next = (column: string) =>
      `where old.run_id = @from and old.${column} > @after order by old.${column} limit 1 returning ${column}`;
    this.begin = db.prepare(copy('runs', OF_RUN, 'where old.id = @from'));
    this.source = db.prepare(`select alias, status, (select coalesce(max(sequence), 0) from loops where run_id = runs.id) as last,
        exists (select 1 from loops where run_id = runs.id and sequence > @after and status in (100, 102)) as busy
      from runs where id = @from and deleted_at is null`);
    this.sizes = db.prepare(`select path, bytes from entries where run_id = @from and path > @after order by path limit ${SIZES}`);
    this.loop = db.prepare<[Facts], number>(copy('loops', { run_id: '@to' }, next('sequence'))).pluck();
    this.message = db.prepare<[Facts], string>(copy('context_messages', { run_id: '@to' }, next('hash'))).pluck();
    this.turn = db.prepare<[Facts], number>(copy('turns', { run_id: '@to', loop_id: LOOP, packet: PACKET }, next('sequence'))).pluck();
    const turns = 'join turns o on o.id = old.turn_id join turns n on n.run_id = @to and n.sequence = o.sequence';
    this.context = db.prepare(copy('turn_context', { turn_id: 'n.id' }, `${turns} where o.run_id = @from and o.sequence = @after`));
    // The index of statuses has the entries of each in order: a sort of all of them would hold everybody up.
    this.ids = db
      .prepare<[Facts], number>(
        `with recursive statuses(status) as (
          select min(status) from entries where run_id = @from
          union all
          select (select min(status) from entries where run_id = @from and status > statuses.status) from statuses where status is not null)
        select id from statuses s join entries e on e.id in (
          select id from entries where run_id = @from and status = s.status and id > @after order by id limit ${IDS})
        order by id limit ${IDS}`,
      )
      .pluck();
    // A list of numbers of entries, or of theirs and those of their copies. How long a body is, is known without reading it.
    const chosen = '(select value from json_each(@ids))';
    this.entries = db.prepare(`select id, path, bytes, octet_length(body) = 0 and bytes > 0 as channel,
        exists (select 1 from producers where entry_id = entries.id) as producer,
        (select file from channel_files where entry_id = entries.id) as file
      from entries where id in ${chosen} and +run_id = @from order by id`);
    this.moveAway = db.prepare("update entries set path = ' ' || id where run_id = @to and path = @path and id <> @copy");
    const added = { ...OF_ENTRY, body: `case when octet_length(old.body) > ${LARGE_BODY} then '' else old.body end` };
    this.addEntries = db.prepare(copy('entries', added, `where old.id in ${chosen} order by old.id returning id, path`));
    this.changeEntry = db.prepare(renew('entries', OF_ENTRY, 'id = @copy'));
    const pairs = 'json_each(@pairs) pair cross join';
    const [id, copied, after] = [0, 1, 2].map((at) => `json_extract(pair.value, '$[${at}]')`);
    const ofProducer = {
      entry_id: `${copied}`,
      state: `case when ${LIVE} then '${ENDED.producer}' else old.state end`,
      leftover_gone_at: 'case when old.leftover is null then null else coalesce(old.leftover_gone_at, @now) end',
    };
    this.producers = db.prepare(copy('producers', ofProducer, `where old.entry_id = ${id}`, { verb: 'insert or replace', beside: pairs }));
    this.end = db
      .prepare<[Facts], number>('select offset + length(bytes) from segments where entry_id = @copy order by offset desc limit 1')
      .pluck();
    const rest = `where old.entry_id = ${id} and old.offset in (
        select offset from segments where entry_id = ${id} and offset >= ${after} and offset < ${after} + ${TOGETHER_BYTES}
        order by offset limit @most)
      returning entry_id as copy, offset + length(bytes) as end`;
    this.segments = db.prepare(copy('segments', { entry_id: `${copied}` }, rest, { beside: pairs }));
    this.dropSegments = db.prepare(`delete from segments where entry_id = @copy and offset in
      (select offset from segments where entry_id = @copy order by offset limit ${DROPPED})`);
    this.dropEntry = db.prepare('delete from entries where id = @copy');
    this.reveal = db.prepare(renew('runs', { ...OF_RUN, alias: '@alias', deleted_at: 'null', copying: 'null' }, 'id = @to'));
  }
}

/**
 * One copy of a run under way: with its loops, turns and entries, the bytes of channels and what turns were shown. What runs or
 * waits is in the copy ended with 499 `forked`. The rows come one by one, in as many transactions as it takes; what changes
 * meanwhile is copied again. Rows are matched by what is unique in a run, entries by their numbers, since they may be moved.
 */
export class RunCopy {
  /** Number of the copy; 0 while there is none. */
  get id(): number {
    return this.#to;
  }

  readonly from: number;
  readonly #sql: CopyStatements;
  readonly #now: number;
  readonly #maxBytes: number;
  readonly #madeWith: string | null;
  readonly #files: FileCopies;
  /** Channels of the copy that have a file. */
  readonly #withFile = new Set<number>();
  /** Number of an entry -> number of its copy. */
  readonly #copies = new Map<number, number>();
  /** Entries that have changed. */
  readonly #changed = new Set<number>();
  #work: Generator<number, void>;
  #to = 0;
  #lastLoop: number | undefined;
  #channelBytes = 0;

  /** @param options - `from` is the number of the run, `maxBytes` how much it may hold, `madeWith` whose token makes the copy */
  constructor(sql: CopyStatements, options: { from: number; now: number; maxBytes: number; madeWith?: string | null; files: FileCopies }) {
    this.#sql = sql;
    this.#files = options.files;
    this.from = options.from;
    this.#now = options.now;
    this.#maxBytes = options.maxBytes;
    this.#madeWith = options.madeWith ?? null;
    this.#work = this.#all();
  }

  /** An entry of the run has come, gone or become another. */
  changed(entryId: number): void {
    this.#changed.add(entryId);
  }

  /**
   * Goes on within the open transaction until `until` (milliseconds of `performance.now`), or until so many bytes have been
   * written, and returns them, give or take one row; undefined when the copy holds all that the run holds now. Throws `conflict`
   * once the run is at work, `too_large`, `not_found` when it has been deleted.
   */
  slice(until: number, mostBytes: number): number | undefined {
    this.#requireAtRest();
    for (let bytes = 0; ; ) {
      const { done, value } = this.#work.next();
      if (done) {
        const [next] = this.#changed;
        if (next === undefined) return undefined;
        this.#changed.delete(next);
        this.#work = this.#entry(next);
      } else bytes += value;
      if (bytes >= mostBytes || performance.now() >= until) return bytes;
    }
  }

  /** Lets everybody see the copy, as the run is now, under its alias, within the open transaction. */
  reveal(alias: string, now: number): void {
    while (this.slice(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY) !== undefined);
    this.#sql.reveal.run({ ...this.#facts(), id: this.from, alias, now });
    if (this.#withFile.size === 0) return;
    this.#files.files.channels.settle([...this.#withFile]);
    this.#files.files.syncNames();
  }

  /** Resolves once what the copy has in files is on the disk. */
  async sync(): Promise<void> {
    await this.#files.files.channels.sync([...this.#withFile]);
  }

  #facts(): Facts {
    return { from: this.from, to: this.#to, now: this.#now, made: this.#madeWith };
  }

  #requireAtRest(): void {
    const source = this.#sql.source.get({ ...this.#facts(), after: this.#lastLoop ?? 0 });
    if (!source) {
      throw new HeadgateError('not_found', 'the run was deleted before its copy was whole; getRuns lists what there is', { id: this.from });
    }
    const { alias, status, last, busy } = source;
    this.#lastLoop ??= last;
    if (busy === 0 && last === this.#lastLoop) return;
    throw new HeadgateError(
      'conflict',
      `run ${alias} is at work, and a copy of half a turn could not go on; wait for its end, or end it with run/abort`,
      { run: alias, status },
    );
  }

  *#all(): Generator<number, void> {
    yield* this.#measure();
    this.#to = Number(this.#sql.begin.run(this.#facts()).lastInsertRowid);
    yield 0;
    yield* this.#each(this.#sql.loop, 0);
    yield* this.#each(this.#sql.message, '');
    yield* this.#each(this.#sql.turn, 0, this.#sql.context);
    for (let after = 0; ; ) {
      const ids = this.#sql.ids.all({ ...this.#facts(), after });
      if (ids.length === 0) return;
      for (let at = 0; at < ids.length; at += TOGETHER) yield* this.#entries(ids.slice(at, at + TOGETHER));
      after = ids.at(-1) ?? after;
    }
  }

  /** Copies entries that the copy does not have yet. */
  *#entries(ids: readonly number[]): Generator<number, void> {
    const found = this.#found(ids);
    for (let at = 0; at < found.length; ) {
      // What has changed may stand in the way of a path.
      if (this.#changed.size > 0) {
        for (const { id } of found.slice(at)) yield* this.#entry(id);
        return;
      }
      const group: Found[] = [];
      let bytes = 0;
      for (; at < found.length && bytes < TOGETHER_BYTES; at++) {
        const one = found[at] as Found;
        group.push(one);
        bytes += one.bytes;
      }
      this.#add(group);
      yield* this.#bodies(group);
      yield* this.#segments(group.flatMap((one) => this.#channel(one, 0)));
      for (const one of group) yield* this.#filed(one);
    }
  }

  /** Entries of the run with these numbers that are still there, in order. */
  #found(ids: readonly number[]): Found[] {
    return this.#sql.entries.all({ ...this.#facts(), ids: JSON.stringify(ids) });
  }

  /** Makes the copies of entries in one statement. */
  #add(group: readonly Found[]): void {
    const facts = this.#facts();
    const added = this.#sql.addEntries.all({ ...facts, ids: JSON.stringify(group.map(({ id }) => id)) });
    const copies = new Map(added.map(({ id, path }) => [path, id]));
    for (const { id, path } of group) this.#copies.set(id, copies.get(path) as number);
    const pairs = group.filter(({ producer }) => producer === 1).map(({ id }) => [id, this.#copies.get(id)]);
    if (pairs.length > 0) this.#sql.producers.run({ ...facts, pairs: JSON.stringify(pairs) });
  }

  /** Tells of the bodies that have been copied, and copies the large ones. */
  *#bodies(group: readonly Found[]): Generator<number, void> {
    const bodies = group.filter(({ channel }) => channel === 0);
    const large = bodies.filter(({ bytes }) => bytes > LARGE_BODY);
    yield bodies.reduce((sum, { bytes }) => sum + bytes, 0) - large.reduce((sum, { bytes }) => sum + bytes, 0);
    for (const { id, bytes } of large) {
      this.#sql.changeEntry.run({ ...this.#facts(), id, copy: this.#copies.get(id) as number });
      yield bytes;
    }
  }

  /** What is to be copied of an entry's channel, if it is one that has no file. */
  #channel({ id, bytes, channel, file }: Found, after: number): Channel[] {
    const copy = this.#copies.get(id);
    return channel === 1 && file === null && copy !== undefined ? [{ id, copy, bytes, after }] : [];
  }

  *#measure(): Generator<number, void> {
    let bytes = 0;
    for (let after = ''; ; ) {
      const sizes = this.#sql.sizes.all({ ...this.#facts(), after });
      if (sizes.length === 0) break;
      for (const size of sizes) bytes += size.bytes;
      after = sizes.at(-1)?.path ?? after;
      yield 0;
    }
    if (bytes > this.#maxBytes) throw this.#tooLarge(bytes);
  }

  #tooLarge(bytes: number): HeadgateError {
    const { alias = '' } = this.#sql.source.get({ ...this.#facts(), after: 0 }) ?? {};
    return new HeadgateError(
      'too_large',
      `run ${alias} holds ${bytes} bytes, and at most ${this.#maxBytes} are copied; start a new run and tell it what it needs to know`,
      { run: alias, bytes, limit: this.#maxBytes },
    );
  }

  /** Copies rows of the run one after the other; `also` copies what belongs to each. */
  *#each<T extends number | string>(row: Statement<[Facts], T>, first: T, also?: Statement<[Facts]>): Generator<number, void> {
    for (let after = row.get({ ...this.#facts(), after: first }); after !== undefined; after = row.get({ ...this.#facts(), after })) {
      also?.run({ ...this.#facts(), after });
      yield 0;
    }
  }

  /** Brings the copy of an entry up to date: makes it, changes it, or takes it away. */
  *#entry(id: number): Generator<number, void> {
    const [entry] = this.#found([id]);
    const known = this.#copies.get(id);
    if (!entry) {
      this.#copies.delete(id);
      if (known !== undefined) yield* this.#drop(known);
      return;
    }
    const { path, bytes, channel, producer } = entry;
    // Who else has this path in the copy has it in the run no more, and is among those that have changed.
    this.#sql.moveAway.run({ ...this.#facts(), path, copy: known ?? 0 });
    if (known === undefined) this.#add([entry]);
    else {
      const facts = { ...this.#facts(), id, copy: known };
      this.#sql.changeEntry.run(facts);
      if (producer === 1) this.#sql.producers.run({ ...facts, pairs: JSON.stringify([[id, known]]) });
    }
    yield known === undefined || channel === 1 ? 0 : bytes;
    if (known === undefined) yield* this.#bodies([entry]);
    yield* this.#segments(this.#channel(entry, known === undefined ? 0 : this.#end(known)));
    yield* this.#filed(entry);
  }

  /** Copies the bytes of channels, each from `after` on. What comes meanwhile is a change of them. */
  *#segments(channels: readonly Channel[]): Generator<number, void> {
    for (let left = channels; left.length > 0; ) {
      const facts = { ...this.#facts(), most: Math.ceil(SEGMENTS / left.length) };
      const pairs = left.map(({ id, copy, after }) => [id, copy, after]);
      const ends = new Map<number, number>();
      for (const { copy, end } of this.#sql.segments.all({ ...facts, pairs: JSON.stringify(pairs) }))
        ends.set(copy, Math.max(end, ends.get(copy) ?? 0));
      // A channel without a further segment has none any more.
      const gone = left.flatMap((one) => {
        const end = ends.get(one.copy);
        return end === undefined ? [] : [{ ...one, after: end, written: end - one.after }];
      });
      const written = gone.reduce((sum, one) => sum + one.written, 0);
      // A command that writes on may write faster than it can be followed.
      this.#channelBytes += written;
      if (this.#channelBytes > this.#maxBytes) throw this.#tooLarge(this.#channelBytes);
      yield written;
      left = gone.filter(({ after, bytes }) => after < bytes);
    }
  }

  /** Copies what the database has of a channel with a file. */
  *#filed({ id, file }: Found): Generator<number, void> {
    const copy = this.#copies.get(id);
    if (file === null || copy === undefined) return;
    this.#withFile.add(copy);
    yield* this.#files.copy({ id, copy }, file);
  }

  /** Bytes of a channel that the copy has. */
  #end(copy: number): number {
    return this.#sql.end.get({ ...this.#facts(), copy }) ?? 0;
  }

  *#drop(copy: number): Generator<number, void> {
    const facts = { ...this.#facts(), copy };
    while (this.#files.dropMarks(copy) || this.#sql.dropSegments.run(facts).changes > 0) yield 0;
    const file = this.#files.of(copy);
    this.#sql.dropEntry.run(facts);
    if (file !== undefined) this.#files.files.discard(file);
    this.#withFile.delete(copy);
    yield 0;
  }
}
