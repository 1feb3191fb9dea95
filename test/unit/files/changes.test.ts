import { createHash } from 'node:crypto';
import { chmodSync, existsSync, linkSync, mkdirSync, readdirSync, readFileSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { applyPatch } from 'diff';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ProjectFiles } from '../../../src/files/index.ts';
import { changeSummary } from '../../../src/model/file-change.ts';
import { tempProject } from '../../support/project.ts';

let project: Awaited<ReturnType<typeof tempProject>>;
let files: ProjectFiles;
beforeEach(async () => {
  project = await tempProject({ 'src/a.ts': 'one\ntwo\nthree\n', 'win.txt': 'a\r\nb\r\n', 'bin.dat': Buffer.from([0, 1, 2]) });
  files = new ProjectFiles(project.root, []);
});
afterEach(() => project.remove());

const at = (path: string) => join(project.root, path);
const read = (path: string) => readFileSync(at(path), 'utf8');
const write = (path: string, text: string) => files.plan({ op: 'write', path: `file://${path}`, text });
const kindOf = (kind: string) => expect.objectContaining({ kind }) as Error;

describe('{#file_edits} a planned change', () => {
  it('changes nothing, and says what it would: diff, hashes, lines', () => {
    const planned = write('src/a.ts', 'one\n2\nthree\nfour\n');
    expect(planned).toMatchObject({ added: 2, removed: 1, before: expect.stringMatching(/^[0-9a-f]{64}$/) as string });
    expect(planned.diff).toBe('--- a/src/a.ts\n+++ b/src/a.ts\n@@ -1,3 +1,4 @@\n one\n-two\n+2\n three\n+four\n');
    expect(changeSummary(planned)).toBe('edit src/a.ts (+2 -1)');
    expect(read('src/a.ts')).toBe('one\ntwo\nthree\n');
    expect(write('new/b.ts', 'x')).toMatchObject({ before: null, added: 1, diff: expect.stringContaining('--- /dev/null') as string });
    expect(existsSync(at('new'))).toBe(false);
  });

  it('has a diff that makes the one text of the other, whatever they are', () => {
    const text = fc.array(fc.constantFrom('a', 'b', 'c', '', ' '), { maxLength: 12 }).map((lines) => lines.join('\n'));
    fc.assert(
      fc.property(text, text, (before, after) => {
        writeFileSync(at('p'), before);
        const planned = write('p', after);
        return before === after || applyPatch(before, planned.diff) === after;
      }),
      { numRuns: 60 },
    );
  });

  it('is bounded for texts that have nothing in common', () => {
    writeFileSync(at('big'), Array.from({ length: 60_000 }, (_, index) => `${index * 7919}\n`).join(''));
    const planned = write('big', Array.from({ length: 60_000 }, (_, index) => `${index * 104_729 + 1}\n`).join(''));
    expect(planned.diff.length).toBeLessThan(140_000);
    expect(planned.diff).toMatch(/left out/);
  });

  it('refuses bytes that are no text, what is too big, and paths that are taken or not there', () => {
    expect(() => write('bin.dat', 'x')).toThrow(kindOf('unsupported'));
    expect(() => write('x', 'y'.repeat(2 * 1024 * 1024 + 1))).toThrow(kindOf('too_large'));
    expect(() => files.plan({ op: 'remove', path: 'file://nope' })).toThrow(kindOf('not_found'));
    expect(() => files.plan({ op: 'copy', path: 'file://nope', to: 'file://x' })).toThrow(kindOf('not_found'));
    expect(() => files.plan({ op: 'move', path: 'file://bin.dat', to: 'file://src/a.ts' })).toThrow(kindOf('conflict'));
  });
});

