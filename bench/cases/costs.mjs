import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { limited, limitPeer } from '../lib/limits.mjs';
import { metered } from '../lib/metered.mjs';
import { CODEX } from '../lib/peers.mjs';
import { isInMemory, usageOf, writtenBytes } from '../lib/proc.mjs';
import { Scope, within } from '../lib/scope.mjs';
import { SEQ, SEQ_BYTES, SEQ_LINE, seqRate } from '../lib/seq.mjs';
import { startFloor, startHeadgate } from '../lib/servers.mjs';
import { shellQuoted } from '../lib/shell.mjs';

const TICKER = fileURLToPath(new URL('../lib/ticker.mjs', import.meta.url));
const INTERVAL_MS = 20;
/** A short and a long run of the ticker: what differs is the lines, without the command's start and end. */
const FEW_LINES = 25;
const MORE_LINES = 500;
const QUICK_LINES = 150;
const TIMES = 3;
const SETTLE_MS = 300;
/** Looks without a change after which nothing is expected to end any more. */
const CALM = 3;
const STOP_MS = 30_000;
const DISK_LIMIT = 1.2;
const FLOOR = 'child -> Node -> ws client, nothing stored';
const TO_FILE = `${SEQ_LINE} > file`;

const cpu = (name, what, unit) => ({
  name,
  what: `processor time of the server and all its processes, the command's own too, ${what}`,
  unit,
  floor: FLOOR,
  against: CODEX,
});

/** What output costs the machine, in processor time and in bytes written to storage. */
export const costs = {
  results: [
    cpu('cpu-json', `for each GB of \`${SEQ_LINE}\`, JSON frames`, 's'),
    cpu('cpu-raw', `for each GB of \`${SEQ_LINE}\`, binary frames`, 's'),
    cpu('cpu-line', `for each of the lines that come every ${INTERVAL_MS} ms`, 'us'),
    limited(DISK_LIMIT, 'bytes', {
      name: 'disk-byte',
      what: `bytes written to storage for each byte of \`${SEQ_LINE}\`, by all processes of the server, its end included`,
      floor: TO_FILE,
    }),
    {
      name: 'disk-line',
      what: `bytes written to storage for each of the lines that come every ${INTERVAL_MS} ms`,
      unit: 'bytes',
      floor: 'nothing stored',
      against: 'a page of 4 KiB',
    },
  ],
  drivesClient: true,
  async measure({ client, codex, quick }) {
    const scope = new Scope();
    try {
      const more = quick ? QUICK_LINES : MORE_LINES;
      const { server, root } = await meteredServer(scope);
      const floor = await startFloor(scope);
      const sides = {
        ours: {
          root,
          json: () => client('headgateThroughput', { server, command: SEQ_LINE, carriage: 'json' }),
          raw: () => client('headgateThroughput', { server, command: SEQ_LINE, carriage: 'raw' }),
          lines: (count) => client('headgateLatency', { server, command: shellQuoted(ticker(count)) }),
        },
        floor: {
          root: floor.pid,
          raw: () => client('rawThroughput', { url: floor.url, command: SEQ }),
          lines: (count) => client('rawLatency', { url: floor.url, command: ticker(count) }),
        },
      };
      if (codex !== null)
        sides.codex = {
          root: await client('codexPid', { codex }),
          raw: () => client('codexThroughput', { codex, command: SEQ }),
          lines: (count) => client('codexLatency', { codex, command: ticker(count) }),
        };
      const json = await secondsForGb(root, sides.ours.json);
      const raw = await each(sides, ({ root, raw: once }) => secondsForGb(root, once));
      const line = await each(sides, (side) => ofALine(side, more));
      const stored = await diskBytes(client);
      const theirs = (value) => ({ [CODEX]: value ?? null });
      return {
        'cpu-json': { value: json, floor: raw.floor, peers: theirs(raw.codex) },
        'cpu-raw': { value: raw.ours, floor: raw.floor, peers: theirs(raw.codex) },
        'cpu-line': { value: line.ours.us, floor: line.floor.us, peers: theirs(line.codex?.us) },
        'disk-byte': stored,
        'disk-line': {
          value: line.ours.bytes,
          floor: line.floor.bytes,
          peers: { 'a page of 4 KiB': 4096, [CODEX]: line.codex?.bytes ?? null },
        },
      };
    } finally {
      await scope.close();
    }
  },
};

