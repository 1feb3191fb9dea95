import { Scope } from '../lib/scope.mjs';
import { startWebsocketd } from '../lib/servers.mjs';
import { median } from '../lib/stats.mjs';

const LINE = 'echo started';
const COMMAND = ['/bin/sh', '-c', LINE];
const FLOOR = 'spawn from Node';

export const launch = {
  results: [
    {
      name: 'launch',
      what: 'acceptance to the first byte of `echo` at the client',
      unit: 'ms',
      floor: FLOOR,
      against: FLOOR,
      target: { atMost: 2.5 },
    },
  ],
  drivesServer: true,
  async measure({ client, server, has, quick }) {
    const count = quick ? 15 : 40;
    const value = median(await client('headgateLaunch', { server, command: LINE, count }));
    const floor = median(await client('spawnLaunch', { command: COMMAND, count }));
    const peers = { 'websocketd (connect to first message)': has.websocketd ? median(await websocketdLaunch(client, count)) : null };
    return { launch: { value, floor, peers } };
  },
};

async function websocketdLaunch(client, count) {
  const scope = new Scope();
  try {
    return await client('rawLaunch', { url: await startWebsocketd(scope, [], COMMAND), count });
  } finally {
    await scope.close();
  }
}
