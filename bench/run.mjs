#!/usr/bin/env node
/**
 * `npm run bench [-- --quick] [--runs N] [--only NAME]... [--soak-bytes N] [--codex | --codex-from FOLDER] [--profile]`: measures, prints the table,
 * and writes results.json, plots and the tables of README.md. What was reduced (--quick, --only, --soak-bytes) goes to bench/.work
 * instead. Everything is on loopback and in temporary folders; nothing that it started outlives it.
 */
import { backends } from './cases/backends.mjs';
import { coldStart } from './cases/cold-start.mjs';
import { costs } from './cases/costs.mjs';
import { deletion } from './cases/deletion.mjs';
import { digest } from './cases/digest.mjs';
import { fanOut } from './cases/fan-out.mjs';
import { flat } from './cases/flat.mjs';
import { latency } from './cases/latency.mjs';
import { coldLaunch, launch } from './cases/launch.mjs';
import { manyProducers } from './cases/many-producers.mjs';
import { memory } from './cases/memory.mjs';
import { portal } from './cases/portal.mjs';
import { profile } from './cases/profile.mjs';
import { redaction } from './cases/redaction.mjs';
import { remoteRunner } from './cases/remote-runner.mjs';
import { restart } from './cases/restart.mjs';
import { stalledClient } from './cases/stalled-client.mjs';
import { storeOverhead } from './cases/store-overhead.mjs';
import { throughput } from './cases/throughput.mjs';
import { startClient } from './lib/client.mjs';
import { prepareCodex } from './lib/codex.mjs';
import { parseOptions } from './lib/options.mjs';
import { writeProfile, writeReport } from './lib/outcome.mjs';
import { WITHOUT_CODEX } from './lib/peers.mjs';
import { failure, machine, missed, summarise, table } from './lib/report.mjs';
import { Scope } from './lib/scope.mjs';
import { available, startFloor, startHeadgate } from './lib/servers.mjs';

const CASES = [
  throughput,
  latency,
  remoteRunner,
  launch,
  coldLaunch,
  costs,
  fanOut,
  stalledClient,
  flat,
  storeOverhead,
  digest,
  redaction,
  coldStart,
  manyProducers,
  memory,
  deletion,
  restart,
  portal,
  ...backends,
];
const NAMES = CASES.flatMap((one) => one.results.map(({ name }) => name));
const say = (line) => process.stderr.write(`${line}\n`);
const messageOf = (error) => (error instanceof Error ? error.message : String(error));

/** All runs of one case, with what they share: its folders and, where it drives one, a server. A case that fails is a result too. */
async function measure(one, wanted, options) {
  const scope = new Scope();
  const runs = one.once ? 1 : options.runs;
  try {
    const client = one.drivesServer || one.drivesClient ? startClient(scope) : undefined;
    const context = { ...options, scope, client, memo: {}, ...(one.drivesServer ? await servers(scope) : {}) };
    const measured = [];
    for (let run = 1; run <= runs; run++) {
      say(`${wanted.map(({ name }) => name).join(', ')}: run ${run} of ${runs}`);
      measured.push(await one.measure(context));
    }
    return wanted.map((spec) =>
      summarise(
        spec,
        measured.map((run) => run[spec.name]),
      ),
    );
  } catch (error) {
    process.exitCode = 1;
    say(`${wanted.map(({ name }) => name).join(', ')}: ${messageOf(error)}`);
    return wanted.map((spec) => failure(spec, messageOf(error).split('\n')[0]));
  } finally {
    await scope.close();
  }
}

async function servers(scope) {
  const { url, token, pid } = await startHeadgate(scope, scope.folder());
  return { server: { url, token, pid, root: scope.folder() }, floor: await startFloor(scope) };
}

async function measureAll(options) {
  const has = { websocketd: available('websocketd', '--version'), tmux: available('tmux', '-V') };
  for (const [name, here] of Object.entries(has))
    if (!here) say(`${name} is not installed (Debian: apt-get install ${name}); what is measured against it is left blank`);
  if (!options.wantsCodex) say(`Codex is not measured: ${WITHOUT_CODEX}`);
  const scope = new Scope();
  const codex = options.wantsCodex ? prepareCodex(scope, options.codexFrom) : null;
  const results = [];
  for (const one of CASES) {
    const wanted = one.results.filter(({ name }) => options.only.length === 0 || options.only.includes(name));
    if (wanted.length > 0 && !interrupted) results.push(...(await measure(one, wanted, { ...options, has, codex })));
  }
  await scope.close();
  return results;
}

async function main() {
  const options = parseOptions(process.argv.slice(2), NAMES);
  const report = { machine: machine(), at: new Date().toISOString(), reduced: options.reduced };
  if (!options.profileOnly) {
    const results = await measureAll(options);
    if (interrupted) return;
    console.log(table(results));
    for (const line of missed(results)) console.log(`target not met: ${line}`);
    say(`written to ${writeReport({ ...report, results })}`);
  }
  if (options.only.length > 0) return;
  say('profile');
  const profiled = await profile();
  if (!interrupted) say(`written to ${writeProfile(report, profiled)}`);
}

let interrupted = false;
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    interrupted = true;
    void Scope.closeAll().then(() => process.exit(1));
  });
}
try {
  await main();
} catch (error) {
  say(`bench: ${messageOf(error)}`);
  process.exitCode = 1;
} finally {
  await Scope.closeAll();
}
