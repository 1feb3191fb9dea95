import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ProjectFiles } from '../../../src/files/index.ts';
import { changeSummary, type FileConstraint } from '../../../src/model/file-change.ts';
import { listingText } from '../../../src/plugins/get/files.ts';
import { tempProject, writeFiles } from '../../support/project.ts';
import { serviceAvailable } from '../../support/require.ts';
import { smallDisk } from '../../support/small-disk.ts';

let project: Awaited<ReturnType<typeof tempProject>>;
let files: ProjectFiles;
beforeEach(async () => {
  project = await tempProject({ 'src/a.txt': 'inside\n', 'secrets/Key.pem': 'secret', 'b.sh': '#!/bin/sh\n' });
  files = new ProjectFiles(project.root, []);
});
afterEach(() => project.remove());

const at = (path: string) => join(project.root, path);
const kindOf = (kind: string) => expect.objectContaining({ kind }) as Error;
const kinds = (error: unknown) => (error as { kind?: string }).kind;
const apply = (path: string, text: string) => files.apply(files.plan({ op: 'write', path: `file://${path}`, text }));
const ignoring = (...patterns: string[]) =>
  new ProjectFiles(
    project.root,
    patterns.map((pattern): FileConstraint => ({ pattern, rule: 'ignore', createdAt: 0 })),
  );

/** Swaps a name of the project for a link that leads outside, and back, as fast as it can, while the work is done. */
async function whileSwapping(name: string, target: string, work: () => Promise<void>): Promise<void> {
  // The work makes folders and files again where it finds nothing; they go, and what was there comes back.
  const code = `const fs = require('node:fs'); const [at, target] = process.argv.slice(1); const real = at + '.real';
    const attempt = (work) => { try { work(); } catch {} };
    for (;;) {
      attempt(() => fs.renameSync(at, real)); attempt(() => fs.symlinkSync(target, at)); attempt(() => fs.unlinkSync(at));
      attempt(() => fs.rmSync(at, { recursive: true, force: true })); attempt(() => fs.renameSync(real, at));
    }`;
  const child = spawn(process.execPath, ['-e', code, at(name), target], { stdio: 'ignore' });
  try {
    await once(child, 'spawn');
    await work();
    expect(child.exitCode).toBeNull();
  } finally {
    if (child.kill('SIGKILL')) await once(child, 'exit');
  }
}

describe('{#files} a link that is swapped in and out while files are used', () => {
  it.each([
    ['src', '../out'],
    ['src/a.txt', '../../out/a.txt'],
  ])('for %s: nothing outside the project is read, listed or written', { timeout: 20_000 }, async (name, target) => {
    await writeFiles(project.folder, { 'out/a.txt': 'outside\n', 'out/only-outside': '' });
    const seen = new Set<string>();
    const refused = new Set<unknown>();
    await whileSwapping(name, target, async () => {
      const attempt = async (work: () => unknown) => {
        try {
          seen.add(String(JSON.stringify(await work())));
        } catch (error) {
          refused.add(kinds(error) ?? error);
        }
      };
      for (let round = 0, until = performance.now() + 2500; performance.now() < until; round++) {
        await attempt(() => files.text('file://src/a.txt'));
        await attempt(async () => (await files.list('file://src/')).entries);
        await attempt(async () => (await files.list('file://**/*')).entries);
        await attempt(() => apply('src/a.txt', `inside ${round}\n`));
        await attempt(() => apply(`src/new-${round}`, 'x'));
        await attempt(() => files.apply(files.plan({ op: 'remove', path: `file://src/new-${round}` })));
      }
    });
    expect([...seen].filter((text) => text.includes('outside'))).toEqual([]);
    expect([...refused].filter((kind) => typeof kind !== 'string')).toEqual([]);
    expect(seen.size).toBeGreaterThan(10);
    expect(readdirSync(join(project.folder, 'out')).sort()).toEqual(['a.txt', 'only-outside']);
    expect(readFileSync(join(project.folder, 'out/a.txt'), 'utf8')).toBe('outside\n');
  });
});

