import { shellQuote } from '../../core/shell-quote.ts';
import { gapDoubt } from './coverage.ts';
import { Grammar, MAX_CHARS, type Node } from './grammar.ts';
import { Walk } from './walk.ts';
import { wordOf } from './words.ts';

/** What dash, bash or busybox does itself, or reads as a part of its grammar. What is missing here is found out where it runs. */
const BUILT_IN = new Set(
  `. : [ [[ alias bg bind break builtin caller case cd chdir command compgen complete compopt continue coproc declare dirs disown do done
  echo elif else enable esac eval exec exit export false fc fg fi for function getopts hash help history if in jobs kill let local
  logout mapfile popd printf pushd pwd read readarray readonly return select set shift shopt source suspend test then time times trap
  true type typeset ulimit umask unalias unset until wait while { } !`.split(/\s+/),
);
/** Variables that a shell looks at before or while it starts a program. */
const OF_THE_SHELL = /^(?:PATH|IFS|ENV|LINENO|OPTIND|PPID|UID|EUID|SHELLOPTS|_|BASH.*)$/;
/** Folders whose programs come with what they need; a look at each costs a millisecond. */
const SYSTEM = '/bin/*|/sbin/*|/usr/bin/*|/usr/sbin/*';

/**
 * A command line that does what `text` does, where the one program that it names takes the place of its shell, so that its pid, its signals
 * and its exit code are those of the command (SPEC {#backend_process}). Undefined where the shell has more to do than to start
 * that program, and where that is not certain.
 */
export async function takingPlace(text: string): Promise<string | undefined> {
  if (text.length > MAX_CHARS) return undefined;
  const grammar = await Grammar.load();
  return grammar.parse(text, (root) => rewritten(root, text));
}

function rewritten(root: Node, text: string): string | undefined {
  const statement = only(root);
  if (!statement || root.hasError || gapDoubt(root, text) !== undefined) return undefined;
  const command = statement.type === 'command' ? statement : statement.children.find(({ type }) => type === 'command');
  const name = command?.children.find(({ type }) => type === 'command_name');
  if (!command || !name || !isPlain(statement, command, text)) return undefined;
  const walk = new Walk(text);
  walk.visit(root);
  if (walk.doubts.length > 0) return undefined;
  const program = programOf(name);
  if (program === undefined) return undefined;
  return `${text.slice(0, statement.startIndex)}${looked(program, redirects(command, statement).length > 0)}${text.slice(statement.startIndex, name.startIndex)}"$@" ${text.slice(name.startIndex)}`;
}

/** The one statement of a text, which stands in the foreground and has nothing but comments beside it. */
function only(root: Node): Node | undefined {
  const [statement, ...more] = root.children.filter(({ type }) => type !== 'comment');
  if (!statement || (statement.type !== 'command' && statement.type !== 'redirected_statement')) return undefined;
  return more.length === 0 || (more.length === 1 && more[0]?.type === ';') ? statement : undefined;
}

/** True for words, assignments and redirections that mean the same behind `exec`. */
function isPlain(statement: Node, command: Node, text: string): boolean {
  const beside = statement.type === 'command' ? [] : statement.children.filter(({ type }) => type !== 'command');
  if (beside.some(({ type }) => type !== 'file_redirect')) return false;
  if (command.children.some(({ type }) => type === 'herestring_redirect')) return false;
  const set = command.children.filter(({ type }) => type === 'variable_assignment').map((node) => node.text.split(/\+?=/, 1)[0] ?? '');
  if (set.some((variable) => OF_THE_SHELL.test(variable))) return false;
  const files = redirects(command, statement).flatMap(({ children }) => children);
  if (files.some(({ type, text: number }) => type === 'file_descriptor' && number.length > 1)) return false;
  return !seesWords(statement, text);
}

function redirects(command: Node, statement: Node): Node[] {
  return [...command.children, ...statement.children].filter(({ type }) => type === 'file_redirect');
}

/** True when it may look at the words of its shell, `$1` or `$#`, which are in use here. */
function seesWords(statement: Node, text: string): boolean {
  let source = text.slice(statement.startIndex, statement.endIndex);
  for (const { startIndex, endIndex } of literals(statement).reverse())
    source = source.slice(0, startIndex - statement.startIndex) + source.slice(endIndex - statement.startIndex);
  if (!source.includes('`')) source = source.replace(/\\./gs, '');
  return /\$\{?[#!]?[0-9@*#]/.test(source);
}

/** What stands in single quotes, in order. */
function literals(node: Node): Node[] {
  return node.type === 'raw_string' ? [node] : node.children.flatMap(literals);
}

/** The program that is named; undefined for what the shell does itself, and for a name that it has to find out. */
function programOf(name: Node): string | undefined {
  const [inner, ...more] = name.children;
  if (!inner || more.length > 0) return undefined;
  let doubted = false;
  const { text, literal } = wordOf(inner, () => (doubted = true));
  if (doubted || !literal || text === '' || BUILT_IN.has(text) || /^-|[=\n]/.test(text)) return undefined;
  return text;
}

/**
 * Makes `exec` the first word of its shell where that will start the program. It will not for a function, a builtin of this shell, and what cannot
 * be executed, a script without its interpreter included: the shell itself says so then, in the words that people know. bash puts the
 * program in its own place anyway, unless there are redirections.
 */
function looked(program: string, redirected: boolean): string {
  const word = shellQuote(program);
  const script = `read -r a b c < "$p"; case $a in '#!') a=$b ;; '#!'*) a=\${a#??} ;; *) exit 0 ;; esac; [ -f "$a" ] && [ -x "$a" ]`;
  const careful = `p=$(command -v ${word}); [ -f "$p" ] && [ -x "$p" ] || exit; ${script}`;
  const found = `${redirected ? '' : `\${BASH_VERSION:+-}`}$(command -v ${word} 2> /dev/null)`;
  return `case ${found} in -*) ;; ${SYSTEM}) set -- exec ;; */*) if (${careful}) 2> /dev/null; then set -- exec; fi ;; esac; `;
}
