// The measuring side, a process of its own: takes {job, ...} over IPC and answers {result} or {error}.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import WebSocket from 'ws';
import { Arrivals } from './arrivals.mjs';
import { nowMs, paced } from './clock.mjs';
import { codexJobs } from './codex-jobs.mjs';
import { fanOutJobs } from './fan-out-jobs.mjs';
import { manyJobs } from './many-jobs.mjs';
import { Sink } from './sink.mjs';
import { streamJobs } from './stream-jobs.mjs';
import { Wire } from './wire.mjs';

/** A raw WebSocket whose messages are the output of a command; `command` is sent first where the server wants one. */
function openRaw({ url, command }, onData) {
  const socket = new WebSocket(url, { perMessageDeflate: false });
  if (command !== undefined) socket.once('open', () => socket.send(JSON.stringify({ command })));
  socket.on('message', onData);
  return socket;
}

/** Milliseconds from the start of a program to its first byte. */
async function spawnedMs([program, ...args]) {
  const start = nowMs();
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'ignore'] });
  await once(child.stdout, 'data');
  const took = nowMs() - start;
  await once(child, 'close');
  return took;
}

const jobs = {
  ...streamJobs,
  ...manyJobs,
  ...fanOutJobs,
  ...codexJobs,

  /** Seconds to the end, and bytes received, from a server that starts the command when it is asked or connected to. */
  async rawThroughput(target) {
    const sink = new Sink();
    const start = nowMs();
    const socket = openRaw(target, (data) => sink.take(data));
    await once(socket, 'close');
    return sink.result((nowMs() - start) / 1000);
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

  /**
   * Milliseconds from the first request to the first byte of a command, with a pause before each. `rule` allows the command, so
   * that `sh` alone starts it; without one it is proposed and accepted. The client follows every log, as a client of a run does.
   */
  async headgateStart({ server, command, times, pauseMs, rule }) {
    const wire = await Wire.connect(server);
    const added = rule === undefined ? undefined : await wire.call('policy/add', { decision: 'allow', rule });
    const { run } = await wire.call('startRun', { model: 'scripted' });
    await wire.call('stream/subscribe', { run, pattern: 'log://**', from: 'start' });
    const results = await paced(times, pauseMs, async () => {
      const first = wire.next('stream/chunk').then(nowMs);
      const ended = wire.next('stream/ended');
      const start = nowMs();
      const { path } = await wire.call('sh', { run, command });
      if (rule === undefined) await wire.accept(run, path);
      const took = (await first) - start;
      await ended;
      return took;
    });
    if (added !== undefined) await wire.call('policy/remove', { id: added.id });
    await wire.close();
    return results;
  },

  async spawnLaunch({ command, count }) {
    const times = [];
    for (let done = 0; done < count; done++) times.push(await spawnedMs(command));
    return times;
  },

  /** The same with a pause before each. */
  spawnStart: ({ command, times, pauseMs }) => paced(times, pauseMs, () => spawnedMs(command)),

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
