import type { Command } from 'commander';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof SHELLS)[number];

const BASH = `_headgate() {
  local line=\${COMP_LINE:0:COMP_POINT} cur colon= one
  local -a words
  # COMP_WORDS would cut paths at their colons.
  read -ra words <<<"$line"
  [[ $line == *[[:space:]] ]] && words+=("")
  cur=\${words[\${#words[@]}-1]}
  [[ $cur == *:* && $COMP_WORDBREAKS == *:* ]] && colon=\${cur%"\${cur##*:}"}
  COMPREPLY=()
  while IFS= read -r one; do
    COMPREPLY+=("\${one#"$colon"}")
  done < <("\${words[0]}" complete -- "\${words[@]:1}" 2>/dev/null)
}
complete -o default -F _headgate headgate
`;

const ZSH = `#compdef headgate
_headgate() {
  local -a found
  found=("\${(@f)$("\${words[1]}" complete -- "\${(@)words[2,CURRENT-1]}" "\${(Q)PREFIX}" 2>/dev/null)}")
  if [[ -n \${found[1]} ]]; then
    compadd -- "\${found[@]}"
  else
    _files
  fi
}
if [[ \${funcstack[1]} == _headgate ]]; then
  _headgate "$@"
else
  compdef _headgate headgate
fi
`;

/** What a shell reads to complete the command: a few lines that ask `headgate complete` (SPEC {#cli_completion}). */
export function completionScript(shell: Shell, program: Command): string {
  switch (shell) {
    case 'bash':
      return BASH;
    case 'zsh':
      return ZSH;
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
