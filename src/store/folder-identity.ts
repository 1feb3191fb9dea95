import { realpathSync, statSync } from 'node:fs';

/** What tells a folder from every other, a copy of it included. */
export interface FolderIdentity {
  readonly path: string;
  readonly device: string;
  readonly inode: string;
  /** Nanoseconds since the epoch at which it was made; 0 where the file system does not say. No copy has the original's. */
  readonly born: string;
}

/** The identity of a folder that is there. */
export function folderIdentity(folder: string): FolderIdentity {
  const path = realpathSync(folder);
  const { dev, ino, birthtimeNs, ctimeNs } = statSync(path, { bigint: true });
  // Without a time of birth some systems answer that of the last change.
  const born = birthtimeNs === ctimeNs ? 0n : birthtimeNs;
  return { path, device: `${dev}`, inode: `${ino}`, born: `${born}` };
}

/**
 * True when `now` is the folder that was noted as `known`, be it at the same path or another one; false for a copy. The number
 * of a device may change when the machine starts, and an inode is used again, so neither decides alone.
 */
export function isSameFolder(known: FolderIdentity, now: FolderIdentity): boolean {
  if (known.inode !== now.inode) return false;
  const hasBirth = known.born !== '0' && now.born !== '0';
  if (hasBirth && known.born !== now.born) return false;
  if (known.device === now.device || known.path === now.path) return true;
  // The same on another device: moved with its disk, unless a snapshot has been made and the original is still where it was.
  return hasBirth && !isThere(known);
}

function isThere({ path, inode }: FolderIdentity): boolean {
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stat !== undefined && `${stat.ino}` === inode;
}
