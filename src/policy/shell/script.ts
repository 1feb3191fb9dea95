import { messageOf } from '../../core/errors.ts';
import { commandOf, type ShellAct, type ShellCommand, type ShellScript, type Word } from './command.ts';
import { gapDoubt } from './coverage.ts';
import { withoutDrivers } from './git-drivers.ts';
import { Grammar, MAX_CHARS, type Node, signsDoubt } from './grammar.ts';
import { printed, Unprintable } from './print.ts';
import { unwrapped } from './unwrap.ts';
import { Walk } from './walk.ts';

/** Pieces of an unreadable text that are looked at. */
const MAX_LOOSE = 500;
/** Scripts inside of scripts (`sh -c "sh -c ..."`) beyond which nothing is taken apart any more. */
const MAX_SCRIPTS = 8;
/** Tests in a line beyond which it is not taken apart. */
const MAX_BRACKETS = 100;
const UNREAD = { unread: true } as const;
const TOO_LONG = `it is longer than ${MAX_CHARS} characters`;

type Brackets = ReadonlyMap<number, string>;
/** Scripts among the words of commands, printed again; each way in which a line can be. */
type Said = Map<Word, { readonly line: string; readonly looking: string }>;

/**
 * Takes a command line apart: every command that it may run, every file that its redirections write, and every reason for which that cannot
 * be known. Never throws for what the text is (SPEC {#policy_shell}).
 */
export async function readScript(text: string): Promise<ShellScript> {
  return scriptOf(await Grammar.load(), text, 0);
}

/** The same for a program and its arguments, which no shell reads: they are one command of exactly these words. */
export async function readWords(words: readonly string[], text: string): Promise<ShellScript> {
  if (text.length > MAX_CHARS) return doubtful(TOO_LONG);
  const why = textDoubt(text);
  const doubts = new Set(why === undefined ? [] : [why]);
  const command = commandOf(words.map((word) => ({ text: word, literal: true })));
  const said: Said = new Map();
  const { acts, unread } = unwrappedAll(await Grammar.load(), [command], (doubt) => void doubts.add(doubt), 0, said);
  const argv = command.words.map((word) => said.get(word)?.line ?? word.text);
  const looking = withoutDrivers(
    command.words.map((word) => said.get(word)?.looking ?? word.text),
    (word) => word,
  );
  return { acts, doubts: [...doubts], ...unread, printed: { argv }, looking: { argv: looking } };
}

function scriptOf(grammar: Grammar, text: string, level: number): ShellScript {
  if (text.length > MAX_CHARS) return doubtful(TOO_LONG);
  const signs = signsDoubt(text);
  if (signs !== undefined) return doubtful(signs);
  if (level > MAX_SCRIPTS) return doubtful('it has scripts inside of scripts');
  try {
    return grammar.parse(text, (root) => walked(grammar, root, text, level)) ?? doubtful('it takes too long to be read');
  } catch (error) {
    return doubtful(`it cannot be read: ${messageOf(error)}`);
  }
}

function doubtful(why: string): ShellScript {
  return { acts: [], doubts: [why], ...UNREAD };
}

/**
 * Walks a tree. What stands between `[` and `]` is read once more with another name in the place of the bracket: to a shell `[` is a program like
 * any other, and an operator ends its words.
 */
function walked(grammar: Grammar, root: Node, text: string, level: number, known: Brackets = new Map()): ShellScript {
  const found = text.includes('[') ? bracketsOf(root) : new Map<number, string>();
  if (found.size === 0) return judged(grammar, root, text, level, known);
  const brackets = new Map([...known, ...found]);
  if (brackets.size > MAX_BRACKETS) return doubtful('it has too many tests');
  // bash reads [[ as a part of its grammar, others as a program: it is looked at in both ways.
  const asWritten = [...found.values()].includes('[[') ? judged(grammar, root, text, level, known) : undefined;
  const source = maskedText(text, brackets);
  const again = grammar.parse(source, (tree) => (known.size === 0 ? walked : judged)(grammar, tree, source, level, brackets));
  if (!again) return doubtful('it takes too long to be read');
  return { ...again, acts: [...again.acts, ...(asWritten?.acts ?? [])], ...(asWritten?.unread ? UNREAD : {}) };
}

function judged(grammar: Grammar, root: Node, text: string, level: number, brackets: Brackets): ShellScript {
  const walk = new Walk(text, brackets);
  const gap = gapDoubt(root, text);
  const why = textDoubt(text) ?? gap;
  if (why !== undefined) walk.doubt(why);
  if (root.hasError) {
    walk.doubt('its grammar is not that of a shell');
    walk.acts.push(...looseCommands(text));
  }
  walk.visit(root);
  const misread = !root.hasError && isMisread(text, walk);
  if (misread) walk.acts.push(...looseCommands(text));
  const said: Said = new Map();
  const inner = unwrappedAll(grammar, walk.acts, walk.doubt, level, said);
  const { acts } = inner;
  const unread = root.hasError || misread || gap !== undefined || walk.isCut ? UNREAD : inner.unread;
  if (walk.doubts.length > 0) return { acts, doubts: walk.doubts, ...unread };
  return { acts, ...saidAgain(root, text, walk, acts, brackets, said) };
}

