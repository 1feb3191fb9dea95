// Made from src/cli/completion/completion.zsh by npm run docs.
/** compdef headgate */
export const COMPLETION_ZSH = `#compdef headgate\n_headgate() {\n  local -a found\n  found=("\${(@f)$("\${words[1]}" complete -- "\${(@)words[2,CURRENT-1]}" "\${(Q)PREFIX}" 2>/dev/null)}")\n  if [[ -n \${found[1]} ]]; then\n    compadd -- "\${found[@]}"\n  else\n    _files\n  fi\n}\nif [[ \${funcstack[1]} == _headgate ]]; then\n  _headgate "$@"\nelse\n  compdef _headgate headgate\nfi\n`;
