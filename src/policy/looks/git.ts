import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Word } from '../shell/command.ts';
import { firstOperand, type OptionSpec } from '../shell/options.ts';
import type { Place } from './paths.ts';
import { repositoryProblem } from './repository.ts';
import { looksSecret } from './secrets.ts';

const DIFF: OptionSpec = {
  flags: 'pusMCRwbzW',
  valued: 'UGS',
  longFlags: [
    'stat',
    'numstat',
    'shortstat',
    'name-only',
    'name-status',
    'patch',
    'no-patch',
    'cached',
    'staged',
    'summary',
    'no-color',
    'no-renames',
    'no-ext-diff',
    'no-textconv',
    'word-diff',
    'ignore-all-space',
    'check',
    'raw',
    'minimal',
    'merge-base',
    'full-index',
    'exit-code',
    'quiet',
    'dirstat',
    'compact-summary',
    'color',
    'abbrev',
    'find-renames',
  ],
  longValued: ['unified', 'diff-filter', 'word-diff', 'color', 'stat', 'abbrev', 'find-renames', 'diff-algorithm', 'inter-hunk-context'],
};
const LOG: OptionSpec = {
  flags: `${DIFF.flags ?? ''}ciEFg`,
  valued: `${DIFF.valued ?? ''}nL`,
  numeric: true,
  longFlags: [
    ...(DIFF.longFlags ?? []),
    'oneline',
    'graph',
    'all',
    'decorate',
    'no-decorate',
    'merges',
    'no-merges',
    'follow',
    'reverse',
    'first-parent',
    'abbrev-commit',
    'tags',
    'branches',
    'remotes',
    'date-order',
    'topo-order',
    'simplify-by-decoration',
    'ignore-case',
    'left-right',
    'full-history',
    'no-pager',
    'walk-reflogs',
    'pretty',
  ],
  longValued: [
    ...(DIFF.longValued ?? []),
    'format',
    'pretty',
    'date',
    'author',
    'committer',
    'grep',
    'since',
    'until',
    'after',
    'before',
    'max-count',
    'skip',
    'decorate',
    'branches',
    'tags',
    'glob',
  ],
};

/** Commands of git that only look, with the options that keep them so; `none` where they may have no operand. */
const COMMANDS: Readonly<Record<string, OptionSpec & { readonly none?: true }>> = {
  status: {
    flags: 'sbuz',
    longFlags: ['short', 'branch', 'porcelain', 'long', 'ignored', 'untracked-files', 'show-stash', 'ahead-behind', 'null'],
    longValued: ['porcelain', 'untracked-files', 'ignored'],
  },
  diff: DIFF,
  log: LOG,
  show: LOG,
  shortlog: { flags: 'sne', longFlags: ['summary', 'numbered', 'email', 'all'], longValued: ['since', 'until', 'author'] },
  blame: { flags: 'befnslwMCtp', valued: 'L', longFlags: ['porcelain', 'line-porcelain', 'show-email'], longValued: ['since', 'date'] },
  branch: { flags: 'arv', longFlags: ['all', 'remotes', 'list', 'show-current', 'verbose', 'no-color'], none: true },
  tag: { flags: 'l', longFlags: ['list'], none: true },
  remote: { flags: 'v', longFlags: ['verbose'], none: true },
  'rev-parse': {
    longFlags: ['short', 'abbrev-ref', 'show-toplevel', 'verify', 'is-inside-work-tree', 'show-prefix', 'quiet', 'symbolic-full-name'],
    longValued: ['short', 'abbrev-ref'],
  },
  describe: { longFlags: ['tags', 'always', 'long', 'all', 'abbrev'], longValued: ['match', 'abbrev'] },
  'ls-files': {
    flags: 'cdmosuztvk',
    longFlags: ['cached', 'modified', 'others', 'deleted', 'stage', 'exclude-standard', 'full-name', 'ignored'],
    longValued: ['exclude'],
  },
  'ls-tree': { flags: 'drtlz', longFlags: ['name-only', 'full-tree', 'long', 'full-name'] },
  'rev-list': { longFlags: ['count', 'all', 'merges', 'no-merges', 'first-parent'], longValued: ['max-count', 'since', 'until'] },
  'merge-base': { flags: 'a', longFlags: ['is-ancestor', 'all', 'fork-point'] },
  'cat-file': { flags: 'tsep' },
  grep: {
    flags: 'ivwnlLcEFGPhHop',
    valued: 'eABCm',
    longFlags: [
      'cached',
      'ignore-case',
      'word-regexp',
      'line-number',
      'name-only',
      'files-with-matches',
      'count',
      'fixed-strings',
      'extended-regexp',
      'perl-regexp',
      'heading',
      'break',
      'show-function',
      'color',
    ],
    longValued: ['max-depth', 'color'],
  },
};

/**
 * Why a call of git is asked about. Only at the root of a project that has its own `.git`: in a folder below, a repository that came with the
 * files could name programs that git runs.
 */
export function gitLookProblem(words: readonly Word[], place: Place): string | undefined {
  if (words.some(({ literal }) => !literal)) return 'which files git shows is not known';
  const texts = words.map((word) => word.text);
  let at = 1;
  while (/^(--no-pager|--no-optional-locks|--literal-pathspecs)$/.test(texts[at] ?? '')) at += 1;
  const name = texts[at] ?? '';
  const spec = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (!spec) return `git ${name.slice(0, 60)} may change something`;
  if (place.folders.some((folder) => folder !== place.root) || !existsSync(join(place.root, '.git')))
    return 'git runs outside of the root of the project';
  const strange = place.known.repository(place.root, repositoryProblem);
  if (strange !== undefined) return strange;
  if (texts.some((text) => looksSecret(text.replace(/^.*=/, '')) || /(^|[:/])\.\.(\/|$)/.test(text)))
    return 'a file of it looks like a secret or is outside of the project';
  let from = at + 1;
  while (from < words.length) {
    const operand = firstOperand(words, spec, from);
    if (operand === undefined) return `an option of git ${name} is not known to only look`;
    if (operand >= words.length) return undefined;
    if (spec.none) return `git ${name} with a name may change something`;
    if (/^[/~]/.test(texts[operand] ?? '')) return 'a path is outside of the project';
    from = operand + 1;
  }
  return undefined;
}
