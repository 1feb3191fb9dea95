import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Scope } from '../lib/scope.mjs';
import { startHeadgate, startWebsocketd } from '../lib/servers.mjs';

const FLOOR = 'node -e 0';

async function startMs(start) {
  const scope = new Scope();
  try {
    const began = performance.now();
    await start(scope);
    return performance.now() - began;
  } finally {
    await scope.close();
  }
}

async function nodeMs() {
  const began = performance.now();
  await once(spawn(process.execPath, ['-e', '0'], { stdio: 'ignore' }), 'exit');
  return performance.now() - began;
}

export const coldStart = {
  results: [
    {
      name: 'cold-start',
      what: '`headgate serve` on an existing data folder to ready',
      unit: 'ms',
      floor: FLOOR,
      against: FLOOR,
      target: { atMost: 3 },
    },
  ],
  async measure({ scope, has }) {
    const folder = scope.folder();
    const first = await startMs((own) => startHeadgate(own, folder));
    const value = await startMs((own) => startHeadgate(own, folder));
    const peers = {
      'headgate serve, new data folder': first,
      websocketd: has.websocketd ? await startMs((own) => startWebsocketd(own, [], ['true'])) : null,
    };
    return { 'cold-start': { value, floor: await nodeMs(), peers } };
  },
};
