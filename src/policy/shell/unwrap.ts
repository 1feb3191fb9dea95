import { baseName, commandOf, isPlainName, type ShellCommand, type Word } from './command.ts';
import { dangerOf, unknownWord } from './dangers.ts';
import { shellCall } from './inner-scripts.ts';
import { firstOperand, readOption } from './options.ts';
import { wrappedBy } from './wrappers.ts';

/** Builtins that change what later words mean, or run text. */
const DOUBTFUL = new Set(
  `eval source . trap alias unalias export declare typeset local readonly unset hash enable shopt bind complete compgen compopt mapfile
  readarray let coproc fc history getopts set ulimit umask select function`
    .split(/\s+/)
    .filter(Boolean),
);
/** Words of the grammar that are no commands: the grammar saw them in a place in which the shell may not. */
const RESERVED = new Set('! { } if then elif else fi while until do done for in case esac [[ ]] ]'.split(' '));
/** Wrappers in wrappers beyond which nothing is unwrapped. */
const MAX_WRAPPERS = 20;

/** A script that a command hands to a shell. */
interface InnerScript {
  readonly text: string;
  /** Its commands are looked at for what is denied only. */
  readonly exact: boolean;
  /** The word that it is. */
  readonly word?: Word;
}

/** What a command comes to: itself or what it runs, and scripts that it hands to a shell. */
export interface Unwrapped {
  readonly commands: readonly ShellCommand[];
  readonly scripts: readonly InnerScript[];
}

