#!/bin/bash
# Completes the words of headgate in bash.

_headgate() {
  local line=${COMP_LINE:0:COMP_POINT} cur colon='' one
  local -a words
  # COMP_WORDS would cut paths at their colons.
  read -ra words <<<"$line"
  [[ $line == *[[:space:]] ]] && words+=("")
  cur=${words[${#words[@]}-1]}
  [[ $cur == *:* && $COMP_WORDBREAKS == *:* ]] && colon=${cur%"${cur##*:}"}
  COMPREPLY=()
  while IFS= read -r one; do
    COMPREPLY+=("${one#"$colon"}")
  done < <("${words[0]}" complete -- "${words[@]:1}" 2>/dev/null)
}
complete -o default -F _headgate headgate
