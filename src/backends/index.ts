import { dirname, join } from 'node:path';
import type { Clock } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import type { Backend } from '../model/ports/backend.ts';
import { createContainerBackend } from './container/index.ts';
import { createProcessBackend, createPtyBackend } from './process/index.ts';
import { LeftBehind } from './remote/left-behind.ts';
import { runnerId } from './remote/runner-id.ts';
import type { SpaceFact } from './shim/free-space.ts';
import { SshBackend, SshHosts } from './ssh/ssh-backend.ts';
import { createTmuxBackend, RemoteTmux } from './tmux/index.ts';
import type { Warden } from './warden/warden.ts';

export { readOutlived } from './warden/outlived.ts';
export { Warden } from './warden/warden.ts';

export interface BackendsOptions {
  /** Where the producer folders are; made when missing. */
  readonly folder: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Variables of this process that commands do not inherit: keys that its configuration names. */
  readonly withheld?: readonly string[];
  /** Which variables of this process commands inherit; all by default, and in a sandbox a short list (SPEC {#environment}). */
  readonly allow?: readonly string[] | undefined;
  /** What commands in a sandbox must not see beside the usual secrets, such as the data folder (SPEC {#sandbox}). */
  readonly hidden?: readonly string[];
  /** Below so many free bytes of the folder's file system commands that write wait; 0 for none (SPEC {#free_space}). */
  readonly freeBytes?: number | undefined;
  /** Ends commands of this host whose server has been gone for longer than they may run without one (SPEC {#lifetime}). */
  readonly warden?: Warden | undefined;
  /** Told when the disk has become nearly full, and when it has space again. */
  readonly spaceChanged?: (fact: SpaceFact) => void;
}

/** Every backend of this version, by name; `capabilities` of each says whether it can run here (SPEC {#backends}). */
export function createBackends(options: BackendsOptions): ReadonlyMap<string, Backend> {
  const processes = createProcessBackend(options);
  const hosts = new SshHosts();
  const remote = { ...remoteOf(options), leftBehind: leftBehindOf(options, hosts) };
  return new Map<string, Backend>([
    ['process', processes],
    ['pty', createPtyBackend(processes)],
    ['container', containersOf(options)],
    ['ssh', new SshBackend(remote, hosts)],
    ['tmux', createTmuxBackend(options, undefined, new RemoteTmux({ ...remote, hostOf: (place) => hosts.host(place) }))],
  ]);
}

/** Removes the containers of commands that no store knows any more; `keep` names those to keep. Waits for engines, and logs what fails. */
export async function sweepContainers(options: BackendsOptions, keep: ReadonlySet<string>): Promise<void> {
  await containersOf(options).sweep(keep);
}

function containersOf(options: BackendsOptions): ReturnType<typeof createContainerBackend> {
  return createContainerBackend({ ...options, folder: join(dirname(options.folder), 'containers') });
}

/**
 * Removes producer folders on hosts over SSH of commands that are over, and tries again, while this process lives, where a host is
 * away (SPEC {#spool_sweep}). `keep`: the live ones; undefined where they are not known. Resolves when every host was tried once.
 */
export async function sweepHosts(options: BackendsOptions, keep: ReadonlySet<string> | undefined): Promise<void> {
  await leftBehindOf(options, new SshHosts()).sweep(keep);
}

function leftBehindOf(options: BackendsOptions, hosts: SshHosts): LeftBehind {
  return new LeftBehind({ ...remoteOf(options), folder: join(dirname(options.folder), 'hosts'), hostOf: (place) => hosts.host(place) });
}

function remoteOf({ folder, clock, logger }: BackendsOptions) {
  return { runner: () => runnerId(join(dirname(folder), 'runner-id')), clock, logger };
}
