#!/usr/bin/env node
/**
 * `npm run torture -- [--seed S] [--seconds N] [--rounds N] [--producers N] [--clients N] [--keep] [--json]`: a real server
 * with many producers and clients, killed with -9 again and again; then every byte, event, exit code and process is accounted
 * for. Exit code 0 when everything held. The seed decides everything but the timing.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Torture } from './torture.mjs';

const say = (line) => process.stderr.write(`${line}\n`);

function options() {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string' },
      seconds: { type: 'string', default: '300' },
      rounds: { type: 'string', default: '10' },
      producers: { type: 'string', default: '12' },
      clients: { type: 'string', default: '8' },
      keep: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    },
  });
  const number = (name) => {
    const value = Number(values[name]);
    if (!Number.isInteger(value) || value < 1) throw new Error(`--${name} takes a whole number from 1`);
    return value;
  };
  return {
    seed: values.seed ?? String(Date.now() % 1_000_000),
    seconds: number('seconds'),
    rounds: number('rounds'),
    producers: number('producers'),
    clients: number('clients'),
    keep: values.keep,
    json: values.json,
  };
}

function totalsText({ seed, rounds, kills, producers, clients, written, carriage, runner, seconds, memoryMiB }) {
  const list = (counts) =>
    Object.entries(counts)
      .map(([name, count]) => `${name} ${count}`)
      .join(', ') || 'none';
  return [
    `seed ${seed}, ${rounds} rounds in ${seconds} s, ${memoryMiB} MiB`,
    `kills: ${list(kills)}`,
    `producers: ${list(producers)}; ${written} bytes`,
    `clients: ${list(clients)}`,
    `carriage: ${carriage}; runner: ${runner}`,
  ].join('\n');
}

async function main() {
  const chosen = options();
  const base = mkdtempSync(join(tmpdir(), 'headgate-torture-'));
  const torture = new Torture({ ...chosen, base, say });
  let interrupted = false;
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.once(signal, () => {
      interrupted = true;
      torture.interrupt();
    });
  }
  say(`torture: seed ${chosen.seed}, ${chosen.seconds} s, folder ${base}`);
  const violations = await torture.run();
  console.log(chosen.json ? JSON.stringify({ ...torture.totals, violations }) : totalsText(torture.totals));
  for (const { message, ...where } of violations.slice(0, 20)) say(`VIOLATION seed ${chosen.seed} ${JSON.stringify(where)}: ${message}`);
  if (violations.length > 0 || chosen.keep) say(`the folder is kept: ${base}`);
  else rmSync(base, { recursive: true, force: true, maxRetries: 3 });
  // What was cut short is not waited for; what has ended properly leaves nothing that would keep the process.
  if (violations.length > 0) process.exit(1);
  if (interrupted) process.exit(130);
}

try {
  await main();
} catch (error) {
  say(`torture: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 2;
}
