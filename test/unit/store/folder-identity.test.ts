import { cpSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type FolderIdentity, folderIdentity, isSameFolder } from '../../../src/store/folder-identity.ts';
import { tempFolder } from '../../support/temp-store.ts';

let root: string;
let remove: () => Promise<void>;

beforeEach(async () => {
  const temp = await tempFolder();
  root = temp.folder;
  remove = temp.remove;
});
afterEach(() => remove());

const made = (name: string) => {
  mkdirSync(join(root, name));
  return join(root, name);
};

describe('{#data_copy} which folder a data folder is', () => {
  const known: FolderIdentity = { path: '/srv/data', device: '10', inode: '7', born: '1000' };

  it.each<[string, Partial<FolderIdentity>, boolean]>([
    ['nothing has changed', {}, true],
    ['it was moved', { path: '/srv/moved' }, true],
    ['the device has another number after a start of the machine', { device: '11' }, true],
    ['its disk is mounted elsewhere', { path: '/mnt/data', device: '11' }, true],
    ['it was copied to its own place', { inode: '8', born: '2000' }, false],
    ['a copy has got the inode of the one that was deleted', { born: '2000' }, false],
    ['it was copied elsewhere', { path: '/srv/copy', inode: '8', born: '2000' }, false],
    ['another file system gives the same inode', { path: '/mnt/data', device: '11', born: '2000' }, false],
    ['nobody knows when it was made', { born: '0' }, true],
    ['nobody knows when it was made, and it is elsewhere', { path: '/mnt/data', device: '11', born: '0' }, false],
  ])('%s', (_, change, same) => {
    expect(isSameFolder(known, { ...known, ...change })).toBe(same);
  });

  it('a snapshot is not the original, as long as that is where it was', () => {
    const original = folderIdentity(made('original'));
    const snapshot = { ...original, path: join(root, 'snapshot'), device: 'another', born: '5' };
    expect(isSameFolder({ ...original, born: '5' }, snapshot)).toBe(false);
    rmSync(original.path, { recursive: true });
    expect(isSameFolder({ ...original, born: '5' }, snapshot)).toBe(true);
  });

  it('is told by the file system: moved it is the same, copied it is not', () => {
    const original = made('data');
    const known = folderIdentity(original);
    cpSync(original, join(root, 'copy'), { recursive: true });
    expect(isSameFolder(known, folderIdentity(join(root, 'copy')))).toBe(false);
    renameSync(original, join(root, 'moved'));
    mkdirSync(join(root, 'moved', 'more'));
    expect(isSameFolder(known, folderIdentity(join(root, 'moved')))).toBe(true);
  });
});
