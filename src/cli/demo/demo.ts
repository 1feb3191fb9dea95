import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { messageOf } from '../../core/errors.ts';
import { connectRuntime, type Runtime } from '../../rpc/client/index.ts';
import type { Console } from '../console.ts';
import { clientOf } from '../context.ts';
import { dial } from '../dial.ts';
import { CliError } from '../errors.ts';
import { EXIT } from '../exit-codes.ts';
import { awaitKill } from '../kill.ts';
import { projectOf } from '../project.ts';
import { formatBytes, formatDuration, shellQuote } from '../text.ts';
import { Facts } from './facts.ts';
import { ServerProcess } from './server-process.ts';
import { type Story, tellStory } from './story.ts';

/** Longer than this and something hangs. */
const LIMIT_MS = 45_000;

/**
 * `headgate demo`: a real server on a temporary folder, a run with the scripted model, two clients, real commands. Exit
 * code 0 only if everything that it claims was seen to happen (SPEC {#demo}).
 */
export async function demo(console: Console, options: { readonly keep?: boolean }): Promise<number> {
  const began = performance.now();
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'headgate-demo-')));
  const data = join(folder, 'data');
  const project = join(folder, 'project');
  const facts = new Facts();
  const stop = new AbortController();
  const stopping = (signal: NodeJS.Signals) =>
    stop.abort(new CliError(`stopped by ${signal}`, signal === 'SIGTERM' ? 143 : EXIT.interrupted));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stopping);
  const timer = setTimeout(() => stop.abort(new CliError(`the demo took longer than ${formatDuration(LIMIT_MS)}`, EXIT.failed)), LIMIT_MS);
  let server: ServerProcess | undefined;
  try {
    makeProject(project);
    server = await ServerProcess.start(data, console.env);
    if (stop.signal.aborted) throw stop.signal.reason;
    await line(console, `a server (pid ${server.ready.pid}) serves ${data}`);
    const story = await withClients(console, server, project, facts, stop.signal);
    const inOrder = await server.stop();
    server = undefined;
    facts.add('the server stopped in order', inOrder, 'SIGTERM, exit 0');
    await closing(console, { story, facts, folder, data, project, keep: options.keep === true, ms: performance.now() - began });
    return facts.allHeld ? EXIT.ok : EXIT.failed;
  } catch (error) {
    for (const { claim, held } of facts.all) if (!held) await line(console, `did not happen: ${claim}`);
    throw error instanceof CliError ? error : new CliError(`the demo failed: ${messageOf(error)}`, EXIT.failed);
  } finally {
    clearTimeout(timer);
    await server?.stop();
    if (!options.keep) rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.off(signal, stopping);
  }
}

/** Something to look at. */
function makeProject(project: string): void {
  mkdirSync(project);
  writeFileSync(join(project, 'README.md'), '# Gauge\n\nReads a water gauge.\n');
  writeFileSync(join(project, 'levels.csv'), 'hour,level\n0,41\n1,43\n2,46\n');
}

async function withClients(console: Console, server: ServerProcess, project: string, facts: Facts, signal: AbortSignal): Promise<Story> {
  const { socket, url, token } = server.ready;
  const options = { project: projectOf(project), client: clientOf(console), giveUpMs: 0 };
  const first = await connectRuntime(() => dial({ kind: 'unix', path: socket, from: 'the demo' }), options);
  let second: Runtime | undefined;
  try {
    second = await connectRuntime(() => dial({ kind: 'websocket', url, token, from: 'the demo' }), options);
    await line(console, 'client 1 is connected over the unix socket, client 2 over WebSocket');
    return await tellStory(console, first, second, facts, signal);
  } finally {
    await endCommands(first);
    await first.close();
    await second?.close();
  }
}

/** Whatever still runs is ended, since commands outlive clients and servers. */
async function endCommands(session: Runtime): Promise<void> {
  try {
    const live = await session.call('stream/list', { state: 'live' });
    if (live.length === 0) return;
    for (const { run, path } of live)
      await session.call('stream/cancel', { run, path, reason: 'the demo is over', grace_ms: 500 }).catch(() => {});
    for (const { run, path } of live) await awaitKill(session, run, path, undefined, 500);
  } catch {
    // The server is gone: nothing more can be asked of it.
  }
}

async function closing(
  console: Console,
  o: { story: Story; facts: Facts; folder: string; data: string; project: string; keep: boolean; ms: number },
): Promise<void> {
  const { green, red, bold, dim } = console.outColors;
  const { story, facts, data, project } = o;
  await line(console, '');
  for (const { claim, held, detail } of facts.all) {
    await line(console, `${held ? green('ok    ') : red('FAILED')} ${claim} ${dim(`(${detail})`)}`);
  }
  const channels = story.entries.filter(({ category, path }) => category === 'data' && !path.startsWith('log://'));
  const bytes = channels.reduce((sum, entry) => sum + entry.bytes, 0);
  await line(console, '');
  await line(
    console,
    bold(
      `Stored: ${story.entries.length} entries and ${story.events} events of run ${story.run}; ${formatBytes(bytes)} of output in ${channels.length} channels:`,
    ),
  );
  for (const entry of channels) await line(console, `  ${entry.path}  ${entry.bytes} bytes, ${entry.lines} lines, status ${entry.status}`);
  const log = story.entries.find(({ path }) => path.startsWith('log://') && path.includes('/sh/'))?.path ?? '';
  // As it was started: in a clone the command is not in PATH.
  const viaNpm = console.env['npm_lifecycle_event'] === 'demo';
  const where = o.keep ? shellQuote(data) : 'DIR/data';
  const flags = `--data ${where} --project ${o.keep ? shellQuote(project) : 'DIR/project'}`;
  await line(
    console,
    o.keep
      ? 'Kept. Look at it with:'
      : `The folder is removed. To keep it and look at it: ${viaNpm ? 'npm run demo -- --keep' : 'headgate demo --keep'}, then`,
  );
  const headgate = viaNpm ? 'npm run -s headgate --' : 'headgate';
  await line(console, `  ${headgate} serve --data ${where}`);
  await line(console, `  ${headgate} attach ${story.run} ${flags}`);
  await line(console, `  ${headgate} output ${story.run} ${log} ${flags}`);
  await line(console, '');
  const verdict = facts.allHeld ? green('The demo did all that it claims') : red('The demo did not do all that it claims');
  await line(console, `${verdict} in ${formatDuration(o.ms)}.`);
}

function line(console: Console, text: string): Promise<void> {
  return console.out.write(`${text}\n`);
}
