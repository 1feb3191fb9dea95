import { closeSync, fstatSync, openSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { newGrowth } from '../lib/growth.mjs';
import { Scope } from '../lib/scope.mjs';
import { median, percentile, timed } from '../lib/stats.mjs';
import { lineCount, newChannel, newStore, rawTable, sample } from '../lib/store.mjs';

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;
const SEGMENT = 64 * KIB;
const APPEND = 4 * KIB;
const TAIL = 64 * KIB;
const ROUNDS = 400;
const REWRITTEN = 16 * MIB;

const SMALL = 'the same at 1 MiB';
const FILE_APPEND = 'write(2) to a file of 1 GiB';
const REWRITE = 'body || chunk at 16 MiB';
const FILE_TAIL = 'pread(2) from a file of 1 GiB';
const WHOLE_BODY = 'substr(body, -65536) at 16 MiB';

/** Two channels and a plain file of the sizes in question; made once, used by every run. */
async function prepared({ scope, memo }) {
  return (memo.flat ??= (async () => {
    const opened = await newStore(scope);
    const [small, large] = [newChannel(opened, 'small'), newChannel(opened, 'large')];
    const file = openSync(join(scope.folder(), 'plain'), 'w+');
    scope.add(() => closeSync(file));
    const segment = sample(SEGMENT);
    const lines = lineCount(segment);
    const growth = newGrowth(opened.store, large, rawTable(scope), newChannel(opened, 'warm'));
    while (small.bytes < MIB) small.append(segment, lines);
    while (large.bytes < GIB) {
      growth.look();
      large.append(segment, lines);
      writeSync(file, segment);
      // The store's checkpoints run in a thread and are told by the event loop.
      if (large.bytes % (4 * MIB) === 0) await new Promise(setImmediate);
    }
    growth.look();
    const { db } = rawTable(scope);
    db.exec('create table bodies (id integer primary key, body blob not null)');
    db.prepare('insert into bodies values (1, zeroblob(?))').run(REWRITTEN);
    return { store: opened.store, small, large, file, db, series: growth.series() };
  })());
}

/** Medians of calls that take turns, so that whatever the machine does meets all of them alike. */
function alternating(works) {
  const times = works.map(() => []);
  for (let round = 0; round < ROUNDS; round++) works.forEach((work, index) => times[index].push(...timed(1, work)));
  return times;
}

export const flat = {
  results: [
    {
      name: 'append-flat',
      what: 'a 4 KiB append to a channel of 1 GiB, committed',
      unit: 'us',
      floor: 'raw prepared insert, committed',
      against: SMALL,
      target: { atMost: 1.2 },
    },
    {
      name: 'tail-flat',
      what: 'the last 64 KiB of a channel of 1 GiB',
      unit: 'us',
      floor: FILE_TAIL,
      against: SMALL,
      target: { atMost: 2 },
    },
    {
      name: 'tail-flat-p99',
      what: 'the same, p99',
      unit: 'us',
      floor: FILE_TAIL,
      against: 'the limit of 500 us',
      target: { atMost: 1 },
    },
  ],
  async measure(context) {
    const { store, small, large, file, db, series } = await prepared(context);
    const scope = new Scope();
    try {
      const raw = rawTable(scope);
      const chunk = sample(APPEND);
      const lines = lineCount(chunk);
      const buffer = Buffer.alloc(TAIL);
      const tail = (channel) => () => {
        const read = store.channels.read(channel.id, channel.bytes - TAIL, TAIL);
        if (read.length !== TAIL) throw new Error(`${read.length} bytes read instead of ${TAIL}`);
      };
      const [atLarge, atSmall, rawInsert, plainWrite] = alternating([
        () => large.append(chunk, lines),
        () => small.append(chunk, lines),
        () => raw.append(chunk),
        () => writeSync(file, chunk),
      ]).map(median);
      const rewrite = db.prepare('update bodies set body = cast(body || ? as blob) where id = 1');
      const rewritten = median(timed(5, () => rewrite.run(chunk)));
      const [tailLarge, tailSmall, tailFile] = alternating([
        tail(large),
        tail(small),
        () => readSync(file, buffer, 0, TAIL, fstatSync(file).size - TAIL),
      ]);
      const wholeBody = db.prepare(`select substr(body, -${TAIL}) from bodies where id = 1`);
      const whole = median(timed(5, () => wholeBody.get()));
      return {
        'append-flat': {
          value: atLarge,
          floor: rawInsert,
          peers: { [SMALL]: atSmall, [FILE_APPEND]: plainWrite, [REWRITE]: rewritten },
          series: series.append,
        },
        'tail-flat': {
          value: median(tailLarge),
          floor: median(tailFile),
          peers: { [SMALL]: median(tailSmall), [WHOLE_BODY]: whole },
          series: series.tail,
        },
        'tail-flat-p99': {
          value: percentile(tailLarge, 99),
          floor: percentile(tailFile, 99),
          peers: { [SMALL]: percentile(tailSmall, 99), 'the limit of 500 us': 500 },
        },
      };
    } finally {
      await scope.close();
    }
  },
};
