import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { asBuffers, follow } from '../lib/follow.mjs';
import { killCommandsOf } from '../lib/leftovers.mjs';
import { Scope, within } from '../lib/scope.mjs';
import { startHeadgate } from '../lib/servers.mjs';
import { median } from '../lib/stats.mjs';
import { Wire } from '../lib/wire.mjs';

const TRIALS = 200;
const QUICK_TRIALS = 10;
const FLOOR = 'trials';
/** The kill comes at a random moment of this long after the acceptances; the slow command prints for longer. */
const KILL_WITHIN_MS = 300;
const END_MS = 30_000;
/** A kill before the beginning or after the end of all commands is no trial; so many kills are tried for each. */
const ATTEMPTS_A_TRIAL = 2;

const numbers = (first, last, line) => Array.from({ length: last - first + 1 }, (_, index) => line(first + index)).join('');

/** What runs in every life of the server: `expected` is what it prints, `code` its exit code. A witness says when it began and ended. */
const COMMANDS = [
  {
    name: 'slow',
    script: 'i=0; while [ $i -lt 40 ]; do i=$((i+1)); echo "line $i"; sleep 0.015; done',
    expected: numbers(1, 40, (i) => `line ${i}\n`),
    code: 7,
  },
  {
    name: 'fast',
    script: 'seq 1 60000; sleep 0.2; seq 60001 120000; sleep 0.2; seq 120001 150000',
    expected: numbers(1, 150_000, (i) => `${i}\n`),
    code: 0,
  },
  {
    name: 'characters',
    script:
      'i=0; while [ $i -lt 1500 ]; do i=$((i+1)); printf "\\303\\244\\342\\202\\254\\360\\237\\230\\200 %s\\377" $i; done; sleep 0.4; printf "\\303"',
    expected: Buffer.concat([
      ...Array.from({ length: 1500 }, (_, index) => Buffer.concat([Buffer.from(`ä€😀 ${index + 1}`), Buffer.from([0xff])])),
      Buffer.from([0xc3]),
    ]),
    code: 3,
  },
].map((command) => ({ ...command, expected: Buffer.from(command.expected) }));

export const restart = {
  once: true,
  results: [
    {
      name: 'restart',
      what: `kill -9 of the server while ${COMMANDS.length} commands print: trials after which each byte is there once, each exit code is right and no command was killed`,
      unit: 'trials',
      floor: FLOOR,
      against: FLOOR,
      target: { atLeast: 1 },
    },
  ],
  async measure({ quick }) {
    const wanted = quick ? QUICK_TRIALS : TRIALS;
    const scope = new Scope();
    try {
      const [data, root] = [scope.folder(), scope.folder()];
      scope.add(() => killCommandsOf(data));
      const witness = join(root, 'witness');
      const seen = { good: 0, trials: 0, killed: 0, starts: [] };
      let previous;
      for (let attempt = 0; seen.trials < wanted || previous !== undefined; attempt++) {
        if (attempt > wanted * ATTEMPTS_A_TRIAL) throw new Error(`only ${seen.trials} kills in ${attempt} fell into the output`);
        previous = await life({ data, root, witness, seen, previous, attempt, last: seen.trials + (previous ? 1 : 0) >= wanted });
      }
      return {
        restart: {
          value: seen.good,
          floor: seen.trials,
          peers: {
            'commands checked': seen.trials * COMMANDS.length,
            'commands killed or run twice': seen.killed,
            'start after a kill to ready, ms': median(seen.starts),
          },
        },
      };
    } finally {
      await scope.close();
    }
  },
};

/** One life of the server: judges what the life before it left, starts its own commands and is killed. Returns those. */
async function life({ data, root, witness, seen, previous, attempt, last }) {
  const scope = new Scope();
  try {
    const began = performance.now();
    const { child, ...server } = await startHeadgate(scope, data, { keepCommands: true });
    if (previous) seen.starts.push(performance.now() - began);
    const wire = await Wire.connect({ ...server, root });
    if (previous) await judge({ wire, witness, seen, previous });
    if (last) return undefined;
    const { run } = await wire.call('startRun', { model: 'scripted' });
    const started = [];
    for (const command of COMMANDS) {
      const mark = `${attempt}.${command.name}`;
      const script = `echo 'begin ${mark}' >> '${witness}'; ${command.script}; echo 'end ${mark}' >> '${witness}'; exit ${command.code}`;
      const { path } = await wire.call('sh', { run, command: script });
      started.push({ run, path, mark, command });
    }
    await Promise.all(started.map(({ path }) => wire.accept(run, path)));
    await delay(Math.random() * KILL_WITHIN_MS);
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
    const seenThen = witnesses(witness);
    return started.map((one) => ({ ...one, wasRunning: seenThen.has(`begin ${one.mark}`) && !seenThen.has(`end ${one.mark}`) }));
  } finally {
    await scope.close();
  }
}

async function judge({ wire, witness, seen, previous }) {
  const faults = [];
  for (const { run, path, mark, command } of previous) {
    const parts = [];
    const ended = wire.ended(path);
    await follow(wire, { run, path, take: asBuffers((bytes) => parts.push(bytes)) });
    const { exit_code: code, outcome } = await within(END_MS, `the end of the command ${command.name}`, ended);
    if (!Buffer.concat(parts).equals(command.expected))
      faults.push(`${command.name}: ${Buffer.concat(parts).length} bytes that are not the ${command.expected.length} it printed`);
    if (code !== command.code) faults.push(`${command.name}: exit code ${code} (${outcome}) instead of ${command.code}`);
    const lines = witnesses(witness);
    if (lines.get(`begin ${mark}`) !== 1 || lines.get(`end ${mark}`) !== 1) {
      seen.killed += 1;
      faults.push(`${command.name}: it was killed or ran twice`);
    }
  }
  // Everything is judged, but a kill before the first command began or after the last one ended is no trial when it did no harm.
  if (faults.length === 0 && !previous.some(({ wasRunning }) => wasRunning)) return;
  seen.trials += 1;
  if (faults.length === 0) seen.good += 1;
  else process.stderr.write(`restart, trial ${seen.trials}: ${faults.join('; ')}\n`);
}

/** How often each line stands in the witness. */
function witnesses(file) {
  const counts = new Map();
  let text = '';
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if (error.code !== 'ENOENT') throw error; // The kill came before any command began.
  }
  for (const line of text.split('\n')) if (line !== '') counts.set(line, (counts.get(line) ?? 0) + 1);
  return counts;
}
