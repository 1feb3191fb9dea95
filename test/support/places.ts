import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LiveServer } from './live-server.ts';
import { type Service, serviceAvailable } from './require.ts';
import { BUSYBOX, type DockerService, startDocker } from './services/dockerd.ts';
import { Sshd } from './services/sshd.ts';

export const PLACES = ['pty', 'image', 'exec', 'ssh', 'tmux'] as const;
export type PlaceName = (typeof PLACES)[number];

/** What each of them needs of this machine. */
export const NEEDS: Readonly<Record<PlaceName, Service>> = {
  pty: 'script',
  image: 'docker',
  exec: 'docker',
  ssh: 'sshd',
  tmux: 'tmux',
};

/** True for a place where both streams are one, and lines end as a terminal ends them. */
export const isTerminal = (place: PlaceName): boolean => place === 'pty' || place === 'tmux';

/** Real places for commands: a container engine, a container in it, an SSH host, a tmux server. What this machine lacks is left out. */
export class Places {
  /** Seen under this path from every one of them. */
  readonly folder = realpathSync(mkdtempSync(join(tmpdir(), 'headgate-places-')));
  docker!: DockerService;
  sshd!: Sshd;
  /** Name of a container that is there, and is not Headgate's. */
  readonly container = 'there';
  readonly tmuxSocket = join(this.folder, 'tmux.sock');

  static async open(options: { liveRestore?: boolean; only?: readonly PlaceName[] } = {}): Promise<Places> {
    const places = new Places();
    const wants = (name: PlaceName) => (options.only ?? PLACES).includes(name) && serviceAvailable(NEEDS[name]);
    for (const name of ['work', 'state']) mkdirSync(join(places.folder, name));
    if (wants('image') || wants('exec')) {
      places.docker = await startDocker(options);
      await places.makeContainer();
    }
    if (wants('ssh')) places.sshd = await Sshd.start();
    return places;
  }

  /** Starts the container that is there, again when it was removed. */
  async makeContainer(): Promise<void> {
    const { docker } = this.docker;
    const made = await docker.createContainer({
      name: this.container,
      Image: BUSYBOX,
      Cmd: ['/bin/sh', '-c', 'trap "exit 0" TERM; while :; do sleep 1 & wait $!; done'],
      Env: [`XDG_STATE_HOME=${join(this.folder, 'state')}`],
      HostConfig: { NetworkMode: 'none', Binds: [`${this.folder}:${this.folder}`] },
    });
    await made.start();
  }

  /** The options of `headgate sh` and `headgate tty` for a place. */
  options(name: PlaceName): string[] {
    switch (name) {
      case 'pty':
        return ['--backend', 'pty'];
      case 'image':
        return ['--image', BUSYBOX, '--network', 'none', '--mount', `${this.folder}:${this.folder}`, '--docker', this.docker.host];
      case 'exec':
        return ['--container', this.container, '--docker', this.docker.host];
      case 'ssh': {
        const { user, host, port, identity = '', known_hosts: known = '' } = this.sshd.place();
        return ['--host', `${user}@${host}:${port}`, '--identity', identity, '--known-hosts', known];
      }
      case 'tmux':
        return ['--tmux', 'work', '--tmux-socket', this.tmuxSocket];
    }
  }

  /** The params of `sh` for a place. */
  params(name: PlaceName): Record<string, unknown> {
    switch (name) {
      case 'pty':
        return { backend: 'pty' };
      case 'image': {
        const mounts = [{ source: this.folder, target: this.folder }];
        return { container: { image: BUSYBOX, network: 'none', mounts, host: this.docker.host } };
      }
      case 'exec':
        return { container: { container: this.container, host: this.docker.host } };
      case 'ssh':
        return { ssh: this.sshd.place() };
      case 'tmux':
        return { tmux: { session: 'work', socket: this.tmuxSocket } };
    }
  }

  /** What commands have left behind in a place: folders, containers, windows. */
  async remains(name: PlaceName, live: LiveServer): Promise<string[]> {
    switch (name) {
      case 'pty':
        return live.folders();
      case 'image': {
        const all = await this.docker.docker.listContainers({ all: true });
        return all.map(({ Names }) => Names.join()).filter((one) => one !== `/${this.container}`);
      }
      case 'exec':
        return this.#producers(join(this.folder, 'state'));
      case 'ssh':
        return this.#producers(this.sshd.state);
      case 'tmux':
        return [...live.folders(), ...this.tmux('list-windows', '-a').split('\n').filter(Boolean)];
    }
  }

  /** Asks the tmux server; empty when there is none. */
  tmux(...words: string[]): string {
    return spawnSync('tmux', ['-S', this.tmuxSocket, ...words], { encoding: 'utf8' }).stdout;
  }

  /** Takes everything down. */
  async close(): Promise<void> {
    if (serviceAvailable('tmux')) this.tmux('kill-server');
    await this.sshd?.stop();
    await this.docker?.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Whatever there is below a folder for state. */
  #producers(state: string): string[] {
    try {
      return readdirSync(state, { recursive: true }).map(String);
    } catch (error) {
      // Folders go away while they are read; whoever looks looks again.
      return [String(error)];
    }
  }
}
