import { HeadgateError } from '../../../core/errors.ts';

const OPERATORS = /[|&;<>()$`*?[]/;

/**
 * Words of a command for an image without a shell: blanks separate them, quotes and backslashes as in POSIX sh. Throws
 * `unsupported` with outcome `no_shell` for what only a shell could do, and for no command at all.
 */
export function splitWords(command: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  for (let at = 0; at < command.length; at++) {
    const char = command.charAt(at);
    if (/\s/.test(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (char === "'") {
      const end = command.indexOf("'", at + 1);
      if (end < 0) throw noShell('a quote is not closed');
      word = (word ?? '') + command.slice(at + 1, end);
      at = end;
    } else if (char === '"') {
      const quoted = doubleQuoted(command, at + 1);
      word = (word ?? '') + quoted.text;
      at = quoted.end;
    } else if (char === '\\') {
      word = (word ?? '') + command.charAt(++at);
    } else {
      if (OPERATORS.test(char)) throw noShell(`${char} needs a shell`);
      word = (word ?? '') + char;
    }
  }
  if (word !== undefined) words.push(word);
  if (words.length === 0) throw noShell('the command is empty');
  return words;
}

function doubleQuoted(command: string, from: number): { text: string; end: number } {
  let text = '';
  for (let at = from; at < command.length; at++) {
    const char = command.charAt(at);
    if (char === '"') return { text, end: at };
    if (char === '$' || char === '`') throw noShell(`${char} needs a shell`);
    const next = command.charAt(at + 1);
    if (char === '\\' && /["\\$`]/.test(next)) {
      text += next;
      at++;
    } else {
      text += char;
    }
  }
  throw noShell('a quote is not closed');
}

function noShell(why: string): HeadgateError {
  return new HeadgateError(
    'unsupported',
    `this image has no /bin/sh, so the command can only be a program and its arguments, and ${why}; quote it, or take an image with a shell`,
    { outcome: 'no_shell' },
  );
}
