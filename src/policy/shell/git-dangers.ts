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
/** Commands of git that run what they are given. */
const RUNNING =
  /^(bisect|filter-branch|submodule|rebase|difftool|mergetool|config|alias|daemon|shell|hook|maintenance|send-email|instaweb|web--browse|credential)$/;

/** Why git may run something that a rule does not name. */
export function gitDanger(args: readonly Word[]): string | undefined {
  const texts = args.map((word) => word.text);
  const at = texts.findIndex(
    (text, index) => !text.startsWith('-') && !/^(-C|--git-dir|--work-tree|--namespace)$/.test(texts[index - 1] ?? ''),
  );
  const globals = at < 0 ? texts : texts.slice(0, at);
  if (globals.some((text) => /^-c/.test(text))) return 'git -c can make git run anything';
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
  if (RUNNING.test(command) && runs(command, rest)) return `git ${command} can run what it is given`;
  return undefined;
}

function runs(command: string, rest: readonly string[]): boolean {
  if (command === 'rebase') return rest.some((text) => hasShort(text, 'xi') || isLong(text, ['interactive']));
  if (command === 'submodule') return rest.some((text) => text === 'foreach' || text === 'add' || text === 'update');
  if (command === 'bisect') return rest[0] === 'run';
  if (command === 'config') return !rest.some((text) => /^(-l|--list|--get|--get-all|--get-regexp|list|get)$/.test(text));
  return true;
}
