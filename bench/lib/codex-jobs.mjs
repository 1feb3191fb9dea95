import { spawn } from 'node:child_process';
import { Arrivals } from './arrivals.mjs';
import { nowMs, paced } from './clock.mjs';
import { LineSplitter } from './line-splitter.mjs';
import { Rpc } from './rpc.mjs';
import { Sink } from './sink.mjs';

/** `codex app-server` over its standard input and output, one for the process; it ends with its input. */
let opened;

async function open({ words, env, cwd }) {
  const [program, ...args] = words;
  const child = spawn(program, args, { env, cwd, stdio: ['pipe', 'pipe', 'ignore'] });
  const rpc = new Rpc((message) => child.stdin.write(`${JSON.stringify(message)}\n`));
  const lines = new LineSplitter((line) => rpc.take(JSON.parse(line)));
  child.stdout.on('data', (data) => lines.take(data));
  child.once('close', () => rpc.fail('codex app-server ended'));
  await rpc.call('initialize', { clientInfo: { name: 'bench', title: 'bench', version: '0' } });
  child.stdin.write('{"method":"initialized"}\n');
  return { rpc, pid: child.pid };
}

let count = 0;

/** Runs a command, and gives each delta's text, which is base64. Resolves at its end. */
async function exec(codex, command, onDelta) {
  const { rpc } = await (opened ??= open(codex));
  const processId = `bench-${++count}`;
  rpc.listeners.set('command/exec/outputDelta', (params) => params.processId === processId && onDelta(params.deltaBase64));
  const options = { streamStdoutStderr: true, disableOutputCap: true, disableTimeout: true };
  const { exitCode } = await rpc.call('command/exec', { command, processId, ...options, sandboxPolicy: { type: 'dangerFullAccess' } });
  if (exitCode !== 0) throw new Error(`the command ended with ${exitCode}`);
}

export const codexJobs = {
  /** Starts it where it does not run yet, and returns the process that its tree hangs from. */
  async codexPid({ codex }) {
    return (await (opened ??= open(codex))).pid;
  },

  async codexThroughput({ codex, command }) {
    await (opened ??= open(codex));
    const sink = new Sink();
    const start = nowMs();
    await exec(codex, command, (delta) => sink.take(delta, 'base64'));
    return sink.result((nowMs() - start) / 1000);
  },

  async codexLatency({ codex, command }) {
    const arrivals = new Arrivals();
    await exec(codex, command, (delta) => arrivals.take(String(Buffer.from(delta, 'base64'))));
    return arrivals.us;
  },

  /** Milliseconds from the request to the first byte. */
  async codexStart({ codex, command, times, pauseMs }) {
    await (opened ??= open(codex));
    return paced(times, pauseMs, async () => {
      let first;
      const start = nowMs();
      await exec(codex, command, () => (first ??= nowMs()));
      return first - start;
    });
  },
};
