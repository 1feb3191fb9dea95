import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, copyFileSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type ListenOptions, type Server } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { type BuiltServer, type Params, readAll, serve, WireClient } from '../built-server.ts';
import { ended, type Place } from '../live-server.ts';
import { ATTEMPTS, type Surroundings } from './attempts.ts';

/** The user whom a server runs as; root when it has this process's rights and those are root's. */
export type Who = 'root' | 'user';

const ORDINARY = 54_321;
const SECRET = 'SECRET-of-the-server';
/** Programs of which the project has its own, first in the server's PATH: those that Headgate itself and a shell run. */
const LURES =
  'awk bash bwrap cat chmod cp cut date dd docker env fallocate find git grep head kill ls mkfifo mv ps rm script sed setsid sh sleep sort ssh stat stty tail tee tmux tr tty uname wc'.split(
    ' ',
  );

/** What the server's process has been given by whoever started it: a file left open, and a key in its keyring. */
const GIVEN = `
use POSIX ();
my $arm = (POSIX::uname())[4] eq "aarch64";
my $secret = shift;
open(my $file, "<", $secret) or die "$secret: $!";
POSIX::dup2(fileno($file), 40);
my ($type, $name, $key) = ("user\\0", "headgate-attempt\\0", "key");
syscall($arm ? 219 : 250, 1, 0);
die "no keyring: $!" if syscall($arm ? 217 : 248, $type, $name, $key, 3, -3) < 0;
exec @ARGV;
die "$ARGV[0]: $!";
`;

/** A process outside, which listens on an abstract unix socket: Node.js cannot. */
const OUTSIDE = `
$| = 1;
socket(my $s, AF_UNIX, SOCK_STREAM, 0) or die $!;
bind($s, pack_sockaddr_un("\\0$ARGV[0]")) && listen($s, 8) or die $!;
print "listening\\n";
sleep 3600;
`;

/** A machine in small around a built server: keys, sockets, processes and projects that commands in its sandbox have no business with. */
export class Machine {
  readonly folder: string;
  readonly root: string;
  server!: BuiltServer;
  readonly #who: Who;
  readonly #at: (name: string) => string;
  readonly #listeners: Server[] = [];
  readonly #clients: WireClient[] = [];
  #outside: ChildProcess | undefined;
  #shared = '';

  constructor(who: Who) {
    this.#who = who;
    // Not in the folder of temporary files, of which a sandbox has its own, and where every user gets to.
    this.folder = realpathSync(mkdtempSync(join(process.getuid?.() === 0 ? '/var/lib' : homedir(), '.headgate-inside-')));
    chmodSync(this.folder, 0o755);
    this.#at = (name) => join(this.folder, name);
    this.root = this.#at('project');
  }

