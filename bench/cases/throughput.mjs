import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { CODEX, WEBSOCKETD, withWebsocketd } from '../lib/peers.mjs';
import { pipePaneSeconds } from '../lib/pipe-pane.mjs';
import { Scope } from '../lib/scope.mjs';
import { SEQ, SEQ_BYTES, SEQ_LINE, seqRate } from '../lib/seq.mjs';

async function pipeRate() {
  const start = performance.now();
  const [code] = await once(spawn('/bin/sh', ['-c', `${SEQ_LINE} | cat > /dev/null`], { stdio: 'ignore' }), 'close');
  if (code !== 0) throw new Error(`the plain pipe ended with ${code}`);
  return SEQ_BYTES / 1e3 / (performance.now() - start);
}

async function pipePaneRate() {
  const scope = new Scope();
  try {
    return SEQ_BYTES / 1e6 / (await pipePaneSeconds(scope, SEQ_LINE));
  } finally {
    await scope.close();
  }
}

const result = (name, frames, against, atLeast) => ({
  name,
  what: `\`${SEQ_LINE}\` (38.9 MB) -> stored -> one client that copies each byte, ${frames} frames`,
  unit: 'MB/s',
  floor: 'child -> Node -> ws client, nothing stored',
  against,
  target: { atLeast },
});

/** All of them take turns in each run, and each client copies every byte; bytes that are not the command's fail the case. */
export const throughput = {
  results: [
    result('throughput-json', 'JSON', CODEX, 1.2),
    result('throughput-raw', 'binary', CODEX, 1.5),
    result('throughput-raw-websocketd', 'binary', WEBSOCKETD, 0.9),
  ],
  drivesServer: true,
  async measure({ client, server, floor: floorServer, has, codex, memo }) {
    const ours = async (carriage) => seqRate(await client('headgateThroughput', { server, command: SEQ_LINE, carriage }));
    const theirs = async () => (codex === null ? null : seqRate(await client('codexThroughput', { codex, command: SEQ })));
    memo.warm ??= [await ours('json'), await theirs(), await ours('raw')];
    const json = await ours('json');
    const codexRate = await theirs();
    const raw = await ours('raw');
    const peers = {
      [CODEX]: codexRate,
      [WEBSOCKETD]: has.websocketd
        ? seqRate(await withWebsocketd(client, 'rawThroughput', { flags: ['--binary=true'], command: SEQ }))
        : null,
      'tmux pipe-pane': has.tmux ? await pipePaneRate() : null,
      'plain pipe (seq | cat)': await pipeRate(),
    };
    const floor = seqRate(await client('rawThroughput', { url: floorServer.url, command: SEQ }));
    const rawResult = { value: raw, floor, peers };
    return { 'throughput-json': { value: json, floor, peers }, 'throughput-raw': rawResult, 'throughput-raw-websocketd': rawResult };
  },
};
