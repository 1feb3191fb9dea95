import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { pipePaneSeconds } from '../lib/pipe-pane.mjs';
import { Scope } from '../lib/scope.mjs';
import { startWebsocketd } from '../lib/servers.mjs';

const COMMAND = ['seq', '1', '5000000'];
const BYTES = 38_888_896;
const WEBSOCKETD = 'websocketd --binary';

async function pipeSeconds() {
  const start = performance.now();
  const [code] = await once(spawn('/bin/sh', ['-c', `${COMMAND.join(' ')} | cat > /dev/null`], { stdio: 'ignore' }), 'close');
  if (code !== 0) throw new Error(`the plain pipe ended with ${code}`);
  return (performance.now() - start) / 1000;
}

/** Megabytes a second; `bytes` is what has to have arrived. */
function rate({ seconds, bytes }) {
  if (bytes !== BYTES) throw new Error(`${bytes} bytes arrived instead of ${BYTES}`);
  return BYTES / 1e6 / seconds;
}

async function websocketdRate(client) {
  const scope = new Scope();
  try {
    const url = await startWebsocketd(scope, ['--binary=true'], COMMAND);
    return rate(await client('rawThroughput', { url }));
  } finally {
    await scope.close();
  }
}

async function pipePaneRate() {
  const scope = new Scope();
  try {
    return BYTES / 1e6 / (await pipePaneSeconds(scope, COMMAND.join(' ')));
  } finally {
    await scope.close();
  }
}

const result = (name, frames, target) => ({
  name,
  what: `\`${COMMAND.join(' ')}\` (38.9 MB) -> SQLite -> one client, ${frames} frames`,
  unit: 'MB/s',
  floor: 'child -> Node -> ws client, nothing stored',
  against: WEBSOCKETD,
  target,
});

/** One case for each carriage, so that a server without one of them is still measured in the other. */
const throughput = (carriage, spec) => ({
  results: [spec],
  drivesServer: true,
  async measure({ client, server, floor, has }) {
    const value = rate(await client('headgateThroughput', { server, command: COMMAND.join(' '), carriage }));
    const floorValue = rate(await client('rawThroughput', { url: floor.url, command: COMMAND }));
    const peers = {
      [WEBSOCKETD]: has.websocketd ? await websocketdRate(client) : null,
      'tmux pipe-pane': has.tmux ? await pipePaneRate() : null,
      'plain pipe (seq | cat)': rate({ seconds: await pipeSeconds(), bytes: BYTES }),
    };
    return { [spec.name]: { value, floor: floorValue, peers } };
  },
});

export const throughputJson = throughput('json', result('throughput-json', 'JSON', { atLeast: 0.6, moonshot: 0.9 }));
export const throughputBinary = throughput('raw', result('throughput-binary', 'binary', { atLeast: 1.2, moonshot: 1.6 }));
