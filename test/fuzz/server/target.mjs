import { fork, spawn, spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Link } from '../../e2e/torture/wire.mjs';
import { messageProblem } from './message-problem.mjs';

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
const MAIN = at('../../../dist/src/main.js');
/** Findings after which it ends. */
const ENOUGH = 10;
/** Longest that the healthy client may wait for an answer, less the time in which the server had no processor because others had it. */
const MOST_WAIT_MS = 1000;
/** Between two looks at how long it has waited. */
const LOOK_MS = 200;
/** What a server may have more than before once all hostile clients have gone: its caches, and pages of its allocator. */
const MOST_GROWTH = { held: 32 * 2 ** 20, rss: 256 * 2 ** 20 };
const SETTLE_MS = 20_000;
const CLEAR_MS = 60_000;
const STOP_MS = 120_000;
/** In the file outside of the project. */
const SECRET = 'a-canary-that-nobody-reads-8c1f';
const MIB = 2 ** 20;

/** A real server on throw-away folders, a healthy client beside it, and what went wrong. */
export class Target {
  findings = [];
  /** Inputs sent. */
  count = 0;
  #base = mkdtempSync(join(tmpdir(), 'headgate-fuzz-'));
  #env = {};
  #child;
  #lines;
  #healthy;
  #limits;
  #before;
  #closing = false;
  #watching;
  #looking;
  /** Time in which the server waited for a processor, up to the last look. */
  #starved = 0;
  /** Longest wait of the healthy client, and the longest less that time (milliseconds). */
  #longest = 0;
  #owed = 0;

  /** @param limits - `deadline`, a time of `performance.now` that may still change, and `most`, a number of inputs */
  constructor(limits) {
    this.#limits = limits;
  }

  /** A folder below the throw-away one: `project`, `outside`, `data`, `home`. */
  folder(name) {
    return join(this.#base, name);
  }

  async open() {
    for (const name of ['project', 'outside', 'home', 'tmux']) mkdirSync(this.folder(name));
    writeFileSync(join(this.folder('outside'), 'canary.txt'), SECRET);
    // Whatever a call names, nothing is reached but this machine, and nothing is read of whoever runs the test.
    const nowhere = 'http://127.0.0.1:9/';
    this.#env = {
      ...process.env,
      HOME: this.folder('home'),
      XDG_CONFIG_HOME: join(this.folder('home'), '.config'),
      TMUX_TMPDIR: this.folder('tmux'),
      DOCKER_HOST: 'unix:///nowhere',
      HEADGATE_OPENAI_BASE_URL: nowhere,
      OPENAI_BASE_URL: nowhere,
      ANTHROPIC_BASE_URL: nowhere,
    };
    const log = openSync(this.folder('log'), 'w');
    const env = { ...this.#env, HEADGATE_CHECK_RESULTS: '1', NODE_OPTIONS: `--import ${at('tell-memory.mjs')}` };
    const args = [MAIN, 'serve', '--json', '--port', '0', '--data', this.folder('data'), '--log-level', 'warn'];
    // A Ctrl-C is for the fuzzer alone, which then stops the server in order.
    this.#child = spawn(process.execPath, args, { cwd: this.#base, stdio: ['ignore', 'pipe', log], env, detached: true });
    closeSync(log);
    this.#child.once(
      'exit',
      (code, signal) => this.#closing || this.found(`the server ended with ${code ?? signal}`, { log: this.#log(4000) }),
    );
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
    const { value } = await this.#lines.next();
    if (value === undefined) throw new Error(`the server did not start: ${this.#log(4000)}`);
    this.address = JSON.parse(value);
    const owner = await this.link();
    this.tokens = { admin: this.address.token };
    for (const scope of ['read', 'run', 'runner'])
      this.tokens[scope] = (await owner.call('token/add', { name: `the-fuzzer-${scope}`, scope })).token;
    await warmUp(owner);
    owner.vanish();
    this.#before = await this.#memory();
    await this.#watch();
  }

  /** A connection that is not hostile. */
  link({ name = 'fuzz', projectRoot = this.folder('project') } = {}) {
    return Link.open(this.address, { transport: 'unix', root: projectRoot, name: 'fuzz', project: name });
  }

  /** Whether to go on. */
  more() {
    const { deadline, most = Number.POSITIVE_INFINITY } = this.#limits;
    return this.findings.length < ENOUGH && this.count < most && performance.now() < deadline && this.#child.exitCode === null;
  }

  found(what, facts = {}) {
    if (this.findings.length < ENOUGH) this.findings.push({ what, input: this.count, ...facts });
  }

