/**
 * A producer of known output: `node gen.mjs JSON`. It notes its start and its normal end, with what it wrote, in a ledger of
 * its own, so that whoever reads that later knows that the command ran once and was not killed.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { appendFileSync, writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { Content } from './content.mjs';
import { Random } from './random.mjs';

const { seed, kind, bytes, durationMs, exitCode, ledger, stages, hold, stubborn, family } = JSON.parse(process.argv[2]);
appendFileSync(ledger, `start ${process.pid}\n`);
if (stubborn) process.on('SIGTERM', () => {});

const random = new Random(`writes/${seed}`);
const total = bytes[0] + bytes[1];
const streams = [1, 2].map((channel) => ({
  channel,
  content: new Content({ seed, channel, kind, bytes: bytes[channel - 1] }),
  at: 0,
  hash: createHash('sha256'),
}));
const written = () => streams[0].at + streams[1].at;
const started = performance.now();

// Each line of standard input is a number: the stage up to which output may be written. A line may come twice, or cut short.
let released = stages === 0 ? 1 : 0;
let wake = () => {};
if (stages > 0) {
  createInterface({ input: process.stdin })
    .on('line', (line) => {
      released = Math.max(released, Math.min(1, Number(line) / stages || 0));
      wake();
    })
    .on('close', () => {
      released = 2; // the end of the input
      wake();
    });
}

function write(stream, size) {
  const piece = stream.content.slice(stream.at, stream.at + size);
  for (let sent = 0; sent < piece.length; ) sent += writeSync(stream.channel, piece, sent);
  stream.hash.update(piece);
  stream.at += piece.length;
}

while (written() < total) {
  while (written() >= released * total) await new Promise((resolve) => (wake = resolve));
  const unfinished = streams.filter(({ at, content }) => at < content.bytes);
  const stream = random.pick(unfinished);
  if (random.chance(0.3)) for (let many = random.int(1, 60); many > 0; many--) write(stream, random.int(1, 16));
  else write(stream, random.scale(1, Math.max(1, Math.min(256 * 1024, Math.ceil(total / 4)))));
  const early = (written() / total) * durationMs - (performance.now() - started);
  if (early > 0 && random.chance(0.7)) await delay(early);
}
while (stages > 0 && released < 2) await new Promise((resolve) => (wake = resolve));

if (hold) {
  // A child that has left the group and the session is a part of the command all the same.
  if (family) spawn('setsid', ['sleep', '100000'], { stdio: 'ignore', detached: true }).unref();
  setInterval(() => {}, 1 << 30);
} else {
  appendFileSync(ledger, `end ${streams.map(({ at, hash }) => `${at} ${hash.digest('hex')}`).join(' ')}\n`);
  process.exitCode = exitCode;
  // An open standard input would keep the process.
  process.stdin.destroy();
}