/** Finds the commands behind `env`, `timeout`, `xargs`, `find -exec`, `sh -c` and the like (SPEC {#policy_shell}). */
export function unwrapped(command: ShellCommand, doubt: (why: string) => void, level = 0): Unwrapped {
  const { words, assigned } = command;
  const [first] = words;
  const alone = (exactOnly?: string): Unwrapped => ({
    commands: [exactOnly === undefined ? command : { ...command, exactOnly }],
    scripts: [],
  });
  if (!first || level > MAX_WRAPPERS) {
    doubt('it has commands inside of commands');
    return alone();
  }
  if (!first.literal || (!RESERVED.has(first.text) && !/^[A-Za-z0-9_./+:@%,=^~-]+$|^\[$/.test(first.text))) {
    doubt(`which program ${first.text.slice(0, 60)} is cannot be known`);
    return alone();
  }
  const name = baseName(first.text);
  if (DOUBTFUL.has(first.text) || RESERVED.has(first.text)) {
    doubt(`${first.text} changes what other commands do, or runs a text`);
    const code = first.text === 'eval' || first.text === 'trap' ? words.slice(1).filter(({ literal }) => literal) : [];
    const text = (first.text === 'trap' ? code.slice(0, 1) : code).map((word) => word.text).join(' ');
    // A word of the grammar in the place of a command: what follows it may be one.
    const rest = RESERVED.has(first.text) && words.length > 1 ? unwrapped(commandOf(words.slice(1)), doubt, level + 1).commands : [];
    return { commands: [command, ...rest], scripts: text === '' ? [] : [{ text, exact: true }] };
  }
  if (first.text === 'wait' && words.slice(1).some(({ text, literal }) => !literal || text.startsWith('-')))
    doubt('wait sets a variable that can change what other commands do');
  if (first.text === 'read' && words.slice(1).some(({ text, literal }) => !literal || !(text === '-r' || isPlainName(text)))) {
    doubt('read sets a variable that can change what other commands do');
  }
  // A program of that name in a folder may be another one: what it runs is looked for, but it is not taken for it.
  const known = !first.text.includes('/');
  return (
    shell(command, name, known, doubt) ??
    wrapper(command, name, known, doubt, level) ??
    several(command, name, doubt, level) ??
    alone(dangerOf(name, words) ?? assignedDanger(assigned))
  );
}

/** `sh -c script`: the script's commands stand for it. */
function shell(command: ShellCommand, name: string, known: boolean, doubt: (why: string) => void): Unwrapped | undefined {
  const call = shellCall(name, command.words);
  if (!call) return undefined;
  if (call.kind === 'file') return { commands: [command], scripts: [] };
  if (call.kind !== 'code') return { commands: [{ ...command, exactOnly: `${name} runs what it reads` }], scripts: [] };
  if (!call.code.literal) {
    doubt(`the script of ${name} is not known`);
    return { commands: [command], scripts: [] };
  }
  const plain = known && call.exact === undefined && command.assigned.length === 0;
  const script = { text: call.code.text, exact: !plain, word: call.code };
  return { commands: [plain ? { ...command, denyOnly: true } : { ...command, exactOnly: `${name} -c runs a text` }], scripts: [script] };
}

function wrapper(command: ShellCommand, name: string, known: boolean, doubt: (why: string) => void, level: number): Unwrapped | undefined {
  const inner = wrappedBy(name, command.words);
  if (inner === undefined) return undefined;
  if (inner === 'none') return { commands: [command], scripts: [] };
  if (inner === 'unknown')
    return { commands: [{ ...command, exactOnly: `what ${name} runs with these options is not known` }], scripts: [] };
  const assigned = [...command.assigned, ...inner.assigned];
  const found = unwrapped(commandOf(inner.words, assigned), doubt, level + 1);
  if (known && !inner.named) return { commands: [{ ...command, denyOnly: true }, ...found.commands], scripts: found.scripts };
  return judgedOutside(command, found);
}

/** `xargs` and `find -exec` run a command with words that are not known yet. */
function several(command: ShellCommand, name: string, doubt: (why: string) => void, level: number): Unwrapped | undefined {
  if (name === 'xargs') {
    const words = runByXargs(command.words);
    if (!words) return { commands: [{ ...command, exactOnly: 'what xargs runs with these options is not known' }], scripts: [] };
    if (words.length === 0) return { commands: [command], scripts: [] };
    return judgedOutside(command, unwrapped(commandOf(words), doubt, level + 1));
  }
  if (name !== 'find') return undefined;
  const { inner, danger } = foundBy(command.words);
  const unknown = danger ?? unknownWord('find', command.words.slice(1));
  const outer = unknown === undefined ? command : { ...command, exactOnly: unknown };
  const parts = inner.map((words) => unwrapped(commandOf(words), doubt, level + 1));
  return { commands: [outer, ...parts.flatMap((part) => part.commands)], scripts: parts.flatMap((part) => part.scripts) };
}

const XARGS = {
  flags: '0rtx',
  valued: 'dEILnPs',
  longFlags: ['null', 'no-run-if-empty', 'verbose', 'exit', 'replace', 'max-lines'],
  longValued: ['delimiter', 'max-args', 'max-procs', 'max-lines', 'replace', 'max-chars'],
};

/** The words that xargs runs, where what it reads has its place in them or behind them; undefined when that is not known. */
function runByXargs(words: readonly Word[]): Word[] | undefined {
  const at = firstOperand(words, XARGS);
  if (at === undefined) return undefined;
  let place: string | undefined;
  for (let index = 1; index < at; index++) {
    const option = readOption(words[index]?.text ?? '', XARGS);
    const value = option?.words === 2 ? words[index + 1]?.text : option?.value;
    if (option?.name === '-I' || option?.name === '--replace') place = value ?? '{}';
    index += (option?.words ?? 1) - 1;
  }
  const run = words.slice(at);
  if (run.length === 0 || place === '') return run.length === 0 ? [] : undefined;
  const unknown = (word: Word): Word => (place !== undefined && word.text.includes(place) ? { text: word.text, literal: false } : word);
  return [...run.map(unknown), { text: '...', literal: false }];
}

/** A rule has to name the outer command; the inner ones can be denied, and make it as dangerous as they are. */
function judgedOutside(command: ShellCommand, found: Unwrapped): Unwrapped {
  const danger =
    found.commands.find((one) => one.exactOnly !== undefined)?.exactOnly ?? (found.scripts.length > 0 ? 'it runs a script' : undefined);
  return {
    commands: [
      danger === undefined ? command : { ...command, exactOnly: danger },
      ...found.commands.map((one) => ({ ...one, denyOnly: true as const })),
    ],
    scripts: found.scripts.map(({ text }) => ({ text, exact: true })),
  };
}

/** Variables of one command are a part of its text; these are looked at by the program loader before the program. */
function assignedDanger(assigned: readonly string[]): string | undefined {
  const found = assigned.find((text) =>
    /^(LD_|DYLD_|PATH=|GIT_|BASH_ENV|ENV=|IFS=|PS4|SHELL|NODE_|PYTHON|PERL|RUBY|PAGER|LESS|EDITOR|VISUAL)/.test(text),
  );
  return found && `${found.split('=', 1)[0] ?? ''} can make it run something else`;
}

/** What find does with what it finds: the commands that it runs, and why it is dangerous by itself. */
function foundBy(words: readonly Word[]): { inner: Word[][]; danger: string | undefined } {
  const inner: Word[][] = [];
  let danger: string | undefined;
  for (let at = 1; at < words.length; at++) {
    const word = words[at];
    if (!word?.literal) continue;
    if (/^-(delete|fprint|fprint0|fprintf|fls|files0-from)$/.test(word.text)) danger = `find ${word.text} deletes or writes files`;
    if (!/^-(exec|execdir|ok|okdir)$/.test(word.text)) continue;
    const end = words.findIndex(
      (one, index) => index > at && one.literal && (one.text === ';' || (one.text === '+' && words[index - 1]?.text === '{}')),
    );
    const part = words.slice(at + 1, end < 0 ? undefined : end);
    if (end < 0) danger = `find ${word.text} without its end`;
    // What takes the place of {} is not known.
    inner.push(part.map((one) => (one.literal && one.text.includes('{}') ? { text: one.text, literal: false } : one)));
    at = end < 0 ? words.length : end;
  }
  return { inner, danger };
}
