import { closeSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { StepFailed } from './step-failed.mjs';

const NAME = '.prepare.lock';
const POLL_MS = 100;
const WAIT_LIMIT_MS = 15 * 60_000;

/**
 * Runs `work` while no other process that uses this function on `root` does. A lock whose holder is dead is taken over.
 * @template T
 * @param {string} root
 * @param {(line: string) => void} say
 * @param {() => T | Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withLock(root, say, work) {
  const file = join(root, NAME);
  const deadline = Date.now() + WAIT_LIMIT_MS;
  let told = false;
  while (!take(file)) {
    const holder = holderOf(file);
    if (holder !== undefined && !alive(holder)) {
      discard(file, holder);
      continue;
    }
    if (Date.now() > deadline)
      throw new StepFailed(`process ${holder ?? '?'} has been installing or building for too long; end it, or remove ${NAME}`);
    if (!told && holder !== undefined) {
      say(`headgate: waiting for process ${holder}, which installs or builds here`);
      told = true;
    }
    await delay(POLL_MS);
  }
  try {
    return await work();
  } finally {
    rmSync(file, { force: true });
  }
}

function take(file) {
  let fd;
  try {
    fd = openSync(file, 'wx');
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
  writeSync(fd, `${process.pid}\n`);
  closeSync(fd);
  return true;
}

/** The pid in the lock; undefined while it is being written or is gone already. */
function holderOf(file) {
  try {
    const text = readFileSync(file, 'utf8');
    return text.endsWith('\n') ? Number(text) : undefined;
  } catch {
    return undefined;
  }
}

function alive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** Takes a dead holder's lock away. It is moved aside first: of several waiters one wins, and a newer lock is put back. */
function discard(file, holder) {
  const aside = `${file}.${process.pid}`;
  try {
    renameSync(file, aside);
  } catch {
    return;
  }
  if (holderOf(aside) === holder) rmSync(aside, { force: true });
  else renameSync(aside, file);
}
