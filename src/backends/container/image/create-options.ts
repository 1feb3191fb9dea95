import type { ContainerCreateOptions, HostConfig, MountSettings } from 'dockerode';
import { defined } from '../../../core/defined.ts';
import { HeadgateError } from '../../../core/errors.ts';
import { launchArgv } from '../../../model/launch.ts';
import type { ContainerPlace } from '../../../model/place.ts';
import type { ProducerSpec } from '../../../model/records.ts';
import { KEEPER_SH } from './keeper-sh.ts';
import { splitWords } from './split-words.ts';

/** The log of a container without a shell is all that there is of its output, so it is never cut in practice. */
const LOG_BYTES = '1t';
/** Where the shim of a container of ours has its files: a volume, so that the root may be read-only. */
export const OWN_FOLDER = '/.headgate';
/** Folder of the producer folders in it. */
export const SPOOL = 'spool';
const KEPT = 'headgate.kept';
/** How long a container stays for the rest of its output when its command has ended. */
const KEPT_SECONDS = 60;

/** What every container of a command has, whatever runs in it. */
export function commonOptions(spec: ProducerSpec, place: ContainerPlace, labels: Record<string, string>): ContainerCreateOptions {
  return {
    Image: place.image ?? '',
    Labels: labels,
    Env: Object.entries(spec.env).map(([name, value]) => `${name}=${value}`),
    ...defined({ User: place.user }),
    HostConfig: hostConfig(place),
  };
}

/** A container whose main process keeps it there for the command: `folder` is the producer folder in it. */
export function keptOptions(common: ContainerCreateOptions, folder: string): ContainerCreateOptions {
  return {
    ...common,
    Labels: { ...common.Labels, [KEPT]: '1' },
    Entrypoint: ['/bin/sh', '-c', KEEPER_SH, 'sh', folder, `${KEPT_SECONDS}`],
    Cmd: [],
    // Of a run in it, and not of the container, which everybody can inspect.
    Env: [],
    Volumes: { [OWN_FOLDER]: {} },
    HostConfig: { ...common.HostConfig, Init: false },
  };
}

/** The producer folder in a container that was made with {@link keptOptions}. */
export function producerFolder(instance: string, producerId: string): string {
  return `${OWN_FOLDER}/${SPOOL}/${instance}/${producerId}`;
}

/** True for a container that was made with {@link keptOptions}. */
export function isKept(labels: Readonly<Record<string, string>> | null | undefined): boolean {
  return labels?.[KEPT] === '1';
}

/** A container whose main process is the command itself, its output kept by the engine. */
export function streamOptions(
  common: ContainerCreateOptions,
  o: { spec: ProducerSpec; hasShell: boolean; hasInit: boolean },
): ContainerCreateOptions {
  const { command, argv, cwd, tty, stdin } = o.spec;
  return {
    ...common,
    Entrypoint: [...(argv || o.hasShell ? launchArgv(o.spec) : splitWords(command))],
    Cmd: [],
    ...(cwd === '' ? {} : { WorkingDir: cwd }),
    ...(tty ? { Tty: true, Env: [...(common.Env ?? []), `TERM=${tty.term}`] } : {}),
    OpenStdin: stdin,
    // The end of a pipe's input can be told only through the connection that carries it.
    StdinOnce: stdin && !tty,
    HostConfig: {
      ...common.HostConfig,
      // Without it the command is process 1, which signals do not end unless it handles them.
      Init: o.hasInit,
      // The usual log, json-file, replaces what is not UTF-8.
      LogConfig: { Type: 'local', Config: { 'max-size': LOG_BYTES, 'max-file': '1', compress: 'false' } },
      ...(tty ? { ConsoleSize: [tty.rows, tty.cols] } : {}),
    },
  };
}

function hostConfig(place: ContainerPlace): HostConfig {
  const { network, memory, cpus, pids, mounts, read_only: readOnly } = place;
  return {
    ...defined({ NetworkMode: network }),
    // Without swap, so that the limit is what it says.
    ...(memory === undefined ? {} : { Memory: memory, MemorySwap: memory }),
    ...(cpus === undefined ? {} : { NanoCpus: Math.round(cpus * 1e9) }),
    ...defined({ PidsLimit: pids }),
    ...(mounts === undefined ? {} : { Mounts: mounts.map(mountOf) }),
    ...defined({ ReadonlyRootfs: readOnly }),
  };
}

/** A folder or file of the engine's host by its absolute path, or a volume by its name. */
function mountOf({ source, target, read_only: readOnly }: NonNullable<ContainerPlace['mounts']>[number]): MountSettings {
  if (!target.startsWith('/')) {
    throw new HeadgateError('invalid_params', `the mount target ${target} is not absolute`, { field: 'container.mounts' });
  }
  return { Type: source.startsWith('/') ? 'bind' : 'volume', Source: source, Target: target, ReadOnly: readOnly ?? false };
}
