import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { killCommandsOf } from './leftovers.mjs';
import { metered } from './metered.mjs';
import { within } from './scope.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
export const MAIN = fileURLToPath(new URL('../../dist/src/main.js', import.meta.url));
const START_MS = 20_000;

/** The first line that a process prints, or a rejection with what it said on stderr. */
async function firstLine(child, what) {
  let complaint = '';
  child.stderr?.on('data', (data) => (complaint += data));
  const lines = createInterface({ input: child.stdout });
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`${what} ended with ${code}: ${complaint}`);
  });
  const [line] = await within(START_MS, `the start of ${what}`, Promise.race([once(lines, 'line'), ended]));
  return line;
}

/**
 * A real `headgate serve` on a data folder. Returns what it says when it is ready.
 *
 * @param options - `nodeFlags` for Node itself; `entry` instead of the bundled command; `keepCommands` leaves running what the scope's end would otherwise end;
 * `report` is a file for what its whole tree has used (metered.mjs), which hangs from `child`
 */
export async function startHeadgate(scope, data, { nodeFlags = [], entry = MAIN, keepCommands = false, report } = {}) {
  if (!keepCommands) scope.add(() => killCommandsOf(data));
  const serve = [process.execPath, ...nodeFlags, entry, 'serve', '--json', '--port', '0', '--data', data, '--log-level', 'warn'];
  const [program, ...args] = report === undefined ? serve : metered(serve, report);
  const child = scope.process(spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] }), 'SIGTERM');
  return { ...JSON.parse(await firstLine(child, 'headgate serve')), child };
}

/** A real `headgate runner` that serves a server from a state folder of its own; resolves when it is registered. */
export async function startRunner(scope, data, { url, token }, name) {
  scope.add(() => killCommandsOf(data));
  const child = scope.process(
    spawn(process.execPath, [MAIN, 'runner', '--json', '--connect', url, '--name', name, '--data', data, '--log-level', 'warn'], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, HEADGATE_TOKEN: token },
    }),
    'SIGTERM',
  );
  await firstLine(child, 'headgate runner');
  return { name, pid: child.pid };
}

/** The floor: child -> Node -> ws client, nothing stored, nothing gathered. */
export async function startFloor(scope) {
  const child = scope.process(spawn(process.execPath, [join(here, 'floor-server.mjs')], { stdio: ['ignore', 'pipe', 'pipe'] }), 'SIGTERM');
  return { url: await firstLine(child, 'the floor server'), pid: child.pid };
}

/** Whether a program can be run at all. */
export function available(program, versionFlag) {
  return spawnSync(program, [versionFlag], { stdio: 'ignore' }).error === undefined;
}

/** websocketd, which starts the command for each connection. Returns its URL. */
export async function startWebsocketd(scope, flags, command) {
  const port = await freePort();
  const child = scope.process(
    spawn('websocketd', [`--port=${port}`, '--address=127.0.0.1', '--loglevel=error', ...flags, ...command], {
      stdio: ['ignore', 'ignore', 'ignore'],
    }),
  );
  await listening(port, child);
  return `ws://127.0.0.1:${port}/`;
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

async function listening(port, child) {
  const deadline = Date.now() + START_MS;
  while (Date.now() < deadline && child.exitCode === null) {
    const socket = connect(port, '127.0.0.1');
    const open = await Promise.race([once(socket, 'connect').then(() => true), once(socket, 'error').then(() => false)]).catch(() => false);
    socket.destroy();
    if (open) return;
    await delay(5);
  }
  throw new Error('websocketd did not start');
}
