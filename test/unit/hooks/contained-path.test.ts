import { mkdir, mkdtemp, realpath, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { containedPath } from '../../../src/hooks/contained-path.ts';

let base: string;
let root: string;
beforeAll(async () => {
  base = await realpath(await mkdtemp(join(tmpdir(), 'headgate-contained-')));
  root = join(base, 'project');
  await mkdir(join(root, 'src'), { recursive: true });
  await mkdir(join(base, 'project-two'));
  await symlink(base, join(root, 'out'));
  await symlink(join(root, 'src'), join(root, 'in'));
  await symlink(root, join(base, 'alias'));
});
afterAll(() => rm(base, { recursive: true, force: true }));

describe('{#containment} paths stay inside the project root', () => {
  it.each(['.', 'src', 'src/..', 'in', 'not/there/yet', 'in/new', '..hidden'])('%s is inside', (path) => {
    expect(containedPath(root, path, 'cwd')).toBe(join(root, path));
  });

  it.each(['..', '../project-two', '/etc', 'src/../../x', 'out', 'out/project-two', 'out/not-there', 'in/../../..'])(
    '%s is refused',
    (path) => {
      expect(() => containedPath(root, path, 'cwd')).toThrow(
        expect.objectContaining({ kind: 'forbidden', facts: expect.objectContaining({ field: 'cwd' }) as object }),
      );
    },
  );

  it('takes a root that is itself a link', () => {
    expect(containedPath(join(base, 'alias'), 'src', 'cwd')).toBe(join(base, 'alias', 'src'));
    expect(() => containedPath(join(base, 'alias'), '..', 'cwd')).toThrow('outside');
  });

  it('refuses a NUL character', () => {
    expect(() => containedPath(root, 'a\0b', 'cwd')).toThrow(expect.objectContaining({ kind: 'invalid_params' }));
  });
});
