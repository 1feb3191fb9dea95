import { readdirSync, statSync } from 'node:fs';
import { systemCode } from '../../core/errors.ts';
import { ProducerFolder } from '../shim/producer-folder.ts';
import { SHIM_FILE } from '../shim/shim-text.ts';
import { PANE_FILE, PIPE_FILE, WATCH_FILE } from '../tmux/pane-text.ts';
import { SPOOL_FILES, WARDEN_FILE } from '../warden/warden-text.ts';
import { LAUNCHER_FILE } from './launcher.ts';
import { readAlive } from './proc.ts';
import { isSpareName, SPARE_FILE } from './spare.ts';

/** Scripts of this version and what a spool is watched over by, which are no left-overs. */
const KEPT: ReadonlySet<string> = new Set([
  SHIM_FILE,
  LAUNCHER_FILE,
  SPARE_FILE,
  PANE_FILE,
  PIPE_FILE,
  WATCH_FILE,
  WARDEN_FILE,
  ...SPOOL_FILES,
]);

/** Producer folders of a spool that are not among `keep`, and whether a shim still runs in them; nothing is changed. A server leaves that of its spare. */
export function leftOverFolders(options: { folder: string; keep: ReadonlySet<string> }): { name: string; inUse: boolean }[] {
  const names = leftOverNames(options).filter((name) => !isSpareName(name));
  return names.map((name) => ({ name, inUse: isInUse(options.folder, name) }));
}

/** The part of a channel that a producer's output file still holds, what was given back left out; undefined when there is no such file. */
export function spoolExtent(spool: string, producerId: string, channel: number): { base: number; end: number } | undefined {
  const folder = new ProducerFolder(spool, producerId);
  const size = statSync(folder.output(channel), { throwIfNoEntry: false })?.size;
  if (size === undefined) return undefined;
  const base = folder.base(channel);
  return { base: base > 0 ? base : base + folder.given(channel), end: base + size };
}

/** Names in a spool that are not among `keep`; none when there is no such spool. */
export function leftOverNames({ folder, keep }: { folder: string; keep: ReadonlySet<string> }): string[] {
  try {
    return readdirSync(folder).filter((name) => !keep.has(name) && !KEPT.has(name));
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [];
    throw error;
  }
}

/** True while a shim runs in a producer folder. */
export function isInUse(spool: string, name: string): boolean {
  const claim = new ProducerFolder(spool, name).claim();
  return claim.state === 'claimed' && readAlive(claim.shim) !== undefined;
}
