import { existsSync } from 'node:fs';
import { posix } from 'node:path';
import type { ShellAct, ShellCommand, Word } from '../shell/command.ts';
import { isPlainSed } from '../shell/little-languages.ts';
import { firstOperand, readOption } from '../shell/options.ts';
import { gitLookProblem } from './git.ts';
import { isFolder, Known, namesProblem, type Place, pathProblem } from './paths.ts';
import { LOOKS, type Look, VERSIONS } from './programs.ts';

/** Folders that `cd` may lead to beyond which a line is asked about. */
const MAX_FOLDERS = 16;
const FIND_ALONE =
  /^-(print|print0|empty|prune|o|or|a|and|not|true|false|depth|mount|xdev|executable|readable|writable|nouser|nogroup|ls|noleaf|daystart)$/;
const FIND_VALUED =
  /^-(name|iname|path|ipath|wholename|iwholename|type|maxdepth|mindepth|size|mtime|mmin|atime|amin|ctime|cmin|newer|regex|iregex|perm|user|group|links|regextype)$/;

const SEARCHED =
  /^!|^[\w*/-]*\*\.(c|h|cc|cpp|hpp|cs|css|scss|go|html|java|js|jsx|mjs|cjs|kt|md|php|py|rb|rs|sh|sql|svelte|swift|ts|tsx|txt|vue|xml|ya?ml)$/;

/** The place of a line of commands: the folders that its `cd`s may lead to. Undefined when one leads out of the project. */
export function placeOfActs(acts: readonly ShellAct[], root: string, cwd: string): Place | undefined {
  const targets: Word[] = [];
  const known = new Known();
  let folders: readonly string[] = [cwd];
  for (const act of acts) {
    if (act.kind !== 'program' || act.words[0]?.text !== 'cd') continue;
    const [, target, more] = act.words;
    if (!target?.literal || more || target.text === '-' || pathProblem(target, { root, folders, known }) !== undefined) return undefined;
    folders = [...new Set([...folders, ...folders.map((folder) => posix.resolve(folder, target.text))])];
    targets.push(target);
    if (folders.length > MAX_FOLDERS) return undefined;
  }
  // In a loop each is entered again, from wherever the others have led.
  for (let before = 0; before !== folders.length; ) {
    before = folders.length;
    const place = { root, folders, known };
    if (folders.length > MAX_FOLDERS || targets.some((target) => pathProblem(target, place) !== undefined)) return undefined;
    const next = folders.flatMap((folder) => targets.map((target) => posix.resolve(folder, target.text)));
    folders = [...new Set([...folders, ...[...new Set(next)].filter((folder) => existsSync(folder))])];
  }
  return { root, folders, known };
}

/** Why a command is not one of those that only look; undefined for one that is (SPEC {#policy_defaults}). */
export function lookProblem(command: ShellCommand, place: Place): string | undefined {
  const { words, assigned } = command;
  const [first, ...args] = words;
  const name = first?.text ?? '';
  if (assigned.length > 0) return 'it sets variables';
  if (command.exactOnly !== undefined) return command.exactOnly;
  if (name === 'cd') return undefined;
  if (name === '[') return undefined;
  if (args.length === 1 && args[0]?.literal && VERSIONS.has(name) && /^(--version|-V)$/.test(args[0].text)) return undefined;
  if (name === 'git') return gitLookProblem(words, place);
  if (name === 'find') return findProblem(args, place);
  if (name === 'sed') return sedProblem(words, place);
  if (/^[gm]?awk$/.test(name)) return awkProblem(words, place);
  if (name === 'command' && /^-[vV]$/.test(args[0]?.text ?? '')) return undefined;
  const look = Object.hasOwn(LOOKS, name) ? LOOKS[name] : undefined;
  return look ? argsProblem(name, words, look, place) : `${name.slice(0, 60)} is not known to only look`;
}

