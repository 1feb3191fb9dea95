import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import Docker from 'dockerode';
import { isRunning } from '../../contract/backend-probe.ts';

/** Image of Debian's static busybox: every applet, users root and nobody, nothing else. */
export const BUSYBOX = 'headgate-test/busybox:1';
/** Image with one program, /app/busybox, and no shell. */
export const SHELL_LESS = 'headgate-test/shell-less:1';

/** Longest wait for the daemon to answer, and to end (milliseconds). */
const PATIENCE_MS = 30_000;

/** A real daemon of its own: private socket, own data, no network. */
export interface DockerService {
  readonly docker: Docker;
  readonly socket: string;
  /** `unix://` address, as `container.host` takes it. */
  readonly host: string;
  /** A folder that containers can mount; gone at the end. */
  readonly folder: string;
  /** Kills the daemon with -9; containers live on, as they do. */
  crash(): Promise<void>;
  /** Starts it again. */
  start(): Promise<void>;
  /** Takes it down with every container. */
  stop(): Promise<void>;
}

/** Brings a daemon up with both images. `liveRestore`: containers outlive a restart of the daemon. */
export async function startDocker(options: { liveRestore?: boolean; args?: readonly string[] } = {}): Promise<DockerService> {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'headgate-docker-')));
  const socket = join(root, 's.sock');
  const folder = join(root, 'shared');
  mkdirSync(folder);
  const docker = new Docker({ socketPath: socket });
  let daemon: ChildProcess | undefined;

  const helper = join(root, 'e', 'containerd', 'containerd.pid');

  async function start(): Promise<void> {
    // A containerd that has died with its dockerd and is not buried yet passes for a running one, and is waited for in vain.
    if (pidIn(helper).some((pid) => !isRunning(pid))) rmSync(helper);
    const own = ['--data-root', join(root, 'd'), '--exec-root', join(root, 'e'), '-H', `unix://${socket}`, '-p', join(root, 'pid')];
    const noNetwork = ['--iptables=false', '--ip6tables=false', '--bridge=none'];
    const live = options.liveRestore ? ['--live-restore'] : [];
    daemon = spawn('dockerd', [...own, ...noNetwork, ...live, ...(options.args ?? [])], { stdio: 'ignore' });
    for (const giveUp = Date.now() + PATIENCE_MS; ; ) {
      try {
        await docker.ping();
        return;
      } catch (error) {
        if (daemon.exitCode !== null || Date.now() > giveUp) throw new Error('dockerd did not come up', { cause: error });
        await delay(50);
      }
    }
  }

  async function end(signal: NodeJS.Signals): Promise<void> {
    if (!daemon || daemon.exitCode !== null || daemon.signalCode !== null) return;
    const exit = once(daemon, 'exit');
    daemon.kill(signal);
    await exit;
  }

  async function crash(): Promise<void> {
    const [pid] = pidIn(helper);
    await end('SIGKILL');
    // The kernel ends its containerd with it.
    for (const giveUp = Date.now() + 1000; pid !== undefined && isRunning(pid) && Date.now() < giveUp; ) await delay(20);
    // As its service manager does: another process may have the number by now.
    rmSync(join(root, 'pid'), { force: true });
    // Its containerd dies with it; where nobody takes orphans in, its number stays taken.
    rmSync(join(root, 'e', 'containerd', 'containerd.pid'), { force: true });
  }

  async function stop(): Promise<void> {
    // Without a daemon nobody would end the containers.
    if (daemon && (daemon.exitCode !== null || daemon.signalCode !== null)) await start();
    for (const { Id } of await docker.listContainers({ all: true })) await removed(docker, Id);
    const helpers = pidIn(helper);
    await end('SIGTERM');
    for (const pid of helpers) {
      if (isRunning(pid)) process.kill(pid, 'SIGTERM');
      for (const giveUp = Date.now() + PATIENCE_MS; isRunning(pid) && Date.now() < giveUp; ) await delay(20);
    }
    unmountAll(root);
    rmSync(root, { recursive: true, force: true });
  }

  await start();
  try {
    await importImages(docker, root);
  } catch (error) {
    await stop();
    throw error;
  }
  return { docker, socket, host: `unix://${socket}`, folder, crash, start, stop };
}

/** Removes a container, which the program under test may be doing, or have done, at the same moment. */
async function removed(docker: Docker, id: string): Promise<void> {
  const container = docker.getContainer(id);
  await container.remove({ force: true, v: true }).catch((error: unknown) => {
    const { statusCode } = error as { statusCode?: number };
    if (statusCode !== 404 && statusCode !== 409) throw error;
  });
  for (const giveUp = Date.now() + PATIENCE_MS; Date.now() < giveUp; await delay(20)) {
    if (
      await container.inspect().then(
        () => false,
        () => true,
      )
    )
      return;
  }
  throw new Error(`container ${id} cannot be removed`);
}

/** A daemon that was killed leaves its mounts behind. */
function unmountAll(root: string): void {
  const places = readFileSync('/proc/mounts', 'latin1')
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '');
  for (const place of places.filter((one) => one.startsWith(`${root}/`)).reverse()) spawnSync('umount', ['-l', place]);
}

async function importImages(docker: Docker, root: string): Promise<void> {
  const busybox = execFileSync('sh', ['-c', 'command -v busybox'], { encoding: 'utf8' }).trim();
  const full = join(root, 'image');
  for (const name of ['bin', 'etc', 'tmp', 'home', 'proc', 'sys', 'dev']) mkdirSync(join(full, name), { recursive: true });
  copyFileSync(busybox, join(full, 'bin', 'busybox'));
  for (const applet of execFileSync(busybox, ['--list'], { encoding: 'utf8' }).trim().split('\n')) {
    if (applet !== 'busybox') symlinkSync('busybox', join(full, 'bin', applet));
  }
  writeFileSync(join(full, 'etc', 'passwd'), 'root:x:0:0:root:/home:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n');
  writeFileSync(join(full, 'etc', 'group'), 'root:x:0:\nnogroup:x:65534:\n');
  const bare = join(root, 'bare');
  mkdirSync(join(bare, 'app'), { recursive: true });
  copyFileSync(busybox, join(bare, 'app', 'busybox'));
  await importFolder(docker, full, BUSYBOX);
  await importFolder(docker, bare, SHELL_LESS);
}

/** Imports a folder as an image. */
export async function importFolder(docker: Docker, folder: string, name: string): Promise<void> {
  const tar = spawn('tar', ['-C', folder, '-c', '.'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [repo = '', tag = ''] = name.split(':');
  const answer = await docker.importImage(tar.stdout, { repo, tag });
  answer.resume();
  await once(answer, 'end');
}

function pidIn(file: string): number[] {
  try {
    const pid = Number(readFileSync(file, 'latin1'));
    return Number.isInteger(pid) && pid > 1 ? [pid] : [];
  } catch {
    return [];
  }
}