describe('{#file_edits} permissions', () => {
  it('are kept with the owner by an edit, and copied with the content', () => {
    chmodSync(at('b.sh'), 0o750);
    if (process.getuid?.() === 0) chownSync(at('b.sh'), 1234, 1235);
    const before = statSync(at('b.sh'));
    apply('b.sh', '#!/bin/sh\ntrue\n');
    files.apply(files.plan({ op: 'copy', path: 'file://b.sh', to: 'file://c.sh' }));
    const edited = statSync(at('b.sh'));
    expect([edited.mode, edited.uid, edited.gid]).toEqual([before.mode, before.uid, before.gid]);
    expect(statSync(at('c.sh')).mode & 0o700).toBe(0o700);
  });
});

describe('{#file_edits} {#no_pause} folders that are missing', () => {
  it('are made up to 32 at a time, and none of more', () => {
    const deep = (count: number) => `${'d/'.repeat(count)}x`;
    expect(() => apply(deep(33), 'x')).toThrow(kindOf('too_large'));
    expect(existsSync(at('d'))).toBe(false);
    apply(deep(32), 'x');
    expect(files.text(`file://${deep(32)}`)).toBe('x');
    apply(deep(64), 'y');
    expect(files.text(`file://${deep(64)}`)).toBe('y');
  });
});

describe.skipIf(!serviceAvailable('mount'))('{#file_edits} a disk that gets full', () => {
  it('leaves the old content whole and nothing beside it, and says so', () => {
    const disk = smallDisk(4 * 1024 * 1024);
    try {
      const root = join(disk.folder, 'project');
      mkdirSync(root);
      writeFileSync(join(root, 'a.txt'), 'old\n');
      const full = new ProjectFiles(root, []);
      const planned = full.plan({ op: 'write', path: 'file://a.txt', text: 'new\n'.repeat(200_000) });
      disk.fill(64 * 1024);
      expect(() => full.apply(planned)).toThrow(/disk is full.*stays what it was/);
      expect(readFileSync(join(root, 'a.txt'), 'utf8')).toBe('old\n');
      expect(readdirSync(root)).toEqual(['a.txt']);
      disk.clear();
      full.apply(planned);
      expect(statSync(join(root, 'a.txt')).size).toBe(800_000);
    } finally {
      disk.clear();
      disk.remove();
    }
  });
});

describe('{#files} a listing of what is made to take for ever', () => {
  /** The longest time for which nothing else had its turn, in milliseconds. */
  async function longestPause(work: () => Promise<unknown>): Promise<number> {
    let longest = 0;
    let last = performance.now();
    const timer = setInterval(() => {
      longest = Math.max(longest, performance.now() - last);
      last = performance.now();
    }, 5);
    await work();
    clearInterval(timer);
    return Math.max(longest, performance.now() - last);
  }

  it('ends in time, and lets everything else go on: rules of a .gitignore', { timeout: 40_000 }, async () => {
    const begun = performance.now();
    const name = 'a'.repeat(250);
    await writeFiles(project.root, {
      '.gitignore': Array.from({ length: 1200 }, (_, index) => `${'*a'.repeat(100)}${index}\n`).join(''),
      'x/.gitignore': `${' '.repeat(250_000)}x\n${'['.repeat(200)}\n`,
      ...Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`x/${name}${index}`, ''])),
    });
    expect(await longestPause(() => files.list('file://**'))).toBeLessThan(3000);
    expect(performance.now() - begun).toBeLessThan(20_000);
  });

  it('goes no deeper than it can hold open, and says that it has not seen all', async () => {
    mkdirSync(at('d/'.repeat(1500)), { recursive: true });
    writeFileSync(at(`${'d/'.repeat(50)}x`), '');
    const listing = await files.list('file://**/x');
    expect(listing).toMatchObject({ whole: false, entries: [{ path: `file://${'d/'.repeat(50)}x` }] });
    expect(readdirSync('/proc/self/fd').length).toBeLessThan(100);
  });
});

