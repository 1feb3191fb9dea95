import type { Word } from './command.ts';
import { hasShort, isLong } from './options.ts';

/** Options of git and of its commands that name a program to run, or a file to write. */
const LONG = [
  'config-env',
  'exec-path',
  'upload-pack',
  'receive-pack',
  'exec',
  'ext-diff',
  'open-files-in-pager',
  'extcmd',
  'output',
  'upload-archive',
  'template',
  'gpg-sign',
  'no-index',
  'contents',
];
/** Commands of git whose words choose what they work on; any other may be an alias, a program, or run what it is given. */
const KNOWN = new Set(
  `add am apply blame branch cat-file check-attr check-ignore checkout cherry cherry-pick clean clone commit count-objects describe diff
  diff-files diff-index diff-tree fetch for-each-ref fsck gc grep hash-object init log ls-files ls-remote ls-tree merge merge-base mv
  name-rev notes prune pull push range-diff read-tree reflog remote repack replace rerere reset restore rev-list rev-parse revert rm
  shortlog show show-branch show-ref sparse-checkout stash status switch symbolic-ref tag update-index update-ref verify-commit
  verify-tag version whatchanged worktree write-tree bisect config rebase submodule`
    .split(/\s+/)
    .filter(Boolean),
);
/** Global options that take another folder, whose configuration may name programs. */
const ELSEWHERE = ['git-dir', 'work-tree', 'namespace', 'super-prefix', 'bare'];

/** Why git may run something that a rule does not name. */
export function gitDanger(args: readonly Word[]): string | undefined {
  const texts = args.map((word) => word.text);
  const at = texts.findIndex((text) => !text.startsWith('-'));
  const globals = at < 0 ? texts : texts.slice(0, at);
  if (globals.some((text) => /^-c/.test(text))) return 'git -c can make git run anything';
  const other = globals.find((text) => /^-C/.test(text) || isLong(text, ELSEWHERE, 3));
  if (other !== undefined) return `git ${other.slice(0, 60)} takes the configuration of another folder`;
  const command = texts[at] ?? '';
  const rest = texts.slice(at + 1);
  for (const text of texts) {
    if (isLong(text, LONG)) return `${text.slice(0, 60)} can make git run or write something else`;
    if (/^ext::|^[^:/]*::/.test(text)) return `${text.slice(0, 60)} is a transport that runs a program`;
  }
  // git diff reads any file when one of the two is no part of the repository.
  if (command === 'diff' && rest.some((text) => /^[/~]|(^|\/)\.\.(\/|$)/.test(text)))
    return 'git diff compares files outside of the repository';
  if (command === 'grep' && rest.some((text) => hasShort(text, 'O'))) return 'git grep -O runs a program';
  if (/^(clone|fetch-pack)$/.test(command) && rest.some((text) => hasShort(text, 'uc'))) return 'git clone with -u or -c can run a program';
  if (/^(merge|pull)$/.test(command) && rest.some((text) => hasShort(text, 's') || isLong(text, ['strategy'], 3)))
    return `git ${command} -s can run a program`;
  if (at >= 0 && (!KNOWN.has(command) || runs(command, rest))) return `git ${command.slice(0, 60)} can run what it is given`;
  return undefined;
}

function runs(command: string, rest: readonly string[]): boolean {
  if (command === 'rebase') return rest.some((text) => hasShort(text, 'xis') || isLong(text, ['interactive', 'strategy']));
  if (command === 'submodule') return rest.some((text) => text === 'foreach' || text === 'add' || text === 'update');
  if (command === 'bisect') return rest.includes('run');
  if (command === 'config') return !readsConfig(rest);
  return false;
}

/** True for a call of `git config` that shows settings: its first word says so, or it names one setting and nothing more. */
function readsConfig(rest: readonly string[]): boolean {
  const words = rest.filter((text) => !/^(--(global|local|system|worktree|null|name-only|show-origin|show-scope)|-z)$/.test(text));
  const [first = '', ...more] = words;
  if (/^(-l|--list)$/.test(first)) return more.length === 0;
  if (/^(--get|--get-all|--get-regexp)$/.test(first)) return more.every((text) => !text.startsWith('-'));
  return /^[A-Za-z][\w.-]*\.[\w.-]+$/.test(first) && more.length === 0;
}
