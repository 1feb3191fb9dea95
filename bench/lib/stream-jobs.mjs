import { once } from 'node:events';
import WebSocket from 'ws';
import { checker } from './block.mjs';
import { nowMs, paced } from './clock.mjs';
import { asBuffers, bestCarriage, follow } from './follow.mjs';
import { Sink } from './sink.mjs';
import { Wire } from './wire.mjs';

/** Accepts, waits for the end at every reader, and returns how long that took and what each reader got. */
async function accepted(wires, readings, run, path) {
  const ends = wires.map((wire) => wire.ended(path));
  const start = nowMs();
  await wires[0].accept(run, path);
  const codes = (await Promise.all(ends)).map(({ exit_code: code }) => code);
  const seconds = (nowMs() - start) / 1000;
  if (codes.some((code) => code !== 0)) throw new Error(`the command ended with ${codes.join(', ')}`);
  return { seconds, bytes: readings.map((reading) => reading.bytes()) };
}

let fleet;
let held;
let pinging;

async function pingMs(wire) {
  const start = nowMs();
  await wire.call('ping');
  return nowMs() - start;
}

export const streamJobs = {
  /** Seconds from acceptance to the end, and the bytes that arrived; `place` says where it runs: runner, backend and what goes with it. */
  async headgateThroughput({ server, command, carriage, place, redact }) {
    const wire = await Wire.connect(server);
    const { run } = await wire.call('startRun', { model: 'scripted' });
    const { path } = await wire.call('sh', { run, command, ...place });
    const sink = new Sink();
    const reading = await follow(wire, { run, path, carriage, redact, take: sink.take });
    const { seconds } = await accepted([wire], [reading], run, path);
    await wire.close();
    return sink.result(seconds);
  },

  /** The same with numbered blocks, each byte compared with what its offset says. */
  async headgateSoak({ server, command, carriage }) {
    const wire = await Wire.connect(server);
    const { run } = await wire.call('startRun', { model: 'scripted' });
    const { path } = await wire.call('sh', { run, command });
    const reading = await follow(wire, { run, path, carriage, take: asBuffers(checker()) });
    const { seconds, bytes } = await accepted([wire], [reading], run, path);
    await wire.close();
    return { seconds, bytes: bytes[0], run };
  },

  /** Deletes a run; milliseconds until the response. */
  async headgateDelete({ server, run }) {
    const wire = await Wire.connect(server);
    const start = nowMs();
    await wire.call('run/delete', { run });
    const took = nowMs() - start;
    await wire.close();
    return took;
  },

  /** Pings the server about every millisecond, until `pingStop`, which returns how long each ping took (milliseconds). */
  async pingStart({ server }) {
    const wire = await Wire.connect(server);
    const stop = new AbortController();
    const loop = async () => {
      const times = [];
      while (!stop.signal.aborted) times.push(...(await paced(1, 1, () => pingMs(wire))));
      await wire.close();
      return times;
    };
    pinging = { stop, times: loop() };
  },

  pingStop() {
    pinging.stop.abort();
    return pinging.times;
  },

  /** `raw` where the server has it. */
  async carriage({ server }) {
    const wire = await Wire.connect(server);
    const carriage = await bestCarriage(wire);
    await wire.close();
    return carriage;
  },

  /** Many readers of one command, in two steps: after the first everything stands but the acceptance. */
  async fleetOpen({ server, command, carriage, clients }) {
    const wires = await Promise.all(Array.from({ length: clients }, () => Wire.connect(server)));
    const { run } = await wires[0].call('startRun', { model: 'scripted' });
    const { path } = await wires[0].call('sh', { run, command });
    const readings = [];
    for (const wire of wires) readings.push(await follow(wire, { run, path, carriage }));
    fleet = { wires, readings, run, path };
    return { run, path };
  },

  async fleetRun() {
    const { wires, readings, run, path } = fleet;
    const result = await accepted(wires, readings, run, path);
    await Promise.all(wires.map((wire) => wire.close()));
    return result;
  },

  /** One more reader, which stays connected. */
  async holdOpen({ server, run, path, carriage }) {
    held = await Wire.connect(server);
    await follow(held, { run, path, carriage });
  },

  /** Many readers of one command of the floor server. */
  async rawFleet({ url, command, clients, total }) {
    const sockets = Array.from({ length: clients }, () => new WebSocket(url, { perMessageDeflate: false }));
    const ends = sockets.map(
      (socket) =>
        new Promise((resolve) => {
          let bytes = 0;
          socket.on('message', (data) => (bytes += data.length) >= total && resolve(bytes));
        }),
    );
    await Promise.all(sockets.map((socket) => once(socket, 'open')));
    const start = nowMs();
    sockets[0].send(JSON.stringify({ commands: [command] }));
    const bytes = await Promise.all(ends);
    const seconds = (nowMs() - start) / 1000;
    for (const socket of sockets) socket.terminate();
    return { seconds, bytes };
  },
};
