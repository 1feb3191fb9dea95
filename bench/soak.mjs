#!/usr/bin/env node
/**
 * `npm run soak -- --hours N [--out FOLDER]`: a real server under mixed load for so long, killed with -9 and started again every few minutes, with clients
 * that come and go. Draws memory, open files, write-ahead log and latency over time (soak.svg, and the figures in soak.json), and exits with 1 when one
 * of them grew from the second quarter to the last, or a byte was missing, or anything was left behind.
 */
import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { nowMs } from './lib/clock.mjs';
import { diskMiB, rssMiB } from './lib/proc.mjs';
import { Scope, within } from './lib/scope.mjs';
import { startHeadgate } from './lib/servers.mjs';
import { svg } from './lib/svg.mjs';
import { Wire } from './lib/wire.mjs';

const MIB = 1024 * 1024;
/** Runs that are kept; older ones are deleted, so that a server that is not leaking holds the same at all times. */
const KEPT_RUNS = 20;
/** A figure may end so much above where it was, and so much in its unit, before it counts as growth. */
const GROWTH = 1.25;
/** A call on a connection that is gone has no answer: then its worker begins again. */
const WORK_MS = 30_000;
const CURVES = [
  { key: 'rssMiB', label: 'resident memory, MiB', slack: 30 },
  { key: 'files', label: 'open files', slack: 20 },
  { key: 'walMiB', label: 'write-ahead log, MiB', slack: 20 },
  { key: 'diskMiB', label: 'data folder, MiB', slack: 60 },
  { key: 'pingMs', label: 'slowest of 20 pings, ms', slack: 50 },
];

const { values } = parseArgs({ options: { hours: { type: 'string', default: '1' }, out: { type: 'string', default: 'bench/.work' } } });
const totalMs = Number(values.hours) * 3_600_000;
if (!(totalMs > 0)) throw new Error('--hours takes a number above 0');
const sampleMs = Math.max(500, totalMs / 720);
const restartMs = Math.max(5000, totalMs / 24);

const scope = new Scope();
const data = join(scope.folder(), 'data');
const root = scope.folder();
const [samples, failures] = [[], []];
const counts = { commands: 0, bytes: 0, restarts: 0 };
let server;
let over = false;
let restarting = false;

/** Work over one connection after another, until the time is over: what fails because the server was killed is tried again. */
async function worker(work) {
  while (!over) {
    const { restarts } = counts;
    let wire;
    try {
      wire = await Wire.connect({ ...server, root });
      while (!over && !restarting) await within(WORK_MS, 'a piece of work', work(wire));
    } catch (error) {
      const killed = restarting || restarts !== counts.restarts;
      if (!killed && !/closed the connection|another client comes next|ECONNREFUSED|hang up|ECONNRESET/.test(error.message))
        failures.push(error.message);
      await delay(100);
    } finally {
      void wire?.close();
    }
  }
}

/** A command in a run of its own, read to its end; every byte is counted. */
async function command(wire) {
  const lines = 1 + Math.floor(Math.random() * 20_000);
  const { run } = await wire.call('startRun', { model: 'scripted', yolo: true });
  const { path } = await wire.call('sh', { run, command: `seq ${lines}` });
  let [bytes, status] = [0, 102];
  while ([100, 102].includes(status) && !restarting) {
    await delay(20);
    ({ status } = await wire.call('get', { run, path }));
  }
  if (restarting) return;
  ({ bytes } = await wire.call('stream/read', { run, path, channel: 1, max_bytes: 1 }));
  const expected = Array.from({ length: lines }, (_, i) => `${i + 1}\n`.length).reduce((sum, one) => sum + one, 0);
  if (status !== 200 || bytes !== expected) failures.push(`seq ${lines} ended with ${status} and ${bytes} of ${expected} bytes`);
  counts.commands += 1;
  counts.bytes += bytes;
}

/** Deletes what is old, as people and retention do. */
async function housekeeping(wire) {
  const runs = await wire.call('getRuns', { limit: 1000 });
  for (const { run, status } of runs.slice(KEPT_RUNS)) if (status !== 102) await wire.call('run/delete', { run });
  await delay(2000);
}

/** Looks and goes away in the middle. */
async function passer(wire) {
  await wire.call('getProposals');
  await delay(Math.random() * 1000);
  throw new Error('another client comes next');
}

async function sample(began) {
  const wire = await Wire.connect({ ...server, root });
  const pings = [];
  for (let i = 0; i < 20; i++) {
    const at = nowMs();
    await wire.call('ping');
    pings.push(nowMs() - at);
  }
  void wire.close();
  const { pid } = server;
  samples.push({
    at: (nowMs() - began) / 60_000,
    rssMiB: rssMiB(pid),
    files: readdirSync(`/proc/${pid}/fd`).length,
    walMiB: (statSync(join(data, 'headgate.db-wal'), { throwIfNoEntry: false })?.size ?? 0) / MIB,
    diskMiB: diskMiB(data),
    pingMs: pings.sort((a, b) => a - b).at(-1),
  });
}

async function restart() {
  restarting = true;
  const gone = new Promise((resolve) => server.child.once('exit', resolve));
  server.child.kill('SIGKILL');
  await gone;
  server = await startHeadgate(scope, data);
  restarting = false;
  counts.restarts += 1;
}

const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)] ?? 0;

/** Curves whose last quarter is above their second one; the first is that of a server that warms up. */
function grown() {
  const quarter = Math.floor(samples.length / 4);
  return CURVES.flatMap(({ key, label, slack }) => {
    const [before, after] = [samples.slice(quarter, 2 * quarter), samples.slice(-quarter)].map((part) =>
      median(part.map((one) => one[key])),
    );
    return after > before * GROWTH && after > before + slack ? [`${label} grew from ${before.toFixed(1)} to ${after.toFixed(1)}`] : [];
  });
}

try {
  server = await startHeadgate(scope, data);
  const began = nowMs();
  const workers = [command, command, command, passer, housekeeping].map(worker);
  for (let nextRestart = began + restartMs; nowMs() - began < totalMs; await delay(sampleMs)) {
    if (nowMs() >= nextRestart) {
      await restart();
      nextRestart = nowMs() + restartMs;
    }
    await sample(began).catch((error) => failures.push(`sample: ${error.message}`));
  }
  over = true;
  await Promise.all(workers);
  const left = readdirSync(join(data, 'producers')).filter((name) => /^p\d/.test(name));
  if (left.length > 0) failures.push(`folders of producers are left: ${left.join(', ')}`);
  failures.push(...grown());
  mkdirSync(values.out, { recursive: true });
  const panels = CURVES.map(({ key, label }) => ({
    label,
    lines: [{ name: 'headgate serve', points: samples.map((one) => [one.at, one[key]]) }],
  }));
  writeFileSync(
    join(values.out, 'soak.svg'),
    svg({ title: `${values.hours} h of mixed load, ${counts.restarts} restarts`, x: { label: 'time, min', log: false }, panels }),
  );
  writeFileSync(join(values.out, 'soak.json'), `${JSON.stringify({ counts, failures, samples })}\n`);
  console.log(`${counts.commands} commands, ${counts.bytes} bytes, ${counts.restarts} restarts; curves in ${join(values.out, 'soak.svg')}`);
  for (const failure of failures.slice(0, 20)) console.error(`failed: ${failure}`);
  process.exitCode = failures.length > 0 ? 1 : 0;
} finally {
  over = true;
  await scope.close();
}