describe('{#file_edits} carrying a change out', () => {
  it('writes the whole, keeps the mode, makes folders, leaves no other file behind', () => {
    chmodSync(at('src/a.ts'), 0o755);
    files.apply(write('src/a.ts', 'new\n'));
    expect(read('src/a.ts')).toBe('new\n');
    expect(statSync(at('src/a.ts')).mode & 0o777).toBe(0o755);
    files.apply(write('deep/er/x.ts', 'x'));
    expect(read('deep/er/x.ts')).toBe('x');
    expect(readdirSync(at('src'))).toEqual(['a.ts']);
    expect(readdirSync(at('deep/er'))).toEqual(['x.ts']);
  });

  it('keeps CR LF and a byte order mark when the new text has neither, and the end of the file as it is given', () => {
    files.apply(write('win.txt', 'a\nc'));
    expect(read('win.txt')).toBe('a\r\nc');
    writeFileSync(at('bom.txt'), '\ufeffa\n');
    files.apply(write('bom.txt', 'b\n'));
    expect(read('bom.txt')).toBe('\ufeffb\n');
  });

  it('moves, copies and removes bytes of any kind', () => {
    files.apply(files.plan({ op: 'copy', path: 'file://bin.dat', to: 'file://c/copy.dat' }));
    files.apply(files.plan({ op: 'move', path: 'file://bin.dat', to: 'file://m/moved.dat' }));
    expect(readFileSync(at('c/copy.dat'))).toEqual(Buffer.from([0, 1, 2]));
    expect(readFileSync(at('m/moved.dat'))).toEqual(Buffer.from([0, 1, 2]));
    expect(existsSync(at('bin.dat'))).toBe(false);
    files.apply(files.plan({ op: 'remove', path: 'file://m/moved.dat' }));
    expect(existsSync(at('m/moved.dat'))).toBe(false);
  });

  it('is refused when the file is another one by now, and then writes nothing', () => {
    const all = [
      write('src/a.ts', 'mine'),
      files.plan({ op: 'remove', path: 'file://src/a.ts' }),
      files.plan({ op: 'move', path: 'file://src/a.ts', to: 'file://b.ts' }),
      files.plan({ op: 'copy', path: 'file://src/a.ts', to: 'file://c.ts' }),
    ];
    writeFileSync(at('src/a.ts'), 'theirs');
    for (const planned of all) expect(() => files.apply(planned), planned.change.op).toThrow(/has changed since/);
    const fresh = write('fresh.ts', 'mine');
    writeFileSync(at('fresh.ts'), 'theirs');
    expect(() => files.apply(fresh)).toThrow(kindOf('conflict'));
    expect(read('src/a.ts')).toBe('theirs');
    expect(read('fresh.ts')).toBe('theirs');
    expect(existsSync(at('b.ts'))).toBe(false);
  });

  it('can be repeated after a crash at any of its steps, and is then done once', () => {
    const edit = write('src/a.ts', 'new');
    const move = files.plan({ op: 'move', path: 'file://bin.dat', to: 'file://d/x.dat' });
    const copy = files.plan({ op: 'copy', path: 'file://win.txt', to: 'file://copy.txt' });
    const remove = files.plan({ op: 'remove', path: 'file://win.txt' });
    // What a crash leaves of a write and of a move: a temporary file, and one file with two names.
    files.apply(edit);
    mkdirSync(at('d'));
    linkSync(at('bin.dat'), at('d/x.dat'));
    for (const planned of [edit, move, copy, remove, edit, move, remove]) files.apply(planned);
    expect(read('src/a.ts')).toBe('new');
    expect(existsSync(at('bin.dat'))).toBe(false);
    expect(readFileSync(at('d/x.dat'))).toEqual(Buffer.from([0, 1, 2]));
    expect(existsSync(at('win.txt'))).toBe(false);
    expect(() => {
      unlinkSync(at('copy.txt'));
      files.apply(copy);
    }).toThrow(kindOf('conflict'));
  });

  it('takes away the temporary file that a crash has left', () => {
    const name = `.headgate-${createHash('sha256').update('src/a.ts').digest('hex').slice(0, 16)}.tmp`;
    writeFileSync(at(`src/${name}`), 'half of wh');
    files.apply(write('src/a.ts', 'whole'));
    expect(readdirSync(at('src'))).toEqual(['a.ts']);
    expect(read('src/a.ts')).toBe('whole');
  });
});
