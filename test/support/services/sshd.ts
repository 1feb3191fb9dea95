import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { SshPlace } from '../../../src/model/place.ts';

/** A real sshd on a free port of 127.0.0.1, with keys of its own. */
export class Sshd {
  readonly folder: string;
  readonly port: number;
  /** Private keys: of a client that may log in, and of one that may not. */
  readonly key: string;
  readonly strangerKey: string;
  /** Holds the host's key. */
  readonly knownHosts: string;
  readonly #options: readonly string[];
  readonly #prefix: readonly string[];
  #child: ChildProcess | undefined;

  private constructor(folder: string, port: number, options: readonly string[], prefix: readonly string[]) {
    this.folder = folder;
    this.port = port;
    this.key = join(folder, 'client');
    this.strangerKey = join(folder, 'stranger');
    this.knownHosts = join(folder, 'known_hosts');
    this.#options = options;
    this.#prefix = prefix;
  }

  /** Brings one up. `options`: lines of its configuration that go before the others; `prefix`: a command that starts it elsewhere. */
  static async start(options: readonly string[] = [], prefix: readonly string[] = []): Promise<Sshd> {
    const folder = mkdtempSync(join(tmpdir(), 'headgate-sshd-'));
    const sshd = new Sshd(folder, await freePort(), options, prefix);
    for (const name of ['client', 'stranger', 'host']) keygen(join(folder, name));
    writeFileSync(join(folder, 'authorized_keys'), readFileSync(join(folder, 'client.pub')));
    writeFileSync(sshd.knownHosts, `[127.0.0.1]:${sshd.port} ${readFileSync(join(folder, 'host.pub'), 'utf8')}`);
    mkdirSync(join(folder, 'home'));
    await sshd.up();
    return sshd;
  }

  /** The folder that commands have as XDG_STATE_HOME. */
  get state(): string {
    return join(this.folder, 'home');
  }

  /** How a client names it; what is given wins. */
  place(change: Partial<SshPlace> = {}): SshPlace {
    return { host: '127.0.0.1', port: this.port, user: userInfo().username, identity: this.key, known_hosts: this.knownHosts, ...change };
  }

  /** Starts it, again after `kill`; on the same port and with the same keys. */
  async up(): Promise<void> {
    const config = join(this.folder, 'config');
    writeFileSync(
      config,
      [
        ...(this.#prefix.length > 0 ? [] : ['ListenAddress 127.0.0.1']),
        `Port ${this.port}`,
        `HostKey ${join(this.folder, 'host')}`,
        `AuthorizedKeysFile ${join(this.folder, 'authorized_keys')}`,
        `PidFile ${join(this.folder, 'pid')}`,
        'UsePAM no',
        'StrictModes no',
        'PasswordAuthentication no',
        'PermitRootLogin yes',
        `SetEnv XDG_STATE_HOME=${this.state}`,
        ...this.#options,
        '',
      ].join('\n'),
    );
    // Separation of privileges needs it, and a machine that never ran one does not have it.
    if (!existsSync('/run/sshd')) mkdirSync('/run/sshd', { mode: 0o755 });
    const [program = '', ...words] = [...this.#prefix, '/usr/sbin/sshd', '-D', '-e', '-f', config];
    const child = spawn(program, words, { stdio: ['ignore', 'ignore', 'pipe'] });
    this.#child = child;
    let said = '';
    child.stderr?.on('data', (piece: Buffer) => {
      said = (said + piece.toString()).slice(-4000);
    });
    for (let left = 200; ; left--) {
      if (child.exitCode !== null || left === 0) throw new Error(`sshd does not come up: ${said}`);
      if (this.#prefix.length > 0 ? said.includes('Server listening') : await answers(this.port)) return;
      await delay(20);
    }
  }

  /** Processes of sshd that serve a connection. */
  sessions(): number[] {
    return this.#child?.pid === undefined ? [] : descendants(this.#child.pid);
  }

  /** Ends, with -9, every process of sshd that serves a connection. */
  killSessions(): void {
    for (const pid of this.sessions()) killHard(pid);
  }

  /** Ends sshd itself and its sessions, with -9. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const sessions = this.sessions();
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;
    for (const pid of sessions) killHard(pid);
  }

  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Adds a line to known_hosts. */
  know(line: string): void {
    appendFileSync(this.knownHosts, `${line}\n`);
  }
}

function keygen(file: string): void {
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'headgate-test', '-f', file]);
  chmodSync(file, 0o600);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  return typeof address === 'object' && address ? address.port : 0;
}

async function answers(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/** Children, of sshd only: what it runs for others is not to be killed with it. */
function descendants(pid: number): number[] {
  const found: number[] = [];
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);
  for (const child of children) {
    const name = nameOf(child);
    if (name !== 'sshd' && name !== 'sshd-session') continue;
    found.push(child, ...descendants(child));
  }
  return found;
}

function nameOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  } catch {
    return '';
  }
}

function killHard(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Gone already.
  }
}
