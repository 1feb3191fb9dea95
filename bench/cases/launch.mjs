import { CODEX, withWebsocketd } from '../lib/peers.mjs';
import { median } from '../lib/stats.mjs';

const LINE = 'echo started';
const COMMAND = ['/bin/sh', '-c', LINE];
const FLOOR = 'spawn from Node';
const PAUSE_MS = 30;

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
    const peers = {
      'websocketd (connect to first message)': has.websocketd
        ? median(await withWebsocketd(client, 'rawLaunch', { command: COMMAND, count }))
        : null,
    };
    return { launch: { value, floor, peers } };
  },
};

const start = (name, what, atMost) => ({
  name,
  what: `${what} to the first byte of \`echo\` at the client, one command every ${PAUSE_MS} ms`,
  unit: 'ms',
  floor: FLOOR,
  against: CODEX,
  target: { atMost },
});

/** From the first request, where everything is cold: no loop keeps the server's code and pages near. */
export const coldLaunch = {
  results: [
    start('start-allowed', 'one call of `sh` that a rule allows', 1.2),
    start('start-accepted', '`sh` and the call that accepts it', 2),
  ],
  drivesServer: true,
  async measure({ client, server, codex, memo, quick }) {
    const pace = { times: quick ? 15 : 40, pauseMs: PAUSE_MS };
    const ours = async (rule) => median(await client('headgateStart', { server, command: LINE, rule, ...pace }));
    memo.warm ??= await ours();
    const allowed = await ours(`sh(${LINE})`);
    const peers = { [CODEX]: codex === null ? null : median(await client('codexStart', { codex, command: COMMAND, ...pace })) };
    const accepted = await ours();
    const floor = median(await client('spawnStart', { command: COMMAND, ...pace }));
    return { 'start-allowed': { value: allowed, floor, peers }, 'start-accepted': { value: accepted, floor, peers } };
  },
};
