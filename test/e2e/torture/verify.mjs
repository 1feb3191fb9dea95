import { createHash } from 'node:crypto';
import { closeSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import Database from 'better-sqlite3';
import { eventDigest } from './events.mjs';
import { ledgerText } from './launcher.mjs';

const RECEIPT_MS = 10_000;
const GONE_MS = 5_000;

/** What an ended producer must look like. A cancel that crosses the end may win or lose. */
function expectedEnds({ exitCode, cancel, cancelled, abort }) {
  const own = exitCode === 0 ? { status: 200, state: 'ended' } : { status: 500, state: 'ended' };
  if (abort) return [{ status: 499, state: 'aborted' }];
  const asked = { status: 499, state: 'cancelled' };
  if (cancelled) return [asked];
  return cancel === 'cross' ? [own, asked] : [own];
}

/**
 * Compares what the server has of every producer with what it must be: state, exit code, each byte of each channel in pages
 * of any size, the receipt of a cancel. Notes in each producer the digests of what was read, so that a later call, after a
 * restart, also proves that nothing has changed.
 */
export async function verifyStored(caller, producers, random, violate) {
  const rows = new Map();
  for (const run of new Set(producers.map((one) => one.run))) {
    for (const row of await caller.untilAnswered('stream/list', { run })) rows.set(`${run} ${row.path}`, row);
  }
  for (const producer of producers) {
    const row = rows.get(`${producer.run} ${producer.path}`);
    if (row === undefined) {
      violate({ producer, message: 'the server does not list it' });
      continue;
    }
    const status = row.channels[0].status;
    const end = expectedEnds(producer).find((each) => each.status === status && each.state === row.state);
    if (end === undefined)
      violate({ producer, message: `it is at ${status}, ${row.state}; expected ${JSON.stringify(expectedEnds(producer))}` });
    producer.endedAt499 = status === 499;
    if (status !== 499 && row.exit_code !== producer.exitCode)
      violate({ producer, message: `exit code ${row.exit_code}, not ${producer.exitCode}` });
    for (const { channel, bytes, status: each } of row.channels) {
      if (each !== status) violate({ producer, channel, message: `the channel is at ${each}, its producer at ${status}` });
      await verifyChannel(caller, producer, channel, bytes, random, violate);
    }
    if (row.state === 'cancelled') await verifyReceipt(caller, producer, violate);
    verifyLedger(producer, violate);
  }
}

async function verifyChannel(caller, producer, channel, bytes, random, violate) {
  const { run, path, contents, acknowledged } = producer;
  const content = contents[channel - 1];
  if (!producer.endedAt499 && bytes !== content.bytes)
    violate({
      producer,
      channel,
      offset: Math.min(bytes, content.bytes),
      message: `${bytes} bytes are stored, ${content.bytes} were written`,
    });
  if (acknowledged && bytes < acknowledged[channel - 1])
    violate({ producer, channel, offset: bytes, message: `${acknowledged[channel - 1]} bytes were acknowledged, ${bytes} are stored` });
  const hash = createHash('sha256');
  let from = 0;
  while (from < bytes) {
    const page = await caller.untilAnswered('stream/read', { run, path, channel, from, max_bytes: random.scale(1024, 2 ** 21) });
    const got = Buffer.from(page.chunk, page.encoding);
    const wrong = page.from === from && page.to === from + got.length ? content.firstDifference(from, got) : from;
    if (wrong >= 0 || got.length === 0)
      return violate({
        producer,
        channel,
        offset: Math.max(wrong, from),
        message: `stream/read from ${from} to ${page.to} answers other bytes than were written`,
      });
    hash.update(got);
    from += got.length;
  }
  const digest = hash.digest('hex');
  producer.stored ??= [];
  producer.stored[channel - 1] ??= digest;
  if (producer.stored[channel - 1] !== digest) violate({ producer, channel, message: 'it is not what it was before the restart' });
}

async function verifyReceipt(caller, producer, violate) {
  const { run, path } = producer;
  const deadline = Date.now() + RECEIPT_MS;
  for (;;) {
    const { receipt } = await caller.untilAnswered('stream/receipt', { run, path });
    if (receipt?.finishedAt != null) {
      if (receipt.escaped.length > 0) violate({ producer, message: `processes escaped the kill: ${receipt.escaped.join(', ')}` });
      if (receipt.requestedBy !== `canceller-${producer.id}`) violate({ producer, message: `the receipt names ${receipt.requestedBy}` });
      return;
    }
    if (Date.now() > deadline) return violate({ producer, message: `the receipt is not finished: ${JSON.stringify(receipt)}` });
    await delay(50);
  }
}

/** A command notes its start once, and its normal end once unless it was cancelled. */
function verifyLedger(producer, violate) {
  if (producer.how === 'client') return;
  const text = ledgerText(producer);
  const lines = text.split('\n').slice(0, -1);
  const starts = lines.filter((line) => line.startsWith('start '));
  const ends = lines.filter((line) => line.startsWith('end'));
  const once = starts.length === 1 && ends.length === 1 && lines.length === 2;
  const cut = producer.endedAt499 && starts.length <= 1 && ends.length <= starts.length;
  if (!once && !cut) violate({ producer, message: `its ledger is not one start and one end: ${JSON.stringify(text)}` });
  const said = ends[0]?.split(' ') ?? [];
  if (producer.endedAt499 || said.length !== 5) return;
  for (const index of [0, 1]) {
    if (producer.stored?.[index] !== said[2 + 2 * index])
      violate({ producer, channel: index + 1, message: 'what is stored has another SHA-256 than what the command wrote' });
  }
}

/** The database of a server that has been stopped: sound, nothing left running, events and segments without a gap. */
export function verifyDatabase(file, readers, violate) {
  const db = new Database(file, { readonly: true });
  try {
    const integrity = db.pragma('integrity_check', { simple: true });
    if (integrity !== 'ok') violate({ message: `integrity_check: ${integrity}` });
    for (const { path, status } of db.prepare('select path, status from entries where status in (100, 102)').iterate()) {
      violate({ message: `${path} is left at ${status}` });
    }
    verifyPieces(db, join(dirname(file), 'channels'), violate);
    const events = db.prepare('select seq, type from events order by seq').all();
    const digest = eventDigest(events);
    for (const reader of readers) {
      if (reader.last !== events.length || reader.digest() !== digest)
        violate({ client: reader.name, message: `it saw events up to ${reader.last}; ${events.length} are stored, or others` });
    }
    return { events: events.length };
  } finally {
    db.close();
  }
}

/** Segments without a gap, and marks whose files have the bytes that were stored. */
function verifyPieces(db, folder, violate) {
  const pieces = db.prepare(`select entry_id, "offset", length(bytes) as size, null as crc from segments
    union all select entry_id, "offset", null, crc from channel_marks order by entry_id, "offset"`);
  const files = new Map(db.prepare('select entry_id, file from channel_files').raw().all());
  const lengths = new Map(db.prepare('select id, bytes from entries').raw().all());
  const all = pieces.all();
  let entry;
  let end = 0;
  for (const [at, { entry_id: id, offset, size, crc }] of all.entries()) {
    if (id !== entry) end = 0;
    entry = id;
    if (offset !== end) violate({ message: `a piece of entry ${entry} begins at ${offset}, the one before ended at ${end}` });
    const next = all[at + 1];
    end = crc === null ? offset + size : next?.entry_id === id ? next.offset : lengths.get(id);
    if (crc === null) continue;
    const bytes = Buffer.alloc(end - offset);
    const fd = openSync(join(folder, files.get(id)), 'r');
    const count = readSync(fd, bytes, 0, bytes.length, offset);
    closeSync(fd);
    if (count !== bytes.length || crc32(bytes) !== crc)
      violate({ message: `the file of entry ${id} has other bytes at ${offset} than were stored, or ${bytes.length - count} fewer` });
  }
}

/** Processes that carry an environment entry beginning with one of these, as `pid command`. */
export function carriers(beginnings) {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((pid) => {
      const environment = read(join('/proc', pid, 'environ')).split('\0');
      if (!environment.some((entry) => beginnings.some((beginning) => entry.startsWith(beginning)))) return [];
      const command = read(join('/proc', pid, 'cmdline'))
        .replaceAll('\0', ' ')
        .trim();
      return command === '' ? [] : [{ pid: Number(pid), command }];
    });
}

function read(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

/** Waits a little for commands that carry this marker to be gone; returns those that are not. */
export async function survivors(beginnings) {
  const deadline = Date.now() + GONE_MS;
  for (;;) {
    const left = carriers(beginnings);
    if (left.length === 0 || Date.now() > deadline) return left;
    await delay(100);
  }
}
