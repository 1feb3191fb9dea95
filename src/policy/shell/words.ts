import type { Word } from './command.ts';
import type { Node } from './grammar.ts';

/** Expansions whose value is not known before the command runs. */
const UNKNOWN = new Set(['simple_expansion', 'expansion', 'command_substitution', 'arithmetic_expansion']);
/** Nodes that are a word of a command. */
export const WORDS = new Set(['word', 'string', 'raw_string', 'number', 'concatenation', ...UNKNOWN]);

/** A part of a word, as the shell reads it. */
export interface Piece {
  readonly text: string;
  readonly quoted: boolean;
  /** False: the shell puts something in the place of `node`. */
  readonly known: boolean;
  readonly glob: boolean;
  readonly node?: Node;
}

/**
 * The value of a word. `doubt` is called for every form that /bin/sh may read in another way than the grammar does.
 */
export function wordOf(node: Node, doubt: (why: string) => void): Word {
  const pieces = piecesOf(node, doubt);
  const bare = pieces.map((piece) => (piece.quoted || !piece.known ? '' : piece.text)).join('');
  const known = pieces.every((piece) => piece.known);
  const isGlob = pieces.some((piece) => piece.glob);
  const braces = bare.replaceAll('{}', '');
  if (/[{}]/.test(braces)) doubt(`${node.text.slice(0, 60)}: braces are expanded by some shells and not by others`);
  const text = pieces.map((piece) => piece.text).join('');
  const tilde = /^~/.test(node.text);
  if (known && !isGlob && !tilde) return { text, literal: true };
  return {
    text: known ? text : node.text,
    literal: false,
    ...(known && isGlob ? { glob: true as const } : {}),
    ...(tilde ? { tilde: true as const } : {}),
    ...(!isGlob && !tilde && pieces.every(isOne) ? { one: true as const } : {}),
  };
}

/** True for a node that always becomes a part of exactly one word. */
function isOne({ known, quoted, node }: Piece): boolean {
  if (known) return true;
  const text = node?.text ?? '';
  return /^\$[?#]$/.test(text) || (quoted && !/^\$\{?@/.test(text));
}

/** The pieces of a word, in order. */
export function piecesOf(node: Node, doubt: (why: string) => void): Piece[] {
  const pieces: Piece[] = [];
  collect(node, pieces, doubt);
  return pieces;
}

function collect(node: Node, pieces: Piece[], doubt: (why: string) => void): void {
  switch (node.type) {
    case 'word':
    case 'number':
    case 'extglob_pattern':
      if (UNKNOWN.has(node.children[0]?.type ?? '')) doubt(`${node.text}: a number that is computed`);
      pieces.push(...bareWord(node.text, doubt));
      return;
    case 'raw_string':
      pieces.push({ text: node.text.slice(1, -1), quoted: true, known: true, glob: false });
      return;
    case 'string':
      quoted(node, pieces, doubt);
      return;
    case 'concatenation': {
      let end = node.startIndex;
      for (const child of node.children) {
        if (child.startIndex !== end) doubt(`${node.text.slice(0, 60)}: a word with a gap`);
        end = child.endIndex;
        collect(child, pieces, doubt);
      }
      return;
    }
    default:
      if (!UNKNOWN.has(node.type)) doubt(`${node.text.slice(0, 60)}: ${node.type.replaceAll('_', ' ')} is not the same in every shell`);
      pieces.push({ text: node.text, quoted: false, known: false, glob: false, node });
  }
}

/** A part of a word outside of quotes. A character behind a backslash counts as quoted, and a glob is a piece of its own. */
function bareWord(source: string, doubt: (why: string) => void): Piece[] {
  const pieces: Piece[] = [];
  const push = (text: string, kind: Partial<Piece> = {}) => pieces.push({ text, quoted: false, known: true, glob: false, ...kind });
  for (let at = 0; at < source.length; at++) {
    const char = source.charAt(at);
    if (char === '\\') {
      at += 1;
      const next = source.charAt(at);
      if (next === '' || next === '\n') doubt('a backslash at the end of a line inside a word');
      push(next, { quoted: true });
      continue;
    }
    if (char === '$' || char === '`' || char === '"' || char === "'") doubt(`${source.slice(0, 60)}: ${char} inside a plain word`);
    if ('()<>|&;'.includes(char)) doubt(`${source.slice(0, 60)}: ${char} inside a plain word`);
    if (' \t\n'.includes(char)) doubt(`${source.slice(0, 60)}: a blank inside a plain word`);
    push(char, { glob: char === '*' || char === '?' || char === '[' });
  }
  return pieces;
}

/** A double-quoted string: what is between the expansions is taken from the source, blanks included. */
function quoted(node: Node, pieces: Piece[], doubt: (why: string) => void): void {
  const text = node.text;
  if (!text.startsWith('"') || !text.endsWith('"') || text.length < 2) {
    doubt(`${text.slice(0, 60)}: a string without its end`);
  }
  let at = 1;
  const plain = (until: number) => {
    if (until > at) pieces.push(quotedText(text.slice(at, until), doubt));
  };
  for (const child of node.children) {
    if (!UNKNOWN.has(child.type)) {
      if (child.isNamed && child.type !== 'string_content') doubt(`${child.text.slice(0, 60)}: ${child.type} in a string`);
      continue;
    }
    plain(child.startIndex - node.startIndex);
    pieces.push({ text: child.text, quoted: true, known: false, glob: false, node: child });
    at = child.endIndex - node.startIndex;
  }
  plain(text.length - 1);
  if (text.length === 2) pieces.push({ text: '', quoted: true, known: true, glob: false });
}

function quotedText(source: string, doubt: (why: string) => void): Piece {
  let text = '';
  for (let at = 0; at < source.length; at++) {
    const char = source.charAt(at);
    const next = source.charAt(at + 1);
    if (char === '\\' && next !== '' && '$`"\\\n'.includes(next)) {
      at += 1;
      text += next === '\n' ? '' : next;
      continue;
    }
    if (char === '`' || char === '"' || (char === '$' && /[A-Za-z0-9_({@*#?!$'"-]/.test(next))) {
      doubt(`${source.slice(0, 60)}: ${char} inside a string`);
    }
    text += char;
  }
  return { text, quoted: true, known: true, glob: false };
}
