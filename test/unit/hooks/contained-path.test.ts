import { mkdir, mkdtemp, realpath, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { containedPath, realOf } from '../../../src/hooks/contained-path.ts';

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

  const far = `${'a/'.repeat(32_000)}b`;

  it.each([
    ['a path that no system call takes', far, /path has 4095 bytes at most/],
    ['a name that no file can have', `src/${'n'.repeat(256)}`, /name of 256 bytes.*255 bytes at most/],
    ['a name whose characters are few and bytes many', 'é'.repeat(128), /name of 256 bytes/],
  ])('refuses %s, at once', (_, path, message) => {
    const begin = performance.now();
    expect(() => containedPath(root, path, 'cwd')).toThrow(
      expect.objectContaining({ kind: 'invalid_params', message: expect.stringMatching(message) as string }),
    );
    expect(performance.now() - begin).toBeLessThan(200);
  });

  it('takes the longest path and name that there may be', () => {
    const name = 'n'.repeat(255);
    expect(containedPath(root, name, 'cwd')).toBe(join(root, name));
    const deep = 'a/'.repeat(1900);
    expect(containedPath(root, deep, 'cwd')).toBe(join(root, deep).replace(/\/$/, ''));
  });

  it('finds the real path of what is half there, by links too', async () => {
    await mkdir(join(root, 'd/'.repeat(40)), { recursive: true });
    await symlink(join(root, 'd/'.repeat(40)), join(root, 'deep'));
    expect(realOf(join(root, 'deep', 'not', 'there'))).toBe(join(root, 'd/'.repeat(40), 'not', 'there'));
    expect(realOf(`/${far}`)).toBe(`/${far}`);
  });
});
