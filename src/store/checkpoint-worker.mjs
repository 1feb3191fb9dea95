import { statSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import Database from 'better-sqlite3';

/**
 * Moves committed pages from the write-ahead log into the database file, beside the thread that writes. It sleeps until
 * that thread says it has committed, and again when nothing is left to move (SPEC {#checkpoints}).
 *
 * @type {{
 *   file: string, flags: Int32Array, flag: Readonly<Record<'committed' | 'restarting' | 'round' | 'length' | 'waiting' | 'written', number>>,
 *   intervalMs: number, maxBytes: number, quickMs: number, maxBackoffMs: number, roomMs: number
 * }}
 */
const { file, flags, flag, intervalMs, maxBytes, quickMs, maxBackoffMs, roomMs } = workerData;
/** Passive rounds before a restart, and the size beyond which there are none: the writer is faster than the disk and has to wait. */
const ROUNDS = 4;
const HARD_MAX_BYTES = 4 * maxBytes;
/** Bytes that wait to be moved while there are writes: moving them would take the processor and the disk from the writer. */
const PATIENT_BYTES = (maxBytes / 4) * 3;
/** Pause while there are writes (milliseconds). */
const BUSY_MS = 50;
/** Longest wait for other readers of the database: the first time, and while one is known to read (milliseconds). */
const FIRST_WAIT_MS = 1000;
const NEXT_WAIT_MS = 250;

/** @type {import('better-sqlite3').Database | undefined} */
let db;
/** @type {NodeJS.Timeout | undefined} */
let timer;
let pageBytes = 0;
let failures = 0;
/** Attempts in a row to begin the log again that an outside reader has hindered, and when the next one is due. */
let hindered = 0;
let dueAt = 0;
/** @type {NodeJS.Timeout | undefined} */
let roomTimer;
/** Bytes that the last round left behind. */
let leftBytes = 0;

parentPort?.on('message', (/** @type {'committed' | 'room' | 'stop'} */ message) => {
  if (message === 'stop') stop();
  else if (message === 'room') makeRoom();
  else schedule(intervalMs);
});
schedule(intervalMs);

/** @param {number} ms */
function schedule(ms) {
  timer ??= setTimeout(tick, ms);
}

function tick() {
  clearTimeout(timer);
  timer = undefined;
  // Cleared first: a commit during the checkpoint wakes this thread again.
  const fresh = Atomics.exchange(flags, flag.committed, 0) === 1;
  try {
    const pauseMs = checkpoint(fresh);
    if (failures > 0 && hindered === 0) parentPort?.postMessage({ recovered: true });
    failures = 0;
    if (pauseMs !== undefined) schedule(pauseMs);
  } catch (error) {
    if (failures === 0) parentPort?.postMessage({ failed: error instanceof Error ? error.message : String(error) });
    failures++;
    const pauseMs = Math.min(maxBackoffMs, intervalMs * 2 ** failures);
    dueAt = performance.now() + pauseMs;
    schedule(pauseMs);
  }
  // Also after a failure: on a full disk the writer is to be refused, not held up.
  tellRoom();
}

/**
 * Somebody waits for room. While there is no room, because checkpoints fail or an outside reader holds the log,
 * the log grows, a batch in a while, and nobody is held up for an attempt that will fail.
 */
function makeRoom() {
  if (performance.now() >= dueAt) tick();
  else roomTimer ??= setTimeout(tellRoom, roomMs);
}

function tellRoom() {
  clearTimeout(roomTimer);
  roomTimer = undefined;
  if (Atomics.exchange(flags, flag.waiting, 0) === 1) parentPort?.postMessage({ room: true });
}

/** An outside reader hindered an attempt to begin the log again, or did not: the next one is later and shorter then. @param {boolean} busy */
function noteBusy(busy) {
  if (!busy) {
    if (hindered > 0) parentPort?.postMessage({ recovered: true });
    hindered = 0;
    return;
  }
  if (hindered === 0) {
    const failed =
      'something else reads the database and holds the write-ahead log, which grows until it ends: look for a backup or a shell on it';
    parentPort?.postMessage({ failed });
  }
  hindered++;
  dueAt = performance.now() + Math.min(maxBackoffMs, intervalMs * 2 ** hindered);
}

/**
 * One round; returns the pause before the next (milliseconds), undefined when none is needed.
 * @param {boolean} fresh
 * @returns {number | undefined}
 */
function checkpoint(fresh) {
  if (fresh && leftBytes + Atomics.load(flags, flag.written) * 1024 < PATIENT_BYTES) return BUSY_MS;
  db ??= open();
  Atomics.store(flags, flag.written, 0);
  const { log, checkpointed } = run('passive');
  leftBytes = (log - checkpointed) * pageBytes;
  const wanted = fresh || Atomics.load(flags, flag.waiting) === 1;
  if (wanted && log * pageBytes > maxBytes) {
    if (performance.now() >= dueAt) restart();
    return hindered > 0 ? intervalMs : BUSY_MS;
  }
  if (fresh) return BUSY_MS;
  if (log > checkpointed) return intervalMs;
  const size = statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0;
  if (size <= maxBytes) {
    noteBusy(false);
    return undefined;
  }
  // A log that once grew keeps its size; it is given back when nobody is writing.
  if (performance.now() >= dueAt) noteBusy(run('truncate').busy !== 0);
  return hindered > 0 ? maxBackoffMs : undefined;
}

/** Begins the log again at its start. The writer has to wait for that, so first as much as possible is moved beside it. */
function restart() {
  for (let round = 0; round < ROUNDS; round++) {
    const begun = performance.now();
    if (run('passive').log * pageBytes > HARD_MAX_BYTES || performance.now() - begun < quickMs) break;
  }
  // A writer that commits without a pause would never let go of the lock: it looks at the flag before it begins.
  Atomics.store(flags, flag.restarting, 1);
  try {
    noteBusy(run('restart').busy !== 0);
  } finally {
    Atomics.store(flags, flag.restarting, 0);
    Atomics.notify(flags, flag.restarting);
  }
}

function open() {
  const opened = new Database(file, { fileMustExist: true, timeout: FIRST_WAIT_MS });
  pageBytes = Number(opened.pragma('page_size', { simple: true }));
  return opened;
}

/**
 * @param {'passive' | 'restart' | 'truncate'} mode
 * @returns {{ busy: number, log: number, checkpointed: number }}
 */
function run(mode) {
  Atomics.add(flags, flag.round, 1);
  try {
    db?.pragma(`busy_timeout = ${hindered > 0 ? NEXT_WAIT_MS : FIRST_WAIT_MS}`);
    const result = /** @type {any} */ (db).pragma(`wal_checkpoint(${mode})`)[0];
    // After a restart that nobody hindered the next commit goes to the beginning.
    const length = mode !== 'passive' && result.busy === 0 ? 0 : Math.max(0, result.log);
    Atomics.store(flags, flag.length, Math.ceil((length * pageBytes) / 1024));
    return result;
  } finally {
    Atomics.add(flags, flag.round, 1);
  }
}

function stop() {
  clearTimeout(timer);
  clearTimeout(roomTimer);
  db?.close();
  parentPort?.close();
}