/** The command line that is run, or the doubt because of which none can be given. */
function saidAgain(
  root: Node,
  text: string,
  { words }: Walk,
  acts: readonly ShellAct[],
  brackets: Brackets,
  said: Said,
): Pick<ShellScript, 'doubts' | 'printed' | 'looking'> {
  const line = (way: 'line' | 'looking') => {
    const replaced = new Map(brackets);
    for (const [at, word] of words) {
      const script = said.get(word);
      if (script !== undefined) replaced.set(at, script[way]);
    }
    return { line: printed(root, text, replaced, way === 'looking') };
  };
  const hasGit = (act: ShellAct) => act.kind === 'program' && act.words[0]?.text === 'git';
  try {
    return { doubts: [], printed: line('line'), ...(acts.some(hasGit) ? { looking: line('looking') } : {}) };
  } catch (error) {
    if (!(error instanceof Unprintable)) throw error;
    return { doubts: [error.message] };
  }
}

/** The brackets that begin a test of the grammar, by where they stand; none that a shell would read as a part of a longer word. */
function bracketsOf(root: Node): Map<number, string> {
  const found = new Map<number, string>();
  const stack = [root];
  for (let node = stack.pop(); node; node = stack.pop()) {
    const bracket = node.type === 'test_command' ? /^\[\[?(?=[ \t])/.exec(node.text)?.[0] : undefined;
    if (bracket !== undefined) found.set(node.startIndex, bracket);
    stack.push(...node.children);
  }
  return found;
}

/** The same text with the name of a command that does nothing in the place of each bracket. */
function maskedText(text: string, brackets: Brackets): string {
  let masked = text;
  for (const [at, { length }] of brackets) masked = masked.slice(0, at) + ':'.repeat(length) + masked.slice(at + length);
  return masked;
}

/** What is run, with what that runs in turn; `said` is given the scripts among the words, printed again. */
function unwrappedAll(
  grammar: Grammar,
  read: readonly ShellAct[],
  doubt: (why: string) => void,
  level: number,
  said: Said,
): { readonly acts: ShellAct[]; readonly unread: Pick<ShellScript, 'unread'> } {
  const acts: ShellAct[] = [];
  let unread: Pick<ShellScript, 'unread'> = {};
  for (const act of read) {
    if (act.kind !== 'program') {
      acts.push(act);
      continue;
    }
    const inner = unwrapped(act, doubt);
    acts.push(...inner.commands);
    for (const { text: code, exact, word } of inner.scripts) {
      const script = scriptOf(grammar, code, level + 1);
      if (script.unread) unread = UNREAD;
      if (!exact && word && script.printed && 'line' in script.printed) {
        const { line } = script.printed;
        said.set(word, { line, looking: script.looking && 'line' in script.looking ? script.looking.line : line });
      }
      acts.push(...(exact ? script.acts.map((one) => (one.kind === 'program' ? { ...one, denyOnly: true as const } : one)) : script.acts));
      if (!exact) for (const why of script.doubts) doubt(why);
    }
  }
  return { acts, unread };
}

/** Words with which a shell begins or ends a compound command; a program of such a name has to be quoted. */
const KEYWORDS = /^(?:case|if|for|while|until|select|function|then|else|elif|fi|do|done|esac|in)$/;

/**
 * True where the grammar is known to see one command and a shell sees more: it takes a backslash at the begin of a line for a part of the word
 * before it, and `! { {` or `! case` for a program.
 */
function isMisread(text: string, { acts, doubts }: Pick<Walk, 'acts' | 'doubts'>): boolean {
  const names = acts.map((act) => (act.kind === 'program' ? (act.words[0]?.text ?? '') : ''));
  if (names.some((name) => KEYWORDS.test(name))) return true;
  return doubts.length > 0 && (/\n\\/.test(text) || names.some((name) => /[\s{}]/.test(name)));
}

/** What may be commands in a text that the grammar cannot read: they are looked at for what is denied, nothing is allowed by them. */
function looseCommands(text: string): ShellCommand[] {
  return text
    .split(/[;&|\n(){}<>`!]|\$\(|\b(?:then|do|else|elif|if|while|until)\b/, MAX_LOOSE)
    .map((part) => part.replace(/["'\\]/g, '').trim())
    .filter((part) => part !== '')
    .map((part) => ({ ...commandOf(part.split(/\s+/).map((word) => ({ text: word, literal: true }))), denyOnly: true as const }));
}

/** Characters that shells, terminals or people read in another way than the grammar. */
function textDoubt(text: string): string | undefined {
  for (const char of text) {
    const code = char.codePointAt(0) ?? 0;
    if ((code < 32 && char !== '\n' && char !== '\t') || (code >= 127 && code < 160)) return 'it contains a control character';
    if ((code >= 0xd800 && code <= 0xdfff) || code === 0xfffd) return 'it contains an invalid character';
    if (/[\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/.test(char)) return 'it contains a character that cannot be seen';
  }
  if (/(^|[^ \t])\\\n/.test(text)) return 'a line goes on inside of a word';
  return undefined;
}
