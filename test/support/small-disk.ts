import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmdirSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A file system of its own and of a given size; needs `serviceAvailable('mount')`. */
export interface SmallDisk {
  readonly folder: string;
  freeBytes(): number;
  /** Takes space until only so many bytes are free. */
  fill(leaveBytes: number): void;
  /** Gives back what `fill` took. */
  clear(): void;
  /** Unmounts it, whoever still has files open there, and removes the folder. */
  remove(): void;
}

/** Mounts a tmpfs, or a ramfs, which cannot punch holes and has no limit, in a new folder. Throws where that is not permitted. */
export function smallDisk(bytes: number, type: 'tmpfs' | 'ramfs' = 'tmpfs'): SmallDisk {
  const folder = mkdtempSync(join(tmpdir(), 'headgate-disk-'));
  must('mount', ['-t', type, ...(type === 'tmpfs' ? ['-o', `size=${bytes}`] : []), type, folder]);
  const ballast = join(folder, 'ballast');
  const freeBytes = () => {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize;
  };
  return {
    folder,
    freeBytes,
    fill: (leaveBytes) => {
      const file = openSync(ballast, 'a');
      const block = Buffer.alloc(64 * 1024, 'b');
      for (let left = freeBytes() - leaveBytes; left > 0; left = freeBytes() - leaveBytes) {
        writeSync(file, block, 0, Math.min(left, block.length));
      }
      closeSync(file);
    },
    clear: () => rmSync(ballast, { force: true }),
    remove: () => {
      must('umount', ['--lazy', folder]);
      rmdirSync(folder);
    },
  };
}

function must(program: string, args: string[]): void {
  const { status, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr}`);
}