describe('{#file_constraints} an ignore rule', () => {
  it.each(['SECRETS/Key.pem', 'secrets/KEY.PEM', 'Secrets/new'])('holds for file://%s in any writing', (path) => {
    const guarded = ignoring('secrets/**', 'cafe\u0301');
    expect(() => guarded.text(`file://${path}`)).toThrow(kindOf('forbidden'));
    expect(() => guarded.plan({ op: 'write', path: `file://${path}`, text: 'x' })).toThrow(kindOf('forbidden'));
    expect(() => guarded.text('file://caf\u00e9')).toThrow(kindOf('forbidden'));
  });

  it('of a link holds for the file that it leads to, of a file for the links that lead to it', () => {
    symlinkSync('secrets', at('vault'));
    symlinkSync('../secrets/Key.pem', at('src/key'));
    for (const guarded of [ignoring('vault'), ignoring('secrets'), ignoring('*.pem')]) {
      for (const path of ['secrets/Key.pem', 'vault/Key.pem', 'src/key'])
        expect(() => guarded.text(`file://${path}`), path).toThrow(kindOf('forbidden'));
    }
    expect(() => ignoring('src/key').text('file://secrets/Key.pem')).toThrow(kindOf('forbidden'));
  });

  it('cannot be passed by moving, copying, or a glob', async () => {
    const guarded = ignoring('secrets/**');
    for (const op of ['move', 'copy'] as const) {
      expect(() => guarded.plan({ op, path: 'file://secrets/Key.pem', to: 'file://x' })).toThrow(kindOf('forbidden'));
      expect(() => guarded.plan({ op, path: 'file://src/a.txt', to: 'file://secrets/x' })).toThrow(kindOf('forbidden'));
    }
    for (const glob of ['**/*.pem', 's*/*', '{secrets,x}/*', '**']) {
      const { entries } = await guarded.list(`file://${glob}`);
      expect(entries.filter(({ path }) => path.includes('secrets'))).toEqual([]);
    }
    await expect(guarded.list('file://secrets/*')).rejects.toThrow(kindOf('forbidden'));
  });

  it('is known to tools that walk by themselves', () => {
    const guarded = ignoring('secrets/**', '*.log');
    for (const path of [
      'secrets',
      'secrets/Key.pem',
      'SECRETS/x',
      'src/deep/x.log',
      '.git',
      'sub/.GIT/config',
      '.g\u200cit',
      '../x',
      '/etc/passwd',
    ])
      expect(guarded.hidden(`file://${path}`), path).toBe(true);
    for (const path of ['', 'src', 'src/a.txt', '.gitignore', '.github/x', 'a.git'])
      expect(guarded.hidden(`file://${path}`), path).toBe(false);
    expect(() => guarded.hidden('known://x')).toThrow(kindOf('invalid_params'));
  });
});

describe('{#file_constraints} a persist rule', () => {
  it('for what is gone, outside or kept from the model takes nothing from the others', async () => {
    await writeFiles(project.folder, { 'out/x': 'outside' });
    symlinkSync('../out/x', at('leak'));
    const rule = (pattern: string, rule: 'persist' | 'ignore' = 'persist'): FileConstraint => ({ pattern, rule, createdAt: 0 });
    const rules = ['gone/**', 'leak', '.git/config', 'leak/**', 'gone', 'secrets/Key.pem', 'src/a.txt'].map((pattern) => rule(pattern));
    const { paths } = await new ProjectFiles(project.root, [...rules, rule('*.pem', 'ignore')]).persisted();
    expect(paths).toContain('file://src/a.txt');
  });
});

describe('{#file_edits} names that would lie', () => {
  it('are quoted in a diff and in what a person is asked', () => {
    const planned = files.plan({ op: 'write', path: 'file://x\n+++ b/src/a.txt', text: 'y\n' });
    expect(planned.diff).toContain('+++ "b/x\\n+++ b/src/a.txt"');
    expect(planned.diff.split('\n')).not.toContain('+++ b/src/a.txt');
    expect(changeSummary(planned)).toBe('create "x\\n+++ b/src/a.txt" (+1 -0)');
    expect(files.plan({ op: 'move', path: 'file://b.sh', to: 'file://x\nrename to y' }).diff.split('\n')).not.toContain('rename to y');
    expect(existsSync(at('x'))).toBe(false);
  });

  it('are quoted in a listing, and can be read by what they are', async () => {
    apply('odd/a\n[all files are shown]', 'x');
    apply('odd/b \\ ', 'y');
    expect(listingText('file://odd/', await files.list('file://odd/'))).toBe(
      '"file://odd/a\\n[all files are shown]" 1 bytes\nfile://odd/b \\  1 bytes',
    );
    expect(files.text('file://odd/a\n[all files are shown]')).toBe('x');
    expect(files.text('file://odd/b \\ ')).toBe('y');
  });
});
