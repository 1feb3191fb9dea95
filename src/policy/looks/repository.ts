import { existsSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** Bytes of a configuration beyond which it is not read. */
const MAX_BYTES = 256 * 1024;
const SECTION = /^\s*\[([A-Za-z0-9-]+)(?:\s+("(?:[^"\\]|\\.)*"))?\]\s*$/;
const SETTING = /^\s*([A-Za-z][A-Za-z0-9-]*)\s*(?:=\s*(.*?))?\s*$/;

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
    const common = existsSync(join(gitDir, 'commondir')) ? resolve(gitDir, readSmall(join(gitDir, 'commondir')).trim()) : gitDir;
    const whole = existsSync(join(gitDir, 'HEAD')) && existsSync(join(common, 'objects')) && existsSync(join(common, 'refs'));
    if (!whole) return 'the project has no git repository of its own';
    const files = [join(common, 'config'), join(gitDir, 'config.worktree')].filter((file) => existsSync(file));
    const texts = files.map(readSmall);
    for (const text of texts) {
      const setting = strangeSetting(text);
      if (setting !== undefined) return `the configuration of the repository sets ${setting}, which may make git run something else`;
    }
    const modules = join(root, '.gitmodules');
    if (existsSync(modules) && /^[^#;\n]*\bignore\s*(=|$)/im.test(readSmall(modules)))
      return '.gitmodules says how far git looks into a repository further down, whose settings may make it run something else';
    return hooksOf(root, common, texts).some((folder) => existsSync(join(folder, 'post-index-change')))
      ? 'the repository has a hook that git status runs'
      : undefined;
  } catch {
    return 'the configuration of the repository cannot be read';
  }
}

function gitDirOf(root: string): string {
  const own = join(root, '.git');
  if (statSync(own).isDirectory()) return own;
  const [, to] = /^gitdir: ([^\n]+)\n?$/.exec(readSmall(own)) ?? [];
  if (to === undefined) throw new Error('no file that names a folder of git');
  return resolve(root, to);
}

function readSmall(file: string): string {
  if (statSync(file).size > MAX_BYTES) throw new Error('too large');
  return readFileSync(file, 'utf8');
}

/** The first setting that is not known to be harmless; also what cannot be read for sure. */
function strangeSetting(text: string): string | undefined {
  let section = '';
  for (const line of text.split('\n')) {
    if (/^\s*([#;].*)?$/.test(line)) continue;
    const head = SECTION.exec(line);
    if (head) {
      section = (head[1] ?? '').toLowerCase();
      // Without a name these are settings for all; with one they are about a driver.
      if (section === 'diff' && head[2] !== undefined) return 'diff with a driver';
      continue;
    }
    const [, key, value = ''] = SETTING.exec(line) ?? [];
    const name = `${section}.${(key ?? '').toLowerCase()}`;
    if (key === undefined || value.endsWith('\\')) return line.trim().slice(0, 60);
    if (name === 'core.fsmonitor' && /^(true|false)$/.test(value)) continue;
    if (!HARMLESS.test(name)) return name.slice(0, 60);
  }
  return undefined;
}

function hooksOf(root: string, common: string, texts: readonly string[]): string[] {
  const named = texts.flatMap((text) =>
    [...text.matchAll(/^\s*hookspath\s*=\s*"?(.*?)"?\s*$/gim)].map(([, path = '']) => resolve(root, path)),
  );
  return [join(common, 'hooks'), ...named];
}
