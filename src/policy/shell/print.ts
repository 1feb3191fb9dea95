import { withoutDrivers } from './git-drivers.ts';
import { HOLDERS, type Node } from './grammar.ts';
import { heredocOf } from './heredoc.ts';
import { type Piece, piecesOf, WORDS } from './words.ts';

/** Bytes of a printed line at most: a program takes no more than 128 KiB in one word. */
const MAX_BYTES = 96 * 1024;
/** Words of the grammar, and whether a command may follow on the same line. */
const OPENING = new Set(['if', 'then', 'elif', 'else', 'while', 'until', 'do', '{', '(', '!', '&&', '||', '|']);
const CLOSING = new Set(['fi', 'done', '}', ')']);
/** `${...}` that means the same in every shell: a name, one of the operators of POSIX, and plain characters. */
const EXPANSION = /^\$\{(?:#?[A-Za-z_][A-Za-z0-9_]*|[0-9?#$!]|(?:[A-Za-z_][A-Za-z0-9_]*|[0-9@*])(?::?[-+?]|##?|%%?)[\w.,/*?:=@+-]*)\}$/;
const SIMPLE = /^\$(?:[A-Za-z_][A-Za-z0-9_]*|[0-9?#$!@*-])$/;

/** What cannot be printed; `message` says so for people. */
export class Unprintable extends Error {}

/** Words that stand in another text than in the source, by where they begin there. */
export type Replaced = ReadonlyMap<number, string>;

/**
 * A command line that says again what was read, for `dash`, `bash` and `busybox` alike: every word in quotes, every operator where it was,
 * one command a line. `onlyLooks`: with options by which git runs no program of anybody's configuration (SPEC {#looks_place}). Throws
 * `Unprintable` for what not all of them read in the same way (SPEC {#policy_printed}).
 */
export function printed(root: Node, source: string, replaced: Replaced, onlyLooks: boolean): string {
  const text = new Printer(source, replaced, onlyLooks).program(root);
  if (Buffer.byteLength(text) > MAX_BYTES) throw new Unprintable('it is too long to be written in quotes');
  return text;
}

class Printer {
  readonly #source: string;
  readonly #replaced: Replaced;
  readonly #onlyLooks: boolean;
  /** Here-documents whose lines follow at the next end of a line. */
  #pending = '';

  constructor(source: string, replaced: Replaced, onlyLooks: boolean) {
    this.#source = source;
    this.#replaced = replaced;
    this.#onlyLooks = onlyLooks;
  }

  program(root: Node): string {
    const text = this.#sequence(root.children);
    return this.#pending === '' ? text : `${text}${this.#newline()}`;
  }

  #newline(): string {
    const lines = `\n${this.#pending}`;
    this.#pending = '';
    return lines;
  }

  /** Commands and the words of the grammar around them, in order. */
  #sequence(nodes: readonly Node[]): string {
    let text = '';
    let open = false;
    for (const node of nodes) {
      const { type } = node;
      if (type === 'comment' || type === ';' || type === '\n') continue;
      if (type === '&') {
        text += ' &';
      } else if (type === '&&' || type === '||' || type === '|') {
        text += ` ${type} `;
        open = false;
      } else if (OPENING.has(type) || type === 'elif_clause' || type === 'else_clause' || type === 'do_group') {
        text += `${open ? this.#newline() : ''}${node.isNamed ? this.#node(node) : `${type} `}`;
        open = node.isNamed;
      } else if (CLOSING.has(type)) {
        text += `${open ? this.#newline() : ''}${type}`;
      } else {
        text += `${open ? this.#newline() : ''}${this.#node(node)}`;
        open = true;
      }
    }
    return text;
  }

  #node(node: Node): string {
    if (HOLDERS.has(node.type)) return this.#sequence(node.children);
    switch (node.type) {
      case 'command':
        return this.#command(node, []);
      case 'redirected_statement':
        return this.#redirected(node);
      case 'variable_assignment':
        return this.#assignment(node);
      case 'variable_assignments':
        return node.children.map((child) => this.#assignment(child)).join(' ');
      case 'for_statement':
        return this.#loop(node);
      case 'case_statement':
        return this.#case(node);
      default:
        throw unprintable(node);
    }
  }

  /** Assignments, then words, then redirections, each kind in its order: they are taken in that order anyway. */
  #command(node: Node, beside: readonly Node[]): string {
    const assigned: string[] = [];
    const words: string[] = [];
    const redirects: Node[] = [];
    for (const child of [...node.children, ...beside]) {
      if (child.type === 'variable_assignment') assigned.push(this.#assignment(child));
      else if (child.type === 'command_name') words.push(this.#word(onlyChild(child)));
      else if (child.type === 'file_redirect' || child.type === 'heredoc_redirect') redirects.push(child);
      else if (child.type === '$') words.push("'$'");
      else words.push(this.#operand(child));
      if (child.type === 'file_redirect') words.push(...extraWords(child).map((word) => this.#word(word)));
    }
    const said = this.#onlyLooks ? withoutDrivers(words, quote) : words;
    return [...assigned, ...said, ...redirects.map((redirect) => this.#redirect(redirect))].filter((part) => part !== '').join(' ');
  }

  /** A word, or what the grammar takes for an operator of `[[` between words. */
  #operand(node: Node): string {
    if (WORDS.has(node.type)) return this.#word(node);
    if (node.type === '==' || (node.type === 'regex' && /^[\w./:-]+$/.test(node.text))) return quote(node.text);
    throw unprintable(node);
  }

  #redirected(node: Node): string {
    const [body, ...rest] = node.children;
    if (!body) throw unprintable(node);
    if (body.type === 'command') return this.#command(body, rest);
    if (node.children.some((child) => child.type === 'file_redirect' && extraWords(child).length > 0)) throw unprintable(node);
    if (body.type === 'file_redirect' || body.type === 'heredoc_redirect')
      return node.children.map((redirect) => this.#redirect(redirect)).join(' ');
    return [this.#node(body), ...rest.map((redirect) => this.#redirect(redirect))].join(' ');
  }

  #redirect(node: Node): string {
    if (node.type === 'heredoc_redirect') return this.#heredoc(node);
    if (node.type !== 'file_redirect') throw unprintable(node);
    const number = node.children.find(({ type }) => type === 'file_descriptor')?.text ?? '';
    const sign = node.children.find((child) => !child.isNamed)?.type;
    const target = node.children.find(({ type }) => WORDS.has(type));
    // With two digits it is a word for dash.
    if (number.length > 1 || sign === undefined) throw unprintable(node);
    if (!target) return `${number}${sign}`;
    return sign.endsWith('&') ? `${number}${sign}${target.text}` : `${number}${sign} ${this.#word(target)}`;
  }

  #heredoc(node: Node): string {
    const found = heredocOf(node, this.#source);
    if (typeof found === 'string') throw new Unprintable(found);
    const beside = node.children.filter(({ type }) => type === 'file_redirect').map((redirect) => this.#redirect(redirect));
    const behind = node.children.filter(({ type }) => type === 'pipeline').map((pipeline) => this.#node(pipeline));
    if (this.#pending !== '') throw unprintable(node);
    this.#pending = `${found.body}${found.name}\n`;
    return [`<<'${found.name}'`, ...beside, ...behind].join(' ');
  }

  #assignment(node: Node): string {
    const [name, sign, value, ...more] = node.children;
    if (name?.type !== 'variable_name' || sign?.type !== '=' || more.length > 0) throw unprintable(node);
    return `${name.text}=${value ? this.#word(value) : "''"}`;
  }

  #loop(node: Node): string {
    const [keyword, name, sign, ...rest] = node.children;
    if (keyword?.type !== 'for' || name?.type !== 'variable_name' || sign?.type !== 'in') throw unprintable(node);
    const words = rest.filter(({ type }) => WORDS.has(type)).map((word) => this.#word(word));
    const body = rest.filter(({ type }) => type === 'do_group' || type === 'compound_statement');
    if (body[0]?.type !== 'do_group' || body.length + words.length !== rest.filter(({ type }) => !/^[;\n]$|^comment$/.test(type)).length)
      throw unprintable(node);
    return `for ${name.text} in ${words.join(' ')}${this.#newline()}${this.#node(body[0])}`;
  }

  #case(node: Node): string {
    const value = node.children.find(({ type }) => WORDS.has(type));
    const items = node.children.filter(({ type }) => type === 'case_item');
    if (!value) throw unprintable(node);
    return `case ${this.#word(value)} in${this.#newline()}${items.map((item) => this.#item(item)).join('')}esac`;
  }

  #item(node: Node): string {
    const end = node.children.findIndex(({ type }) => type === ')');
    const patterns = node.children.slice(0, end).filter(({ type }) => type !== '|' && type !== '(');
    const body = node.children.slice(end + 1).filter(({ type }) => type !== ';;');
    if (end < 0) throw unprintable(node);
    const known = patterns.map((pattern) => this.#word(pattern)).join('|');
    return `(${known}) ${this.#sequence(body)}${this.#newline()};;${this.#newline()}`;
  }

  #word(node: Node): string {
    const replaced = this.#replaced.get(node.startIndex);
    if (replaced !== undefined) return quote(replaced);
    const refuse = () => {
      throw unprintable(node);
    };
    const pieces = piecesOf(node, refuse);
    let text = '';
    let plain = '';
    const flush = () => {
      if (plain !== '') text += quote(plain);
      plain = '';
    };
    for (let index = 0; index < pieces.length; index++) {
      const { text: piece = '', quoted = false, known = true, glob = false, node: inner } = pieces[index] ?? {};
      if (!known) {
        flush();
        const value = inner ? this.#expansion(inner) : refuse();
        text += quoted ? `"${value}"` : value;
      } else if (glob) {
        flush();
        const set = piece === '[' ? setOf(pieces, index) : piece;
        if (set === undefined) refuse();
        text += set;
        if (piece === '[') index += (set?.length ?? 1) - 1;
      } else if (piece === '~' && !quoted && (index === 0 || /[=:]$/.test(plain))) {
        // Behind = and : some shells replace it, others do not.
        const next = pieces[index + 1];
        if (index > 0 || (next && (next.text !== '/' || next.quoted))) refuse();
        text += '~';
      } else if (piece === '/' && index === 1 && text === '~') {
        text += '/';
      } else plain += piece;
    }
    flush();
    return text === '' ? "''" : text;
  }

  #expansion(node: Node): string {
    const { text } = node;
    // Which line it is on is not the same any more.
    if (/\bLINENO\b/.test(text)) throw unprintable(node);
    if (node.type === 'simple_expansion' && SIMPLE.test(text)) return /^\$\w\w*$/.test(text) ? `\${${text.slice(1)}}` : text;
    if (node.type === 'expansion' && EXPANSION.test(text)) return text;
    if (node.type === 'arithmetic_expansion' && /^\$\(\([ \d+*/%()<>=!-]*\)\)$/.test(text) && isBalanced(text)) return text;
    if (node.type !== 'command_substitution' || this.#pending !== '') throw unprintable(node);
    const inner = node.children.filter(({ type }) => type !== '$(' && type !== '`' && type !== ')');
    return `$( ${this.#sequence(inner)}${this.#newline()})`;
  }
}

/** A set of characters in a glob, whose signs mean the same to every shell; one piece each. */
function setOf(pieces: readonly Piece[], from: number): string | undefined {
  const end = pieces.findIndex(({ text, quoted }, index) => index > from && text === ']' && !quoted);
  const set = pieces.slice(from, end + 1);
  const text = set.map((piece) => piece.text).join('');
  return set.every(({ quoted, known }) => known && !quoted) && /^\[!?[A-Za-z0-9_.-]+\]$/.test(text) ? text : undefined;
}

/** Words that stand behind a redirection, and belong to its command. */
function extraWords(redirect: Node): Node[] {
  return redirect.children.filter(({ type }) => WORDS.has(type)).slice(1);
}

function onlyChild(node: Node): Node {
  const [child, ...more] = node.children;
  if (!child || more.length > 0) throw unprintable(node);
  return child;
}

/** True when no bracket closes what none has opened. */
function isBalanced(text: string): boolean {
  let depth = 0;
  for (const char of text.slice(3, -2)) {
    if (char === '(') depth += 1;
    if (char === ')') depth -= 1;
    if (depth < 0) return false;
  }
  return depth === 0;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

function unprintable(node: Node): Unprintable {
  return new Unprintable(`${node.text.slice(0, 60)} cannot be written so that every shell reads it alike`);
}
