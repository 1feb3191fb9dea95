import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fileSizeIssues } from '../../../scripts/lib/file-sizes.mjs';
import { leakIssues } from '../../../scripts/lib/leaks.mjs';
import { tempFolder } from '../../support/temp-store.ts';

describe('the checks of what is in the repository', () => {
  let root: string;
  let remove: () => Promise<void>;

  beforeEach(async () => {
    ({ folder: root, remove } = await tempFolder());
    expect(spawnSync('git', ['init', '-q', root]).status).toBe(0);
    await writeFile(join(root, '.gitignore'), 'ignored\n');
  });
  afterEach(() => remove());

  it('name a file that holds the folder it was written in, with its line', async () => {
    await writeFile(join(root, 'a.md'), `fine\nsee ${root}/b\n`);
    await writeFile(join(root, 'ignored'), root);
    expect(leakIssues(root)).toEqual([`a.md:2: names "${root}"`]);
  });

  it('name a package registry', async () => {
    const registry = ['https://registry', 'example.org/pkg'].join('.');
    await writeFile(join(root, 'package-lock.json'), `{"resolved": "${registry}"}\n`);
    expect(leakIssues(root)).toEqual([`package-lock.json:1: names "${registry}"`]);
  });

  it('say nothing of files that name neither, nor of a longer name that begins alike', async () => {
    await writeFile(join(root, 'a.md'), `${root}2 and x${root.slice(1)} are other folders\n`);
    expect(leakIssues(root)).toEqual([]);
  });

  it('ask a file over 500 lines for its reason', async () => {
    spawnSync('mkdir', ['-p', join(root, 'test')]);
    await writeFile(join(root, 'test/long.ts'), '\n'.repeat(501));
    await writeFile(join(root, 'test/reasoned.ts'), `/* Over 500 lines because it is a table. */${'\n'.repeat(501)}`);
    expect(fileSizeIssues(root)).toEqual([expect.stringMatching(/^test\/long\.ts: 501 lines/)]);
  });
});