  async open(): Promise<void> {
    const own = [this.root, ...['home', 'home/.ssh', 'data', 'other', 'second'].map(this.#at)];
    for (const folder of own) mkdirSync(folder);
    mkdirSync(this.#at('tools'));
    writeFileSync(this.#at('home/.ssh/id_ed25519'), SECRET, { mode: 0o600 });
    writeFileSync(this.#at('home/given'), SECRET, { mode: 0o600 });
    writeFileSync(this.#at('other/notes'), 'notes\n');
    this.#shared = `/dev/shm/headgate-inside-${process.pid}-${this.#who}`;
    writeFileSync(this.#shared, 'shared');
    if (process.getuid?.() === 0) {
      copyFileSync('/bin/cat', this.#at('cat'));
      chmodSync(this.#at('cat'), 0o4755);
      writeFileSync(this.#at('of-root'), SECRET, { mode: 0o600 });
    }
    for (const path of [...own, ...['home/.ssh/id_ed25519', 'home/given'].map(this.#at)]) this.#give(path);
    this.#lure();
    this.#repository();
    const abstract = `headgate-inside-${process.pid}-${this.#who}`;
    this.#outside = spawn(...this.#as('perl', '-MSocket', '-e', OUTSIDE, abstract), {
      env: { PATH: process.env['PATH'], KEY: SECRET },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await new Promise((resolve, reject) => {
      this.#outside?.stdout?.once('data', resolve);
      this.#outside?.once('exit', () => reject(new Error('the process outside ended')));
    });
    const around = await this.#surroundings(abstract);
    this.#write(around);
    const env = { ...this.#env(), PATH: [join(this.root, 'node_modules/.bin'), this.#at('tools'), process.env['PATH']].join(delimiter) };
    this.server = await serve(around.DATA, [], env, this.#as('perl', '-e', GIVEN, this.#at('home/given')).flat());
  }

  /** What each attempt comes to as a plain process of the server's user, with what the server was given. */
  outside(): Map<string, boolean> {
    const [program, words] = this.#as('perl', '-e', GIVEN, this.#at('home/given'), '/bin/sh', this.#at('tools/all'));
    const { stdout, stderr, status } = spawnSync(program, words, {
      cwd: this.root,
      env: { ...process.env, ...this.#env() },
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(`the attempts did not run outside: ${stderr}`);
    return read(stdout);
  }

  /** What each comes to as a command in the sandbox that may write, which somebody has accepted. */
  async workspace(): Promise<Map<string, boolean>> {
    const { out } = await this.accepted(`/bin/sh ${this.#at('tools/all')}`);
    return read(out);
  }

  /** What each comes to in the sandbox for what only looks: by a program outside of the project that a model runs as `rg`. */
  async looking(): Promise<Map<string, boolean>> {
    return read((await this.look('rg attempts')).out);
  }

  /** Runs a command in the write sandbox of the project. */
  async accepted(command: string, root = this.root, more: Params = {}): Promise<{ out: string; err: string; exit: unknown }> {
    const client = await this.client(root);
    const { run } = await client.call<{ run: string }>('startRun', { model: 'scripted' });
    const { path } = await client.call<{ path: string }>('sh', { run, command, sandbox: { mode: 'workspace' }, ...more });
    await client.call('run/resolve', { run, resolution: { path, action: 'accept' } });
    return this.#result(client, { run, path });
  }

  /** Has a model run a command that only looks; throws when that is asked about. */
  async look(command: string, root = this.root): Promise<{ out: string; err: string; exit: unknown }> {
    const client = await this.client(root);
    const { run } = await client.call<{ run: string }>('act', { model: 'scripted', prompt: `env: ${command}` });
    const asked = client.notice('run/proposal', (one) => one['run'] === run).then((one) => JSON.stringify(one));
    const over = client.notice('stream/ended', (one) => one['run'] === run).then(() => undefined);
    const question = await Promise.race([asked, over]);
    if (question !== undefined) throw new Error(`asked about: ${question}`);
    const [log] = await client.call<{ path: string }[]>('getEntries', { run, pattern: 'log://turn_1/env/*' });
    return this.#result(client, { run, path: log?.path ?? '' });
  }

  async client(root = this.root): Promise<WireClient> {
    const socket = await WireClient.connect(this.server);
    this.#clients.push(socket);
    await socket.call('init', { name: root.slice(this.folder.length + 1), projectRoot: root, client: { name: 'test' } });
    return socket;
  }

  /** A file into which the project's own programs write when something runs them outside of a sandbox. */
  get lured(): string {
    return this.#at('home/lured');
  }

  async close(): Promise<void> {
    for (const client of this.#clients) await client.close();
    await this.server?.stop();
    this.#outside?.kill('SIGKILL');
    for (const listener of this.#listeners) listener.close();
    rmSync(this.#shared, { force: true });
    rmSync(this.folder, { recursive: true, force: true });
  }

  async #result(client: WireClient, place: Place): Promise<{ out: string; err: string; exit: unknown }> {
    await ended(client, place);
    const { attributes } = await client.call<{ attributes: { channels: number[]; exit_code: unknown } }>('get', { ...place });
    const text = async (channel: number) => (await readAll(client, place.run, place.path, channel)).toString();
    // A terminal has one channel for both.
    return { out: await text(1), err: attributes.channels.includes(2) ? await text(2) : '', exit: attributes.exit_code };
  }

  /** A program and its words, as the user whose machine this is. */
  #as(program: string, ...words: string[]): [string, string[]] {
    const other = this.#who === 'user' && process.getuid?.() === 0;
    if (!other) return [program, words];
    return ['setpriv', [`--reuid=${ORDINARY}`, `--regid=${ORDINARY}`, '--clear-groups', program, ...words]];
  }

  #give(path: string): void {
    if (this.#who === 'user' && process.getuid?.() === 0) chownSync(path, ORDINARY, ORDINARY);
  }

  #env(): NodeJS.ProcessEnv {
    return { HOME: this.#at('home'), DEPLOY: SECRET };
  }

  #lure(): void {
    const folder = join(this.root, 'node_modules/.bin');
    mkdirSync(folder, { recursive: true });
    for (const name of LURES) program(join(folder, name), `echo ${name} >> ${this.lured}\necho CANARY`);
  }

  /** A repository with one further down that names programs for everything that git has others do. */
  #repository(): void {
    const sub = join(this.root, 'sub');
    const git = (cwd: string, ...words: string[]) => {
      const [program, all] = this.#as('git', '-c', 'user.name=x', '-c', 'user.email=x@x', ...words);
      execFileSync(program, all, { cwd, env: { ...process.env, ...this.#env() }, stdio: 'pipe' });
    };
    mkdirSync(sub);
    this.#give(sub);
    git(sub, 'init', '-q');
    for (const path of [join(sub, 's'), join(this.root, 'a')]) {
      writeFileSync(path, 'one\n');
      this.#give(path);
    }
    git(sub, 'add', 's');
    git(sub, 'commit', '-qm', 's');
    git(this.root, 'init', '-q');
    git(this.root, 'add', 'a', 'sub');
    git(this.root, 'commit', '-qm', 'one');
    const lure = `echo CANARY >&2; echo git >> ${this.lured}; cat`;
    for (const name of ['core.fsmonitor', 'filter.x.clean', 'filter.x.process', 'diff.x.textconv', 'diff.external', 'core.pager'])
      git(sub, 'config', name, lure);
    program(join(sub, '.git/hooks/post-index-change'), lure);
    writeFileSync(join(sub, '.gitattributes'), '* filter=x diff=x\n');
    writeFileSync(join(sub, 's'), 'two\n');
    writeFileSync(join(this.root, 'a'), 'two\n');
  }

  async #surroundings(abstract: string): Promise<Surroundings> {
    const temporary = realpathSync(mkdtempSync(join(tmpdir(), 'headgate-inside-')));
    chmodSync(temporary, 0o755);
    const sockets = { TEMPORARY_SOCKET: join(temporary, 'socket'), HOME_SOCKET: this.#at('home/socket') };
    for (const path of Object.values(sockets)) await this.#listen({ path, readableAll: true, writableAll: true });
    const port = await this.#listen({ port: 0, host: '127.0.0.1' });
    this.#listeners.at(0)?.once('close', () => rmSync(temporary, { recursive: true, force: true }));
    return {
      ...sockets,
      DATA: this.#at('data'),
      SERVER_SOCKET: this.#at('data/headgate.sock'),
      HOME_FOLDER: this.#at('home'),
      PROJECT: this.root,
      OTHER: this.#at('other'),
      OUTSIDE: String(this.#outside?.pid),
      PORT: String((port.address() as AddressInfo).port),
      ABSTRACT: abstract,
      ROOT_FILE: this.#at('of-root'),
      SETUID_CAT: this.#at('cat'),
    };
  }

  async #listen(where: ListenOptions): Promise<Server> {
    const server = createServer((socket) => socket.end());
    this.#listeners.push(server);
    await once(server.listen(where), 'listening');
    return server;
  }

  /** Writes the attempts, and a program that runs one after the other and prints what each came to. */
  #write(around: Surroundings): void {
    const variables = Object.entries({ ...around, PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' });
    const exported = variables.map(([name, value]) => `export ${name}='${value}'\n`).join('');
    ATTEMPTS.forEach(({ script }, index) => writeFileSync(this.#at(`tools/${index}`), `${exported}${script}\n`));
    const each = `${this.#at('tools')}/$n`;
    const all = `n=0\nwhile [ -e "${each}" ]; do /bin/sh "${each}" < /dev/null > /dev/null 2>&1; echo "$n $?"; n=$((n + 1)); done`;
    program(this.#at('tools/all'), all);
    program(this.#at('tools/rg'), all);
  }
}

function program(path: string, text: string): void {
  writeFileSync(path, `#!/bin/sh\n${text}\n`);
  chmodSync(path, 0o755);
}

/** What each attempt came to: true when it got what it wanted. */
function read(printed: string): Map<string, boolean> {
  const codes = new Map(
    printed
      .trim()
      .split('\n')
      .map((line) => line.split(' ').map(Number) as [number, number]),
  );
  return new Map(
    ATTEMPTS.map(({ tries }, index) => {
      const code = codes.get(index);
      if (code === undefined) throw new Error(`"${tries}" did not run: ${printed}`);
      return [tries, code === 0];
    }),
  );
}
