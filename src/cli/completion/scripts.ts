import type { Command } from 'commander';
import { COMPLETION_BASH } from './completion-bash.ts';
import { COMPLETION_ZSH } from './completion-zsh.ts';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof SHELLS)[number];

/** What a shell reads to complete the command: a few lines that ask `headgate complete` (SPEC {#cli_completion}). */
export function completionScript(shell: Shell, program: Command): string {
  switch (shell) {
    case 'bash':
      return COMPLETION_BASH;
    case 'zsh':
      return COMPLETION_ZSH;
    case 'fish':
      return `complete -c headgate -f -a '(headgate complete -- (commandline -opc)[2..] (commandline -ct) 2>/dev/null)'
complete -c headgate -n '__fish_prev_arg_in ${fileFlags(program).join(' ')}' -F
`;
  }
}

/** Flags whose value is the name of a file or folder here. */
function fileFlags(program: Command): string[] {
  const all = [program, ...program.commands.flatMap((command) => [command, ...command.commands])].flatMap((command) => command.options);
  const named = all.filter(({ flags }) => /<(?:file|dir|path)>/.test(flags));
  return [...new Set(named.flatMap(({ long, short }) => [long, short]))].filter((flag) => flag !== undefined);
}
