// The measuring side, a process of its own: takes {job, ...} over IPC and answers {result} or {error}.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import WebSocket from 'ws';
import { fanOutJobs } from './fan-out-jobs.mjs';
import { manyJobs } from './many-jobs.mjs';
import { streamJobs } from './stream-jobs.mjs';
import { Wire } from './wire.mjs';

const nowMs = () => Number(process.hrtime.bigint()) / 1e6;

/** Collects, from pieces of a ticker's output, how long each line took to get here (microseconds). */
class Arrivals {
  us = [];
  #rest = '';

  take(text) {
    const at = process.hrtime.bigint();
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop();
    for (const line of lines) if (line !== '') this.us.push(Number(at - BigInt(line)) / 1000);
  }
}

/** A raw WebSocket whose messages are the output of a command; `command` is sent first where the server wants one. */
function openRaw({ url, command }, onData) {
  const socket = new WebSocket(url, { perMessageDeflate: false });
  if (command !== undefined) socket.once('open', () => socket.send(JSON.stringify({ command })));
  socket.on('message', onData);
  return socket;
}

const jobs = {
  ...streamJobs,
  ...manyJobs,
  ...fanOutJobs,

  /** Seconds to the end, and bytes received, from a server that starts the command when it is asked or connected to. */
  async rawThroughput(target) {
    let bytes = 0;
    const start = nowMs();
    const socket = openRaw(target, (data) => {
      bytes += data.length;
    });
    await once(socket, 'close');
    return { seconds: (nowMs() - start) / 1000, bytes };
  },

  async headgateLatency({ server, command, place }) {
    const wire = await Wire.connect(server);
    const { run } = await wire.call('startRun', { model: 'scripted' });
    const path = await wire.propose(run, command, place);
    const arrivals = new Arrivals();
    wire.listeners.set('stream/chunk', ({ channel, chunk }) => channel === 1 && arrivals.take(chunk));
    const ended = wire.next('stream/ended');
    await wire.accept(run, path);
    await ended;
    await wire.close();
    return arrivals.us;
  },

  async rawLatency(target) {
    const arrivals = new Arrivals();
    const socket = openRaw(target, (data) => arrivals.take(target.lines === true ? `${data}\n` : String(data)));
    await once(socket, 'close');
    return arrivals.us;
  },

  /** Seconds from the start of a tool to the end of its output, and bytes received. */
  async pipeThroughput({ command: [program, ...args] }) {
    let bytes = 0;
    const start = nowMs();
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'ignore'] });
    child.stdout.on('data', (data) => {
      bytes += data.length;
    });
    await once(child, 'close');
    return { seconds: (nowMs() - start) / 1000, bytes };
  },

  async pipeLatency({ command: [program, ...args] }) {
    const arrivals = new Arrivals();
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'ignore'] });
    child.stdout.on('data', (data) => arrivals.take(String(data)));
    await once(child, 'close');
    return arrivals.us;
  },

  /** Milliseconds from acceptance to the first byte, `count` times one after another. */
  async headgateLaunch({ server, command, count }) {
    const wire = await Wire.connect(server);
    const { run } = await wire.call('startRun', { model: 'scripted' });
    const times = [];
    for (let done = 0; done < count; done++) {
      const path = await wire.propose(run, command);
      const first = wire.next('stream/chunk').then(nowMs);
      const ended = wire.next('stream/ended');
      const start = nowMs();
      void wire.accept(run, path);
      times.push((await first) - start);
      await ended;
    }
    await wire.close();
    return times;
  },

  async spawnLaunch({ command: [program, ...args], count }) {
    const times = [];
    for (let done = 0; done < count; done++) {
      const start = nowMs();
      const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'ignore'] });
      await once(child.stdout, 'data');
      times.push(nowMs() - start);
      await once(child, 'close');
    }
    return times;
  },

  async rawLaunch({ count, ...target }) {
    const times = [];
    for (let done = 0; done < count; done++) {
      const start = nowMs();
      let first;
      const socket = openRaw(target, () => (first ??= nowMs()));
      await once(socket, 'close');
      times.push(first - start);
    }
    return times;
  },
};

// What a listener throws is the job's failure.
process.on('uncaughtException', ({ message }) => process.send({ error: message }));

process.on('message', async ({ job, ...params }) => {
  try {
    process.send({ result: await jobs[job](params) });
  } catch (error) {
    process.send({ error: error instanceof Error ? error.message : String(error) });
  }
});
