import { createRequire } from 'node:module';
import type { Node, Parser, Tree } from 'web-tree-sitter';

/** Characters of a command beyond which it is not taken apart. */
export const MAX_CHARS = 32 * 1024;
/** How long a command may take to be parsed, milliseconds. */
const MAX_PARSE_MS = 250;

/** Pipes, and lists behind `=`, beyond which a command is not parsed: they take the parser time that grows with their square. */
const MAX_PIPES = 200;
/** Other signs of the grammar beyond which it is not. */
const MAX_SIGNS = 1000;
/** Words beyond which it is not. */
const MAX_WORDS = 5000;

/** Why a text is not given to the parser, which cannot be stopped everywhere: it has more signs than a person or a model writes. */
export function signsDoubt(text: string): string | undefined {
  let pipes = 0;
  let signs = 0;
  let words = 1;
  for (let at = 0; at < text.length; at++) {
    const char = text.charAt(at);
    if (char === '|' || (char === '(' && text.charAt(at - 1) === '=')) pipes += 1;
    else if (';&!\n()`<>'.includes(char)) signs += 1;
    else if (char === ' ' && text.charAt(at - 1) !== ' ') words += 1;
    if (words > MAX_WORDS) return `it has more than ${MAX_WORDS} words`;
    if (pipes > MAX_PIPES) return `it has more than ${MAX_PIPES} pipes`;
    if (signs > MAX_SIGNS) return `it has more than ${MAX_SIGNS} ends of commands, brackets and redirections`;
  }
  return undefined;
}

export type { Node };

/** Nodes that only hold others, which run, and are printed, in their order. */
export const HOLDERS: ReadonlySet<string> = new Set([
  'program',
  'list',
  'pipeline',
  'negated_command',
  'subshell',
  'compound_statement',
  'if_statement',
  'elif_clause',
  'else_clause',
  'while_statement',
  'do_group',
]);

/** The grammar of bash; loaded when the first command is judged. */
export class Grammar {
  readonly #parser: Parser;

  private constructor(parser: Parser) {
    this.#parser = parser;
  }

  static #loaded: Promise<Grammar> | undefined;

  /** The one grammar of this process. Rejects when its files cannot be read; the next call tries again. */
  static load(): Promise<Grammar> {
    Grammar.#loaded ??= Grammar.#read().catch((error: unknown) => {
      Grammar.#loaded = undefined;
      throw error;
    });
    return Grammar.#loaded;
  }

  static async #read(): Promise<Grammar> {
    const { Language, Parser } = await import('web-tree-sitter');
    // The files lie in the packages: found from here in the sources and in the bundle alike.
    const { resolve } = createRequire(import.meta.url);
    await Parser.init({ locateFile: () => resolve('web-tree-sitter/web-tree-sitter.wasm') });
    const parser = new Parser();
    parser.setLanguage(await Language.load(resolve('tree-sitter-bash/tree-sitter-bash.wasm')));
    return new Grammar(parser);
  }

  /** Parses a command line and hands its tree to `look`; undefined when it takes too long. */
  parse<T>(text: string, look: (root: Node) => T): T | undefined {
    const deadline = performance.now() + MAX_PARSE_MS;
    let tree: Tree | null = null;
    try {
      this.#parser.reset();
      tree = this.#parser.parse(text, null, { progressCallback: () => performance.now() > deadline });
      return tree === null ? undefined : look(tree.rootNode);
    } finally {
      tree?.delete();
    }
  }
}