const ticker = (count) => [process.execPath, TICKER, String(INTERVAL_MS), String(count)];

/** The result of `work` for each side, one after another. */
async function each(sides, work) {
  const results = {};
  for (const [name, side] of Object.entries(sides)) results[name] = await work(side);
  return results;
}

/** A server whose use is counted, `report` at its end. */
async function meteredServer(scope) {
  const [folder, data] = [scope.folder(), scope.folder()];
  if (isInMemory(data)) throw new Error('the folder for temporary files is in memory; TMPDIR names one on a disk');
  const report = join(folder, 'io');
  const { url, token, child } = await startHeadgate(scope, data, { report });
  return { server: { url, token, root: folder }, root: child.pid, child, report };
}

/** What `work` makes a tree use, once the processes that it started have ended. */
async function used(root, work) {
  const before = usageOf(root);
  await work();
  // A server keeps a shim for its next command: what stays as it is has settled too.
  const settled = async () => {
    for (let [calm, processes] = [0, Number.POSITIVE_INFINITY]; processes > before.processes && calm < CALM; ) {
      await delay(SETTLE_MS);
      const now = usageOf(root).processes;
      calm = now === processes ? calm + 1 : 0;
      processes = now;
    }
  };
  await within(STOP_MS, 'the end of the processes of a command', settled());
  const after = usageOf(root);
  return { cpuSeconds: after.cpuSeconds - before.cpuSeconds, writtenBytes: after.writtenBytes - before.writtenBytes };
}

/** Processor seconds for a gigabyte, after one transfer that does not count. */
async function secondsForGb(root, transfer) {
  const checked = async (times) => {
    for (let time = 0; time < times; time++) seqRate(await transfer());
  };
  await used(root, () => checked(1));
  const { cpuSeconds } = await used(root, () => checked(TIMES));
  return cpuSeconds / ((TIMES * SEQ_BYTES) / 1e9);
}

async function ofALine({ root, lines }, more) {
  const of = (count) =>
    used(root, async () => {
      const us = await lines(count);
      if (us.length !== count) throw new Error(`${us.length} lines arrived instead of ${count}`);
    });
  await of(FEW_LINES);
  const [few, many] = [await of(FEW_LINES), await of(FEW_LINES + more)];
  const difference = (key) => (many[key] - few[key]) / more;
  return { us: difference('cpuSeconds') * 1e6, bytes: difference('writtenBytes') };
}

/** From a server that is ready to the end of its last process, so that what it writes late counts. */
async function diskBytes(client) {
  const scope = new Scope();
  try {
    const { server, root, child, report } = await meteredServer(scope);
    const begun = usageOf(root).writtenBytes;
    for (let time = 0; time < TIMES; time++) seqRate(await client('headgateThroughput', { server, command: SEQ_LINE, carriage: 'raw' }));
    const gone = once(child, 'exit');
    child.kill('SIGTERM');
    await within(STOP_MS, 'the end of the server', gone);
    const folder = scope.folder();
    const plain = join(folder, 'io');
    const [program, ...args] = metered(['/bin/sh', '-c', `${SEQ_LINE} > ${join(folder, 'file')}`], plain);
    await once(spawn(program, args, { stdio: 'ignore' }), 'exit');
    return {
      value: (writtenBytes(report) - begun) / (TIMES * SEQ_BYTES),
      floor: writtenBytes(plain) / SEQ_BYTES,
      peers: limitPeer(DISK_LIMIT, 'bytes'),
    };
  } finally {
    await scope.close();
  }
}