  /** Looks at what the server said, `text`, after somebody sent what `sentOf` answers for the messages in it. Answers those. */
  heard(text, sentOf = () => undefined) {
    const messages = [];
    const problem = text.includes(SECRET) ? 'what is outside was told' : messageProblem(text, messages);
    if (problem) this.found(problem, { said: text.slice(0, 500), sent: short(sentOf(messages)) });
    // One of a method is enough.
    for (const { error } of messages)
      if (error?.code === -32603 && !this.findings.some(({ what }) => what.split(' ')[0] === error.message.split(' ')[0]))
        this.found(error.message, { sent: short(sentOf(messages)), cause: this.#cause(error.data?.reference) });
    return messages;
  }

  /** Ends the server in order; looks at all that is to hold then. Returns what there is to tell. */
  async close() {
    try {
      const told = this.#child.exitCode === null && this.#child.signalCode === null ? await this.#judge() : 'no server at the end';
      this.#lookOutside();
      return told;
    } finally {
      this.#closing = true;
      clearInterval(this.#watching);
      this.#healthy?.kill();
      spawnSync(process.execPath, [MAIN, 'stop', '--kill', '--data', this.folder('data')], { env: this.#env });
      this.#child.kill('SIGKILL');
      rmSync(this.#base, { recursive: true, force: true, maxRetries: 3 });
    }
  }

  async #judge() {
    clearInterval(this.#watching);
    await this.#looking;
    await this.#look();
    if (this.#owed > MOST_WAIT_MS) this.found(`the healthy client waited for ${Math.round(this.#owed)} ms`);
    await this.#clear();
    const after = await this.#settled();
    for (const [kind, most] of Object.entries(MOST_GROWTH))
      if (after[kind] - this.#before[kind] > most) this.found(`memory did not come back: ${kind}`, { before: this.#before, after });
    this.#closing = true;
    this.#healthy.kill();
    this.#command('stop', '--kill', '--json');
    const { checks } = JSON.parse(this.#command('doctor', '--json') || '{"checks":[]}');
    for (const check of checks) if (check.state === 'bad') this.found('the data folder is not sound', check);
    const mib = ({ rss, held }) => `${Math.round(rss / MIB)} MiB (${Math.round(held / MIB)} held)`;
    return `longest wait ${this.#longest.toFixed(0)} ms, ${this.#owed.toFixed(0)} ms with a processor, memory ${mib(this.#before)} before and ${mib(after)} after`;
  }

  /** Ends and deletes what the calls have begun: it is kept on purpose, and would be taken for a leak. */
  async #clear() {
    const owner = await this.link();
    await owner.call('stream/cancelAll', { grace_ms: 0 });
    for (const project of await owner.call('getProjects')) await this.#clearProject(project);
    owner.vanish();
  }

  async #clearProject(project) {
    const owner = await this.link(project);
    // What was cancelled may take a moment to end.
    for (const end = performance.now() + CLEAR_MS; performance.now() < end; await delay(100)) {
      const runs = await owner.call('getRuns', { limit: 1000 });
      if (runs.length === 0) break;
      for (const { run } of runs) {
        await owner.call('run/abort', { run });
        await owner.call('run/delete', { run }).catch(({ code, message }) => code === -32603 && this.found(message));
      }
    }
    owner.vanish();
  }

  #command(...words) {
    const [name] = words;
    const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...words, '--data', this.folder('data')], {
      encoding: 'utf8',
      env: this.#env,
      timeout: STOP_MS,
    });
    if (status !== 0) this.found(`headgate ${name} ended with ${status}`, { said: (stderr || stdout).slice(-2000) });
    return stdout;
  }

  async #watch() {
    this.#healthy = fork(at('../../support/healthy-client.mjs'), [JSON.stringify({ ...this.address, everyMs: 10 })], { execArgv: [] });
    await this.#next();
    this.#starved = starvedMs(this.#child.pid);
    this.#watching = setInterval(() => (this.#looking ??= this.#look().finally(() => (this.#looking = undefined))), LOOK_MS);
    this.#healthy.on('message', ({ failed }) => failed && !this.#closing && this.found(`the healthy client: ${failed}`));
  }

  /** Notes the longest wait since the last look. */
  async #look() {
    const next = this.#next();
    this.#healthy.send('report');
    const { longestMs = Number.POSITIVE_INFINITY } = await next;
    const starved = starvedMs(this.#child.pid);
    this.#longest = Math.max(this.#longest, longestMs);
    this.#owed = Math.max(this.#owed, longestMs - (starved - this.#starved));
    this.#starved = starved;
  }

  #next() {
    return new Promise((resolve) => this.#healthy.once('message', resolve));
  }

  async #memory() {
    this.#child.kill('SIGUSR2');
    return JSON.parse((await this.#lines.next()).value);
  }

  /** What it holds once it holds as little as it may, or after a while. */
  async #settled() {
    for (const end = performance.now() + SETTLE_MS; ; await delay(500)) {
      const now = await this.#memory();
      const much = Object.entries(MOST_GROWTH).some(([kind, most]) => now[kind] - this.#before[kind] > most);
      if (!much || performance.now() > end) return now;
    }
  }

  #lookOutside() {
    const outside = this.folder('outside');
    const names = readdirSync(outside);
    if (names.join() !== 'canary.txt' || readFileSync(join(outside, 'canary.txt'), 'utf8') !== SECRET)
      this.found('what is outside was changed', { names });
  }

  #cause(reference) {
    const line = readFileSync(this.folder('log'), 'utf8')
      .split('\n')
      .find((one) => reference !== undefined && one.includes(reference));
    return line?.slice(0, 1200);
  }

  #log(chars) {
    return readFileSync(this.folder('log'), 'utf8').slice(-chars);
  }
}

/** Runs `attack` against a server: the findings, and what is told of it. */
export async function attacked(limits, attack) {
  const target = new Target(limits);
  let told;
  try {
    await target.open();
    await attack(target);
  } finally {
    told = await target.close();
  }
  return { findings: target.findings, told };
}

/** How long the main thread of a process has waited for a processor that others had (proc(5), schedstat). */
function starvedMs(pid) {
  try {
    return Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[1]) / 1e6;
  } catch {
    return 0;
  }
}

/** What is loaded when it is needed first is no growth. */
async function warmUp(owner) {
  for (const prompt of ['hello', 'sh: true']) await owner.call('ask', { model: 'scripted', prompt, wait: true, noProposals: true });
  const { run } = await owner.call('startRun', { model: 'scripted' });
  const { path } = await owner.call('sh', { run, command: 'echo x' });
  await owner.call('run/resolve', { run, resolution: { path, action: 'accept' } });
  await owner.call('rpc.discover');
}

function short(sent) {
  const text = typeof sent === 'string' ? sent : JSON.stringify(sent);
  return text === undefined || text.length <= 1000 ? text : `${text.slice(0, 900)}... (${text.length} characters)`;
}
