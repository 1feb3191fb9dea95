import { once } from 'node:events';
import WebSocket from 'ws';
import { percentile } from './stats.mjs';
import { Tally } from './tallies.mjs';
import { Wire } from './wire.mjs';

/** Proposals and acceptances under way at once. */
const ABREAST = 8;

let open;

/** Waits until every reader has heard that all of them are ready. */
async function allReady(tallies, commands) {
  await Promise.all(tallies.map((tally) => tally.until(({ ready }) => ready >= commands.length)));
}

/** Many producers, several readers, in two steps: between them the caller lets the producers begin. */
export const manyJobs = {
  async headgateManyStart({ server, commands, readers }) {
    const wires = await Promise.all(Array.from({ length: readers }, () => Wire.connect(server)));
    const [first] = wires;
    const { run } = await first.call('startRun', { model: 'scripted' });
    const tallies = wires.map((wire) => {
      const tally = new Tally();
      wire.listeners.set('stream/chunk', ({ path, chunk }) => tally.take(path, chunk));
      return tally;
    });
    for (const wire of wires) await wire.call('stream/subscribe', { run, pattern: 'log://**', channel: 1, from: 'start' });
    const waiting = [...commands];
    const worker = async () => {
      for (let command = waiting.shift(); command !== undefined; command = waiting.shift()) {
        const { path } = await first.call('sh', { run, command });
        await first.accept(run, path);
      }
    };
    await Promise.all(Array.from({ length: ABREAST }, worker));
    await allReady(tallies, commands);
    open = { tallies, close: () => Promise.all(wires.map((wire) => wire.close())) };
  },

  async rawManyStart({ url, commands, readers }) {
    const sockets = Array.from({ length: readers }, () => new WebSocket(url, { perMessageDeflate: false }));
    const tallies = sockets.map((socket) => {
      const tally = new Tally();
      // A line is one write, so lines of different producers do not mix.
      socket.on('message', (data) => tally.take('', String(data)));
      return tally;
    });
    await Promise.all(sockets.map((socket) => once(socket, 'open')));
    sockets[0].send(JSON.stringify({ commands }));
    await allReady(tallies, commands);
    open = { tallies, close: async () => sockets.forEach((socket) => socket.terminate()) };
  },

  /** Until every reader has `expected` lines or `limitMs` have passed. Returns what each got and the latency over all of them. */
  async manyCollect({ expected, limitMs }) {
    const { tallies, close } = open;
    let timer;
    const late = new Promise((resolve) => (timer = setTimeout(resolve, limitMs)));
    await Promise.race([Promise.all(tallies.map((tally) => tally.until(({ received }) => received >= expected))), late]);
    clearTimeout(timer);
    const latencies = tallies.flatMap((tally) => tally.latenciesMs);
    await close();
    return {
      received: tallies.map(({ received }) => received),
      outOfOrder: tallies.reduce((sum, tally) => sum + tally.outOfOrder, 0),
      p50: percentile(latencies, 50),
      p99: percentile(latencies, 99),
      max: percentile(latencies, 100),
    };
  },
};
