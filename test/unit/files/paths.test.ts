import { execFileSync } from 'node:child_process';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ProjectFiles, relativePath } from '../../../src/files/index.ts';
import { tempProject } from '../../support/project.ts';

let project: Awaited<ReturnType<typeof tempProject>>;
let files: ProjectFiles;
beforeEach(async () => {
  project = await tempProject({ 'src/a.ts': 'a\n', 'app/[slug]/page (1).tsx': 'p\n', '.git/config': 'secret', '.gitignore': '' });
  files = new ProjectFiles(project.root, []);
});
afterEach(() => project.remove());

const kindOf = (kind: string) => expect.objectContaining({ kind }) as Error;
const write = (path: string) => files.plan({ op: 'write', path: `file://${path}`, text: 'x' });

describe('{#files} paths', () => {
  it.each(['src/a.ts', './src//a.ts', 'src/../src/a.ts', 'app/[slug]/page (1).tsx'])('file://%s is a file of the project', (path) => {
    expect(files.text(`file://${path}`)).toMatch(/^[ap]\n$/);
  });

  it.each(['src/a.ts/**', 'src/a.ts/b/*', 'src/a.ts/b/'])('file://%s, below a file, is an error with a name', async (path) => {
    await expect(files.list(`file://${path}`)).rejects.toMatchObject({
      kind: expect.stringMatching(/^(forbidden|invalid_params)$/) as string,
    });
  });

  it.each(['../x', 'src/../../x', '/etc/passwd', '.git/config', 'sub/.GIT/config', '.git'])(
    'file://%s is forbidden to read, write and list',
    async (path) => {
      expect(() => files.text(`file://${path}`)).toThrow(kindOf('forbidden'));
      expect(() => write(path)).toThrow(kindOf('forbidden'));
      await expect(files.list(`file://${path}/`)).rejects.toThrow(kindOf('forbidden'));
    },
  );

  it('of an absolute path inside the project the relative one is named', () => {
    expect(() => files.text(`file://${project.root}/src/a.ts`)).toThrow(/write file:\/\/src\/a\.ts/);
    expect(() => files.text('file://src/\0')).toThrow(kindOf('invalid_params'));
  });

  it('never leads outside, whatever it is made of', () => {
    const part = fc.constantFrom('..', '.', '', 'a', 'src', '...', ' ', '..\\', '%2e%2e');
    fc.assert(
      fc.property(fc.array(part, { maxLength: 8 }), (parts) => {
        try {
          const plain = relativePath(project.root, `file://${parts.join('/')}`);
          return !plain.split('/').includes('..') && !plain.startsWith('/');
        } catch (error) {
          return (error as { kind?: string }).kind === 'forbidden';
        }
      }),
    );
  });
});

describe('{#files} symbolic links', () => {
  it('that stay inside are followed, to files and to folders, and keep being links when they are written through', async () => {
    await symlink('src/a.ts', join(project.root, 'to-file'));
    await symlink('src', join(project.root, 'to-folder'));
    expect(files.text('file://to-file')).toBe('a\n');
    files.apply(files.plan({ op: 'write', path: 'file://to-folder/a.ts', text: 'b\n' }));
    files.apply(files.plan({ op: 'write', path: 'file://to-file', text: 'c\n' }));
    expect(await readFile(join(project.root, 'src/a.ts'), 'utf8')).toBe('c\n');
    expect(await files.list('file://to-folder/')).toMatchObject({ entries: [{ path: 'file://src/a.ts' }] });
  });

  it('that lead outside, into .git or nowhere are refused, and nothing is made there', async () => {
    await writeFile(join(project.folder, 'secret'), 's');
    await mkdir(join(project.folder, 'out'));
    await symlink('../secret', join(project.root, 'leak'));
    await symlink('../out', join(project.root, 'out'));
    await symlink('.git', join(project.root, 'g'));
    await symlink('../gone', join(project.root, 'dangling'));
    for (const path of ['leak', 'out/x', 'g/config']) {
      expect(() => files.text(`file://${path}`), path).toThrow(kindOf('forbidden'));
      expect(() => write(path), path).toThrow(kindOf('forbidden'));
    }
    await expect(files.list('file://out/')).rejects.toThrow(kindOf('forbidden'));
    await expect(files.list('file://out/**')).rejects.toThrow(kindOf('forbidden'));
    expect(() => files.text('file://dangling')).toThrow(kindOf('forbidden'));
  });

  it('that are put in the way between plan and apply are not followed', async () => {
    await mkdir(join(project.folder, 'out'));
    const planned = files.plan({ op: 'write', path: 'file://new/x.ts', text: 'x' });
    await symlink('../out', join(project.root, 'new'));
    expect(() => files.apply(planned)).toThrow(kindOf('forbidden'));
    await expect(readFile(join(project.folder, 'out/x.ts'))).rejects.toThrow();
  });
});

describe('{#files} what is no regular file', () => {
  it('is refused at once: a pipe, a folder, a device', () => {
    execFileSync('mkfifo', [join(project.root, 'pipe')]);
    expect(() => files.text('file://pipe')).toThrow(/no regular file/);
    expect(() => write('pipe')).toThrow(kindOf('invalid_params'));
    expect(() => files.text('file://src')).toThrow(/is a folder/);
    expect(() => write('src')).toThrow(/is a folder/);
    expect(() => files.plan({ op: 'remove', path: 'file://src' })).toThrow(/is a folder/);
    expect(() => files.text('file://src/a.ts/b')).toThrow(kindOf('forbidden'));
  });
});
