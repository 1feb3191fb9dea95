import { commandOf, isPlainName, type ShellAct, type Word } from './command.ts';
import { HOLDERS, type Node } from './grammar.ts';
import { heredocOf } from './heredoc.ts';
import { WORDS, wordOf } from './words.ts';

/** Levels of nesting beyond which a command line is not taken apart. */
const MAX_DEPTH = 100;
/** Commands in one line beyond which it is not taken apart. */
const MAX_ACTS = 500;
/** Words of one command beyond which it is not. */
const MAX_WORDS = 2000;
/** What only groups commands: they are judged, the group is not. */
const GROUPS = new Set([...HOLDERS, 'variable_assignments', 'command_substitution']);
/** Signs and words of the shell's grammar that POSIX has. */
const SIGNS = new Set(
  '; & && || | ! ( ) { } if then elif else fi while until do done for in case esac $( ` [ ] = ${ $'.split(' ').concat('\n'),
);
/** Words of the grammar that are words of a command where something stands right behind them. */
const RESERVED = /^(?:\{|[a-z]+)$/;
const WORD_ENDS = /^[ \t\n;&|()<>]?$/;
/** What a redirection may be written with. */
const REDIRECTIONS = new Set(['>', '>>', '<', '>|', '<>', '>&', '<&', '>&-', '<&-']);
/** Operators of `${...}` that POSIX has and that change nothing. */
const EXPANSIONS = new Set(['${', '}', ':-', '-', ':+', '+', ':?', '?', '#', '##', '%', '%%']);
/** Files whose writing changes nothing. */
const SINKS = new Set(['/dev/null', '/dev/stdout', '/dev/stderr', '/dev/zero', '/dev/tty']);

/** Walks a tree and notes every command in it, wherever it stands, and everything that leaves a doubt. */
export class Walk {
  readonly acts: ShellAct[] = [];
  readonly doubts: string[] = [];
  /** True once something was passed over because there is too much of it. */
  isCut = false;
  /** The words of commands, by where they begin. */
  readonly words = new Map<number, Word>();
  readonly #source: string;
  /** `[` and `[[`, which the grammar is not to take for its own, by where they stand. */
  readonly #brackets: ReadonlyMap<number, string>;
  /** Where the last word of the command at hand ends. */
  #wordEnd = -1;

  constructor(source: string, brackets: ReadonlyMap<number, string> = new Map()) {
    this.#source = source;
    this.#brackets = brackets;
  }

  readonly doubt = (why: string): void => {
    if (this.doubts.length < 20 && !this.doubts.includes(why)) this.doubts.push(why);
  };

  visit(node: Node, depth = 0): void {
    if (depth > MAX_DEPTH || this.acts.length > MAX_ACTS) return this.#cut();
    if (node.isError || node.isMissing) this.doubt(`it cannot be read at "${node.text.slice(0, 40)}"`);
    const { type } = node;
    if (type === 'command') return this.#command(node, [], depth);
    if (type === 'redirected_statement') return this.#redirected(node, depth);
    if (type === 'variable_assignment') return this.#assignment(node, depth);
    if (type === 'for_statement') return this.#loop(node, depth);
    if (type === 'arithmetic_expansion') return this.#arithmetic(node, depth);
    if (type === 'expansion') return this.#expansion(node, depth);
    if (type === 'comment') return node.text.includes('\\') ? this.doubt('a comment with a backslash') : undefined;
    if (type === 'case_statement' || type === 'case_item') return this.#case(node, depth);
    if (type === 'simple_expansion') return;
    if (WORDS.has(type) && type !== 'command_substitution') {
      wordOf(node, this.doubt);
      return this.#inside(node, depth);
    }
    if (type === 'test_command') this.doubt(`the test ${node.text.slice(0, 60)} is not the same in every shell`);
    else if (node.isNamed && !GROUPS.has(type))
      this.doubt(`${type.replaceAll('_', ' ')} is not the same in every shell, or hides what is run`);
    if (!node.isNamed && !SIGNS.has(type)) this.doubt(`"${type}" is not the same in every shell`);
    if (!node.isNamed && RESERVED.test(type) && !WORD_ENDS.test(this.#source.slice(node.endIndex, node.endIndex + 1)))
      this.doubt(`${type} without a blank after it`);
    if (type === 'command_substitution' && node.text.startsWith('`') && /[\\"']/.test(node.text)) this.doubt('quotes inside of backticks');
    if (type === 'negated_command' && this.#source.charAt(node.startIndex + 1).trim() !== '') this.doubt('! without a blank after it');
    this.#children(node, depth);
  }

  #cut(): void {
    this.isCut = true;
    this.doubt('the command is nested too deeply or too long');
  }

  #children(node: Node, depth: number): void {
    for (const child of node.children) this.visit(child, depth + 1);
  }

  /** `more` are words that stand behind a redirection, and what else belongs to the command. */
  #command(node: Node, more: readonly Node[], depth: number): void {
    const words: Word[] = [];
    const assigned: string[] = [];
    if (node.childCount > MAX_WORDS) return this.#cut();
    this.#apart(node.children);
    for (const child of [...node.children, ...more]) {
      if (child.type === 'command_name') {
        const inner = child.children[0];
        if (inner) this.#word(inner, words, depth);
      } else if (child.type === 'variable_assignment') {
        this.#value(child, depth);
        if (words.length > 0) this.doubt('an assignment behind the command');
        assigned.push(child.text);
      } else if (child.type === 'file_redirect') {
        for (const extra of this.#redirect(child, depth)) this.#word(extra, words, depth);
      } else if (WORDS.has(child.type)) {
        this.#word(child, words, depth);
      } else if (child.type === '==' || (child.type === 'regex' && /^[\w./:-]+$/.test(child.text))) {
        words.push({ text: child.text, literal: true });
      } else if (child.type === '$') {
        if (!/^\$(?=\s|$)/.test(this.#source.slice(child.startIndex))) this.doubt('a dollar sign before a quote');
        words.push({ text: '$', literal: true });
      } else {
        this.doubt(`"${child.text.slice(0, 40)}" is not the same in every shell`);
        this.visit(child, depth + 1);
      }
    }
    if (words.length > 0) this.acts.push(commandOf(words, assigned));
    else if (assigned.length > 0) this.doubt(`it sets ${assigned[0]?.split('=')[0] ?? 'a variable'}`);
  }

  #word(node: Node, words: Word[], depth: number): void {
    const bracket = this.#brackets.get(node.startIndex);
    const word = bracket === undefined ? wordOf(node, this.doubt) : { text: bracket, literal: true };
    this.words.set(node.startIndex, word);
    const last = words.at(-1);
    // What the grammar has cut in two is still looked at as the one word that it is, for what is denied.
    if (last && node.startIndex === this.#wordEnd)
      words[words.length - 1] = { text: last.text + word.text, literal: last.literal && word.literal };
    else words.push(word);
    this.#wordEnd = node.endIndex;
    if (node.isError || node.hasError) this.doubt(`it cannot be read at "${node.text.slice(0, 40)}"`);
    this.#inside(node, depth);
  }

  /** Commands in a word: substitutions, at any depth. */
  #inside(node: Node, depth: number): void {
    if (node.type === 'word' || node.type === 'number' || node.type === 'raw_string') return;
    if (node.type === 'string' || node.type === 'concatenation') {
      for (const child of node.children) if (child.isNamed && child.type !== 'string_content') this.#inside(child, depth + 1);
      return;
    }
    this.visit(node, depth + 1);
  }

  /** The grammar sees two words where a shell sees one, when nothing is between them. */
  #apart(nodes: readonly Node[]): void {
    for (const [index, node] of nodes.entries()) {
      const before = nodes[index - 1];
      if (before?.endIndex !== node.startIndex) continue;
      const redirects = node.type === 'file_redirect' && node.children[0]?.type !== 'file_descriptor';
      if (isWordly(before) && (isWordly(node) || (node.type === 'file_redirect' && !redirects)))
        this.doubt(`${before.text.slice(0, 40)}${node.text.slice(0, 40)}: a word that is read as two`);
      if (before.type === 'file_redirect' && isWordly(node))
        this.doubt(`${before.text.slice(0, 40)}${node.text.slice(0, 40)}: a word that is read as two`);
    }
  }

  /** The grammar takes line ends for blanks where shells do not: each of those nodes has to be on the line of the one before it. */
  #onOneLine(nodes: readonly Node[], isBound: (node: Node) => boolean): void {
    for (const [index, node] of nodes.entries()) {
      const before = nodes[index - 1];
      if (before && isBound(node) && /[^ \t\\\n]|(^|[^\\])\n/.test(this.#source.slice(before.endIndex, node.startIndex)))
        this.doubt(`${node.text.slice(0, 40)}: on another line than what it belongs to`);
    }
  }

  #redirected(node: Node, depth: number): void {
    this.#apart(node.children);
    this.#apart(node.children.flatMap((child) => (child.type === 'command' ? child.children.slice(-1) : child)));
    const [body, ...rest] = node.children;
    const extra: Node[] = [];
    const redirects = body?.type === 'file_redirect' || body?.type === 'heredoc_redirect' ? [body, ...rest] : rest;
    for (const one of redirects) {
      if (one.type === 'file_redirect') extra.push(...this.#redirect(one, depth));
      else if (one.type === 'heredoc_redirect') this.#heredoc(one, depth);
      else {
        this.doubt(`${one.type.replaceAll('_', ' ')} is not the same in every shell`);
        this.visit(one, depth + 1);
      }
    }
    if (!body || redirects.includes(body)) {
      if (extra.length > 0) this.doubt('a command behind its redirection');
      const words: Word[] = [];
      for (const one of extra) this.#word(one, words, depth);
      if (words.length > 0) this.acts.push(commandOf(words));
      return;
    }
    if (body.type === 'command') return this.#command(body, extra, depth);
    if (extra.length > 0) this.doubt('words behind a redirection of a group');
    for (const one of extra) this.visit(one, depth + 1);
    this.visit(body, depth + 1);
  }

  /** Notes what is written or read, and returns the words behind the first: they belong to the command. */
  #redirect(node: Node, depth: number): Node[] {
    if (this.acts.length > MAX_ACTS) {
      this.#cut();
      return [];
    }
    this.#apart(node.children);
    const [target, ...extra] = node.children.filter((child) => WORDS.has(child.type));
    const sign = node.children.find((child) => !child.isNamed)?.type ?? '';
    for (const child of node.children) {
      if (WORDS.has(child.type) || child.type === 'file_descriptor' || REDIRECTIONS.has(child.type)) continue;
      this.doubt(`the redirection ${node.text.slice(0, 60)} is not the same in every shell`);
      this.visit(child, depth + 1);
    }
    if (!target) {
      if (!sign.endsWith('-')) this.doubt('a redirection to nothing');
      return extra;
    }
    this.#onOneLine(node.children, (child) => child === target);
    const word = wordOf(target, this.doubt);
    this.#inside(target, depth);
    if (sign.endsWith('&')) {
      if (!/^\d$/.test(word.text) || !word.literal) this.doubt(`${sign}${target.text.slice(0, 60)} is not the same in every shell`);
      return extra;
    }
    if (!word.literal) this.doubt(`the file of ${sign} ${target.text.slice(0, 60)} is not known`);
    const { text: path } = word;
    if (sign === '<') this.acts.push({ kind: 'read', path, text: `< ${path}` });
    else if (!SINKS.has(path)) this.acts.push({ kind: 'write', path, text: `${sign} ${path}` });
    return extra;
  }

  #heredoc(node: Node, depth: number): void {
    const found = heredocOf(node, this.#source);
    if (typeof found === 'string') this.doubt(found);
    for (const child of node.children) {
      if (child.type === 'heredoc_body') {
        for (const one of child.children) if (one.isNamed && one.type !== 'heredoc_content') this.visit(one, depth + 1);
      } else if (child.isNamed && !['heredoc_start', 'heredoc_end', 'file_descriptor'].includes(child.type)) {
        if (child.type === 'file_redirect') {
          if (this.#redirect(child, depth).length > 0) this.doubt('words behind a here-document');
        } else {
          if (child.type !== 'pipeline') this.doubt('a here-document with something behind it');
          this.visit(child, depth + 1);
        }
      }
    }
  }

  /** A variable of the shell: harmless unless programs or the shell itself look at it. */
  #assignment(node: Node, depth: number): void {
    this.#name(node.text.split(/\+?=/, 1)[0] ?? '');
    this.#value(node, depth);
  }

  #value(node: Node, depth: number): void {
    for (const child of node.children) {
      if (child.type === 'variable_name' || child.type === '=') continue;
      if (!WORDS.has(child.type)) this.doubt(`the assignment ${node.text.slice(0, 60)} is not the same in every shell`);
      else wordOf(child, this.doubt);
      this.#inside(child, depth);
    }
  }

  #name(name: string): void {
    if (!isPlainName(name)) this.doubt(`it sets ${name.slice(0, 60)}, which can change what other commands do`);
  }

  #loop(node: Node, depth: number): void {
    const [keyword] = node.children;
    if (keyword?.type !== 'for') this.doubt(`${keyword?.type ?? 'this loop'} is not the same in every shell`);
    this.#onOneLine(node.children, (child) => child.type === 'variable_name' || WORDS.has(child.type));
    for (const child of node.children.slice(1)) {
      if (child.type === 'variable_name') this.#name(child.text);
      else this.visit(child, depth + 1);
    }
  }

  #case(node: Node, depth: number): void {
    const head =
      node.type === 'case_statement'
        ? node.children.slice(0, 2)
        : node.children.slice(0, node.children.findIndex(({ type }) => type === ')') + 1);
    this.#onOneLine(head, () => true);
    for (const child of node.children) {
      if (child.type === 'extglob_pattern' && !/^[\w.*?-]+$/.test(child.text)) this.doubt(`the pattern ${child.text.slice(0, 60)}`);
      if (child.type !== 'extglob_pattern' && child.type !== ';;') this.visit(child, depth + 1);
    }
  }

  /** bash runs what it finds in the value of a variable that it computes with. */
  #arithmetic(node: Node, depth: number): void {
    if (!/^\$\(\(?[\s\d+*/%()<>=!-]*\)?\)$/.test(node.text)) this.doubt(`what ${node.text.slice(0, 60)} computes with is not known`);
    for (const child of node.children) this.#substitutions(child, depth + 1);
  }

  #expansion(node: Node, depth: number): void {
    for (const child of node.children) {
      if (child.isNamed || EXPANSIONS.has(child.type)) continue;
      this.doubt(`${node.text.slice(0, 60)} is not the same in every shell, or changes a variable`);
    }
    if (/[`\\]|\$'|<\(|>\(/.test(node.text)) this.doubt(`${node.text.slice(0, 60)} has quotes in it`);
    for (const child of node.children) {
      if (child.type === 'regex' && /[$(]/.test(child.text)) this.doubt(`${node.text.slice(0, 60)} cannot be read`);
      this.#substitutions(child, depth + 1);
    }
  }

  /** Commands in a place whose own text is no command. */
  #substitutions(node: Node, depth: number): void {
    if (depth > MAX_DEPTH) return this.doubt('the command is nested too deeply or too long');
    if (node.isError || node.isMissing) this.doubt(`it cannot be read at "${node.text.slice(0, 40)}"`);
    if (node.type === 'command_substitution' || node.type === 'process_substitution') return this.visit(node, depth + 1);
    if (node.type === 'expansion') return this.#expansion(node, depth + 1);
    for (const child of node.children) this.#substitutions(child, depth + 1);
  }
}

function isWordly(node: Node): boolean {
  return WORDS.has(node.type) || node.type === 'command_name' || node.type === 'variable_assignment' || node.type === '$';
}
