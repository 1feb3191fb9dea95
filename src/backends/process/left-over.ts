import { readdirSync, statSync } from 'node:fs';
import { systemCode } from '../../core/errors.ts';
import { ProducerFolder } from '../shim/producer-folder.ts';
import { SHIM_FILE } from '../shim/shim-text.ts';
import { readAlive } from './proc.ts';

/** Producer folders of a spool that are not among `keep`, and whether a shim still runs in them; nothing is changed. */
export function leftOverFolders(options: { folder: string; keep: ReadonlySet<string> }): { name: string; inUse: boolean }[] {
  return namesIn(options.folder)
    .filter((name) => !options.keep.has(name) && name !== SHIM_FILE)
    .map((name) => {
      const claim = new ProducerFolder(options.folder, name).claim();
      return { name, inUse: claim.state === 'claimed' && readAlive(claim.shim) !== undefined };
    });
}

/** The part of a channel that a producer's output file still holds, what was given back left out; undefined when there is no such file. */
export function spoolExtent(spool: string, producerId: string, channel: number): { base: number; end: number } | undefined {
  const folder = new ProducerFolder(spool, producerId);
  const size = statSync(folder.output(channel), { throwIfNoEntry: false })?.size;
  if (size === undefined) return undefined;
  const base = folder.base(channel);
  return { base: base > 0 ? base : base + folder.given(channel), end: base + size };
}

/** Names in a folder; none when there is no such folder. */
export function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [];
    throw error;
  }
}