function argsProblem(name: string, words: readonly Word[], look: Look, place: Place): string | undefined {
  let texts = look.texts ?? 0;
  const operands: Word[] = [];
  for (let at = 1; at < words.length; at++) {
    const word = words[at];
    if (!word) break;
    if (texts === Infinity && !word.literal && !word.glob && !/^"?\$[?#]"?$/.test(word.text))
      return `what ${word.text.slice(0, 60)} stands for is not known`;
    if (texts === Infinity && word.glob) {
      const problem = namesProblem(word.text, place);
      if (problem !== undefined) return problem;
    }
    if (texts === Infinity && look.flags === undefined && look.most === undefined) continue;
    if (word.literal && word.text === '--') {
      operands.push(...words.slice(at + 1));
      break;
    }
    if (!word.literal && word.glob !== true && texts !== Infinity) return `what ${word.text.slice(0, 60)} stands for is not known`;
    if (!word.text.startsWith('-') || word.text === '-') {
      operands.push(word);
      continue;
    }
    const option = word.literal ? readOption(word.text, look) : undefined;
    if (option === undefined) return `${word.text.slice(0, 60)} is not known to only look`;
    const value = option.words === 2 ? words[at + 1] : { text: option.value ?? '', literal: true };
    // What takes the place of more than one word would shift all that follows.
    if (value && !value.literal) return `what ${value.text.slice(0, 60)} stands for is not known`;
    if (look.textOptions?.includes(option.name)) texts = 0;
    else if (value && name === 'rg' && /^(-g|--glob|--iglob)$/.test(option.name)) {
      // A glob of rg takes in hidden files as well, unless it is about another kind.
      if (!SEARCHED.test(value.text)) return `${word.text.slice(0, 60)} may take in hidden files`;
    } else if (value && value.text !== '' && pathProblem(value, place) !== undefined)
      return `${word.text.slice(0, 60)} names a place outside of the project or a secret`;
    at += option.words - 1;
  }
  if (name === 'date' && operands.some(({ text }) => !text.startsWith('+'))) return 'date with such a word sets the clock';
  if (look.most !== undefined && (operands.length > look.most || operands.some((word) => word.glob)))
    return `${name} with so many words may do more than look`;
  // It can show variables, and read the files of its modules.
  if (name === 'jq' && /\benv\b|ENV|\b(import|include|modulemeta)\b/.test(operands[0]?.text ?? ''))
    return 'this filter may show more than its files';
  for (const operand of operands.slice(texts)) {
    const problem = operand.text === '-' ? undefined : pathProblem(operand, place);
    if (problem !== undefined) return problem;
    if (name === 'strings' && operand.text.startsWith('@')) return `${operand.text.slice(0, 60)} names a file of options`;
    if (look.files && isFolder(operand, place)) return `${operand.text.slice(0, 60)} is a folder, whose files may be secrets`;
  }
  if (texts > 0 && texts !== Infinity && operands[0] && !operands[0].literal)
    return `what ${operands[0].text.slice(0, 60)} stands for is not known`;
  return undefined;
}

function findProblem(args: readonly Word[], place: Place): string | undefined {
  for (let at = 0; at < args.length; at++) {
    const word = args[at];
    if (!word) break;
    if (!word.literal) return `what ${word.text.slice(0, 60)} stands for is not known`;
    if (/^[()!,]$/.test(word.text) || FIND_ALONE.test(word.text)) continue;
    if (FIND_VALUED.test(word.text)) {
      if (word.text === '-newer') {
        const other = args[at + 1];
        const problem = other && pathProblem(other, place);
        if (problem !== undefined) return problem;
      }
      at += 1;
      continue;
    }
    if (word.text.startsWith('-')) return `find ${word.text.slice(0, 60)} is not known to only look`;
    const problem = pathProblem(word, place);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

/** sed that prints what it finds, and edits no file. */
function sedProblem(words: readonly Word[], place: Place): string | undefined {
  const at = firstOperand(words, { flags: 'nEr', longFlags: ['quiet', 'silent', 'regexp-extended'] });
  const script = at === undefined ? undefined : words[at];
  if (at === undefined || !script?.literal || !isPlainSed(script.text)) return 'this call of sed is not known to only look';
  for (const word of words.slice(at + 1)) {
    if (word.text.startsWith('-')) return 'this call of sed is not known to only look';
    const problem = pathProblem(word, place);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

/** awk that prints what it finds: nothing that is run or written, which is dangerous anyway, no variables, and no files but those that it names. */
function awkProblem(words: readonly Word[], place: Place): string | undefined {
  const at = firstOperand(words, { valued: 'F' });
  const program = at === undefined ? undefined : words[at];
  if (at === undefined || !program?.literal || /ENVIRON|ARG[VC]|PROCINFO|SYMTAB|FUNCTAB/.test(program.text))
    return 'this call of awk is not known to only look';
  for (const word of words.slice(at + 1)) {
    if (word.text.startsWith('-') || word.text.includes('=')) return 'this call of awk is not known to only look';
    const problem = pathProblem(word, place);
    if (problem !== undefined) return problem;
  }
  return undefined;
}
