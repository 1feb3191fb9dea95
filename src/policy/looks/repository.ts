import { existsSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { readSmallFile } from '../../core/small-file.ts';

/** Bytes of a configuration beyond which it is not read. */
const MAX_BYTES = 256 * 1024;
/** Lines of one beyond which it is not, and characters of a line: all of it is done in the server's thread. */
const MAX_LINES = 8000;
const MAX_LINE_CHARS = 1000;
/** Folders of hooks that are looked into at most. */
const MAX_HOOKS = 16;
/** Of lines without blanks at their ends: between two patterns that may take blanks the time grows with the square of their number. */
const SECTION = /^\[([A-Za-z0-9-]+)(?:\s+("(?:[^"\\]|\\.)*"))?\]$/;
const SETTING = /^([A-Za-z][A-Za-z0-9-]*)\s*(?:=\s*(.*))?$/;

/** Settings of a repository that name no program and no other place; a section alone stands for all of its settings. */
const HARMLESS = new RegExp(
  `^(?:${[
    'core\\.(repositoryformatversion|filemode|bare|logallrefupdates|ignorecase|precomposeunicode|symlinks|autocrlf|eol|safecrlf|untrackedcache)',
    'core\\.(quotepath|longpaths|abbrev|compression|preloadindex|commitgraph|multipackindex|splitindex|protecthfs|protectntfs|whitespace|hookspath)',
    'remote\\.(url|fetch|pushurl|push|tagopt|mirror|prune|gh-resolved)',
    'submodule\\.(active|url|branch|path|recurse|fetchjobs)',
    'extensions\\.(objectformat|refstorage|worktreeconfig|compatobjectformat)',
    'diff\\.(algorithm|renames|renamelimit|noprefix|mnemonicprefix|colormoved|submodule|context|indentheuristic)',
    'lfs\\.(repositoryformatversion|url|pushurl|access|locksverify|fetchinclude|fetchexclude|concurrenttransfers|setlockablereadonly)',
    '(user|branch|color|push|pull|fetch|init|gc|advice|status|rerere|rebase|commit|tag|index|pack|feature|receive|alias|gui)\\.[a-z0-9-]+',
  ].join('|')})$`,
);

/**
 * Why git would not only look in the repository at `root`: its configuration may name programs that git runs with every command (`core.fsmonitor`,
 * filters, drivers of diff), or another folder. Undefined for one whose settings are all known to be harmless.
 */
export function repositoryProblem(root: string): string | undefined {
  try {
    const gitDir = gitDirOf(root);
    const common = existsSync(join(gitDir, 'commondir'))
      ? resolve(gitDir, readSmallFile(join(gitDir, 'commondir'), MAX_BYTES).trim())
      : gitDir;
    const whole = existsSync(join(gitDir, 'HEAD')) && existsSync(join(common, 'objects')) && existsSync(join(common, 'refs'));
    if (!whole) return 'the project has no git repository of its own';
    const files = [join(common, 'config'), join(gitDir, 'config.worktree')].filter((file) => existsSync(file));
    const texts = files.map(linesOf);
    for (const lines of texts) {
      const setting = strangeSetting(lines);
      if (setting !== undefined) return `the configuration of the repository sets ${setting}, which may make git run something else`;
    }
    const modules = join(root, '.gitmodules');
    if (existsSync(modules) && linesOf(modules).some((line) => /^[^#;]*\bignore\s*(=|$)/i.test(line)))
      return '.gitmodules says how far git looks into a repository further down, whose settings may make it run something else';
    return hooksOf(root, common, texts).some((folder) => existsSync(join(folder, 'post-index-change')))
      ? 'the repository has a hook that git status runs'
      : undefined;
  } catch {
    return 'the configuration of the repository cannot be read';
  }
}

/** The lines of a file of settings, without blanks at their ends. Throws when there are too many, or one is too long. */
function linesOf(file: string): string[] {
  const lines = readSmallFile(file, MAX_BYTES).split('\n', MAX_LINES + 1);
  if (lines.length > MAX_LINES || lines.some((line) => line.length > MAX_LINE_CHARS)) throw new Error('too much to be read');
  return lines.map((line) => line.trim());
}

function gitDirOf(root: string): string {
  const own = join(root, '.git');
  if (statSync(own).isDirectory()) return own;
  const [, to] = /^gitdir: ([^\n]+)\n?$/.exec(readSmallFile(own, MAX_BYTES)) ?? [];
  if (to === undefined) throw new Error('no file that names a folder of git');
  return resolve(root, to);
}

/** The first setting that is not known to be harmless; also what cannot be read for sure. */
function strangeSetting(lines: readonly string[]): string | undefined {
  let section = '';
  for (const line of lines) {
    if (/^([#;].*)?$/.test(line)) continue;
    const head = SECTION.exec(line);
    if (head) {
      section = (head[1] ?? '').toLowerCase();
      // Without a name these are settings for all; with one they are about a driver.
      if (section === 'diff' && head[2] !== undefined) return 'diff with a driver';
      continue;
    }
    const [, key, value = ''] = SETTING.exec(line) ?? [];
    const name = `${section}.${(key ?? '').toLowerCase()}`;
    if (key === undefined || value.endsWith('\\')) return line.slice(0, 60);
    if (name === 'core.fsmonitor' && /^(true|false)$/.test(value)) continue;
    if (!HARMLESS.test(name)) return name.slice(0, 60);
  }
  return undefined;
}

/** Folders in which git may find hooks. Throws when there are too many. */
function hooksOf(root: string, common: string, texts: readonly (readonly string[])[]): string[] {
  const named = texts
    .flat()
    .map((line) => /^hookspath\s*=\s*"?(.*?)"?$/i.exec(line)?.[1])
    .filter((path) => path !== undefined)
    .map((path) => resolve(root, path));
  if (named.length > MAX_HOOKS) throw new Error('too many folders of hooks');
  return [join(common, 'hooks'), ...named];
}
