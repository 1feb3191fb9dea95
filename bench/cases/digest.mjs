import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Digests } from '../../dist/src/digest/index.js';
import { Scope } from '../lib/scope.mjs';
import { median } from '../lib/stats.mjs';
import { lineCount, newChannel, newStore } from '../lib/store.mjs';

const PIECE = 64 * 1024;
const TOTAL = 100 * 1024 * 1024;
const QUICK_TOTAL = 20 * 1024 * 1024;
const ROUNDS = 3;
const FLOOR = 'the same without digests';
const LIMIT_MS = 100;
const MAX_BYTES = 8 * 1024;
const CHANNELS = 256;
/** SPEC {#digest_incremental}: 300 KiB, and as much for the one earlier point of a channel of 4 MiB. */
const LIMIT_KIB = 600;

/** Kinds of output: an ordinary log, one in colours, progress that is drawn over and over, and one warning after the other. */
const KINDS = {
  log: (i) => `2031-05-04T10:${i % 60}:00Z info request ${i} of tenant ${i % 97} served in ${i % 31} ms\n`,
  coloured: (i) => `\u001b[32minfo\u001b[0m request ${i} of tenant \u001b[2m${i % 97}\u001b[0m served in ${i % 31} ms\n`,
  progress: (i) => `\r${i % 100}% [${'='.repeat(i % 50)}>]`,
  warnings: (i) => `2031-05-04 warning: request ${i} of tenant ${i % 97} took ${i % 31} ms\n`,
};

/** A piece of output of 64 KiB that ends where its last line does not. */
function piece(line) {
  let text = '';
  for (let i = 0; text.length < PIECE; i++) text += line(i);
  return Buffer.from(text.slice(0, PIECE));
}

/**
 * Stores `total` bytes with or without following them, with a turn of the event loop after each append as in the server; answers
 * nanoseconds a byte, and the milliseconds of a digest after it.
 */
async function storing(line, total, followed) {
  const scope = new Scope();
  try {
    const made = await newStore(scope, { checkpoint: false });
    const channel = newChannel(made, 'digest');
    const digests = new Digests({ channels: made.store.channels, sizeOf: () => undefined });
    const bytes = piece(line);
    const lines = lineCount(bytes);
    const start = performance.now();
    for (let at = 0; at < total; at += PIECE) {
      channel.append(bytes, lines);
      if (followed) digests.stored(channel.id, bytes.length, at);
      await new Promise((resolve) => setImmediate(resolve));
    }
    const stored = performance.now();
    if (followed)
      await digests.digest({ entryId: channel.id, path: 'sh://turn_0/digest_1', name: 'stdout', bytes: channel.bytes }, MAX_BYTES);
    return { nsPerByte: ((stored - start) * 1e6) / total, askMs: performance.now() - stored };
  } finally {
    await scope.close();
  }
}

export const digest = {
  results: [
    {
      name: 'digest-storing',
      what: 'an ordinary log stored in appends of 64 KiB, its digest kept',
      unit: 'ns/byte',
      floor: FLOOR,
      against: FLOOR,
      target: { atMost: 1.5 },
    },
    {
      name: 'digest-asked',
      what: 'the digest of that channel of 100 MiB, when it is asked for',
      unit: 'ms',
      floor: 'one read of its last 64 KiB',
      against: `the limit of ${LIMIT_MS} ms`,
      target: { atMost: 1 },
    },
    {
      name: 'digest-memory',
      what: `what is kept of each of ${CHANNELS} live channels of progress in a terminal, 4 MiB each`,
      unit: 'KiB',
      floor: 'the same after the first 4 KiB',
      against: `the limit of ${LIMIT_KIB} KiB`,
      target: { atMost: 1 },
    },
  ],
  async measure({ quick }) {
    const total = quick ? QUICK_TOTAL : TOTAL;
    const rounds = { with: [], without: [], ask: [] };
    for (let round = 0; round < ROUNDS; round++) {
      rounds.without.push((await storing(KINDS.log, total, false)).nsPerByte);
      const followed = await storing(KINDS.log, total, true);
      rounds.with.push(followed.nsPerByte);
      rounds.ask.push(followed.askMs);
    }
    const others = {};
    for (const kind of ['coloured', 'progress', 'warnings'])
      others[`${kind}, ns/byte`] = (await storing(KINDS[kind], QUICK_TOTAL, true)).nsPerByte;
    return {
      'digest-storing': { value: median(rounds.with), floor: median(rounds.without), peers: others },
      'digest-memory': await memory(),
      'digest-asked': { value: median(rounds.ask), floor: await tailRead(total), peers: { [`the limit of ${LIMIT_MS} ms`]: LIMIT_MS } },
    };
  },
};

/** KiB of heap a channel that are kept after its first 4 KiB, and after 4 MiB. */
async function memory() {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc');
  const bytes = piece(KINDS.progress);
  const channels = { read: (_id, from, maxBytes) => bytes.subarray(from % PIECE, (from % PIECE) + maxBytes), linesBefore: () => 0 };
  const digests = new Digests({ channels, sizeOf: () => ({ cols: 80, rows: 24 }) });
  const used = () => {
    collect();
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };
  const before = used();
  const store = async (size, at) => {
    for (let id = 1; id <= CHANNELS; id++) digests.stored(id, size, at);
    for (const id of [1, CHANNELS]) await digests.digest({ entryId: id, path: 'p', name: 'stdout', bytes: at + size }, MAX_BYTES);
    for (let turns = 0; turns < CHANNELS; turns++) await new Promise((resolve) => setImmediate(resolve));
  };
  const perChannel = () => (used() - before) / 1024 / CHANNELS;
  await store(4096, 0);
  const floor = perChannel();
  await store(PIECE - 4096, 4096);
  for (let at = PIECE; at < 4 * 1024 * 1024; at += PIECE) await store(PIECE, at);
  const value = perChannel();
  // Until here all of it is in use.
  digests.close();
  return { value, floor, peers: { [`the limit of ${LIMIT_KIB} KiB`]: LIMIT_KIB } };
}

/** Milliseconds of one read of the last 64 KiB. */
async function tailRead(total) {
  const scope = new Scope();
  try {
    const made = await newStore(scope, { checkpoint: false });
    const channel = newChannel(made, 'tail');
    const bytes = piece(KINDS.log);
    for (let at = 0; at < total; at += PIECE) channel.append(bytes, lineCount(bytes));
    const start = performance.now();
    made.store.channels.read(channel.id, channel.bytes - PIECE, PIECE);
    return performance.now() - start;
  } finally {
    await scope.close();
  }
}
