#!/usr/bin/env node
/**
 * `npm run bench [-- --quick] [--runs N] [--only NAME]...`: measures, prints the table, writes bench/results.json and the
 * table in bench/README.md (not with --only). Everything is on loopback and in temporary folders.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { coldStart } from './cases/cold-start.mjs';
import { flat } from './cases/flat.mjs';
import { latency } from './cases/latency.mjs';
import { launch } from './cases/launch.mjs';
import { storeOverhead } from './cases/store-overhead.mjs';
import { throughput } from './cases/throughput.mjs';
import { startClient } from './lib/client.mjs';
import { machine, summarise, table, withReport } from './lib/report.mjs';
import { Scope } from './lib/scope.mjs';
import { available, startFloor, startHeadgate } from './lib/servers.mjs';

const CASES = [throughput, latency, launch, flat, storeOverhead, coldStart];
const NAMES = CASES.flatMap((one) => one.results.map(({ name }) => name));
const at = (name) => new URL(name, import.meta.url);
const say = (line) => process.stderr.write(`${line}\n`);

function options() {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      runs: { type: 'string' },
      only: { type: 'string', multiple: true, default: [] },
    },
  });
  const runs = Number(values.runs ?? (values.quick ? 2 : 5));
  if (!Number.isInteger(runs) || runs < 1) throw new Error('--runs takes a whole number from 1');
  for (const name of values.only) if (!NAMES.includes(name)) throw new Error(`there is no ${name}; there are: ${NAMES.join(', ')}`);
  return { quick: values.quick, runs, only: values.only };
}

/** All runs of one case, with what they share: its folders and, where it drives one, a server. */
async function measure(one, wanted, { quick, runs, has }, parent) {
  const scope = new Scope();
  parent.add(() => scope.close());
  const context = { scope, quick, has, memo: {}, ...(one.drivesServer ? await serverAndClient(scope) : {}) };
  const measured = [];
  for (let run = 1; run <= runs; run++) {
    say(`${wanted.map(({ name }) => name).join(', ')}: run ${run} of ${runs}`);
    measured.push(await one.measure(context));
  }
  await scope.close();
  return wanted.map((spec) =>
    summarise(
      spec,
      measured.map((run) => run[spec.name]),
    ),
  );
}

async function serverAndClient(scope) {
  const { url, token } = await startHeadgate(scope, scope.folder());
  return { server: { url, token, root: scope.folder() }, floor: await startFloor(scope), client: startClient(scope) };
}

async function measureAll({ quick, runs, only }, scope) {
  const has = { websocketd: available('websocketd', '--version'), tmux: available('tmux', '-V') };
  for (const [name, here] of Object.entries(has))
    if (!here) say(`${name} is not installed (Debian: apt-get install ${name}); what is measured against it is left blank`);
  const results = [];
  for (const one of CASES) {
    const wanted = one.results.filter(({ name }) => only.length === 0 || only.includes(name));
    if (wanted.length > 0) results.push(...(await measure(one, wanted, { quick, runs, has }, scope)));
  }
  return results;
}

const scope = new Scope();
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void scope.close().then(() => process.exit(1)));
try {
  const chosen = options();
  const results = await measureAll(chosen, scope);
  const report = { machine: machine(), at: new Date().toISOString(), results };
  console.log(table(results));
  if (chosen.only.length === 0) {
    writeFileSync(at('results.json'), `${JSON.stringify(report, null, 2)}\n`);
    writeFileSync(at('README.md'), withReport(readFileSync(at('README.md'), 'utf8'), report));
  }
} catch (error) {
  say(`bench: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
} finally {
  await scope.close();
}
