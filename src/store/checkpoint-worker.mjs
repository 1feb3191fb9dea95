import { statSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import Database from 'better-sqlite3';

/**
 * Moves committed pages from the write-ahead log into the database file, beside the thread that writes. It sleeps until
 * that thread says it has committed, and again when nothing is left to move (SPEC {#checkpoints}).
 *
 * @type {{
 *   file: string, flags: Int32Array, flag: Readonly<Record<'committed' | 'restarting' | 'round' | 'length' | 'waiting', number>>,
 *   intervalMs: number, maxBytes: number, quickMs: number, maxBackoffMs: number
 * }}
 */
const { file, flags, flag, intervalMs, maxBytes, quickMs, maxBackoffMs } = workerData;
/** Passive rounds before a restart, and the size beyond which there are none: the writer is faster than the disk and has to wait. */
const ROUNDS = 4;
const HARD_MAX_BYTES = 4 * maxBytes;
/** Size of the log from which on the pauses are short, and how short (milliseconds). */
const BUSY_BYTES = maxBytes / 8;
const BUSY_MS = 20;

/** @type {import('better-sqlite3').Database | undefined} */
let db;
/** @type {NodeJS.Timeout | undefined} */
let timer;
let pageBytes = 0;
let failures = 0;

parentPort?.on('message', (/** @type {'committed' | 'room' | 'stop'} */ message) => {
  if (message === 'stop') stop();
  else if (message === 'room') tick();
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
    if (failures > 0) parentPort?.postMessage({ recovered: true });
    failures = 0;
    if (pauseMs !== undefined) schedule(pauseMs);
  } catch (error) {
    if (failures === 0) parentPort?.postMessage({ failed: error instanceof Error ? error.message : String(error) });
    failures++;
    schedule(Math.min(maxBackoffMs, intervalMs * 2 ** failures));
  }
  // Also after a failure: on a full disk the writer is to be refused, not held up.
  if (Atomics.exchange(flags, flag.waiting, 0) === 1) parentPort?.postMessage({ room: true });
}

/**
 * One round; answers the pause before the next (milliseconds), undefined when none is needed.
 * @param {boolean} fresh
 * @returns {number | undefined}
 */
function checkpoint(fresh) {
  db ??= open();
  const { log, checkpointed } = run('passive');
  const wanted = fresh || Atomics.load(flags, flag.waiting) === 1;
  if (wanted && log * pageBytes > maxBytes) {
    restart();
    return BUSY_MS;
  }
  // Under load the rounds follow each other, so that little is left when the log begins anew.
  if (log * pageBytes > BUSY_BYTES && fresh) return BUSY_MS;
  if (log > checkpointed) return intervalMs;
  const size = statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0;
  if (size <= maxBytes) return undefined;
  // A log that once grew keeps its size; it is given back when nobody is writing.
  if (!fresh) run('truncate');
  return intervalMs;
}

/** Begins the log anew at its start. The writer has to wait for that, so first as much as possible is moved beside it. */
function restart() {
  for (let round = 0; round < ROUNDS; round++) {
    const begun = performance.now();
    if (run('passive').log * pageBytes > HARD_MAX_BYTES || performance.now() - begun < quickMs) break;
  }
  // A writer that commits without a pause would never let go of the lock: it looks at the flag before it begins.
  Atomics.store(flags, flag.restarting, 1);
  try {
    run('restart');
  } finally {
    Atomics.store(flags, flag.restarting, 0);
    Atomics.notify(flags, flag.restarting);
  }
}

function open() {
  const opened = new Database(file, { fileMustExist: true, timeout: 1000 });
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
  db?.close();
  parentPort?.close();
}
