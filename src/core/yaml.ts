import { Lexer, Parser, parseDocument } from 'yaml';

/** Levels of lists and mappings; a message has as many. */
const MAX_DEPTH = 64;

/**
 * The value of an untrusted YAML text; null of an empty one. Throws an Error with what is wrong and where, also for a text that
 * is nested deeper than 64 levels and for one whose aliases stand for more than `maxAliasCount` nodes.
 */
export function parseYaml(text: string, { maxAliasCount }: { maxAliasCount: number }): unknown {
  requireShallow(text);
  const document = parseDocument(text);
  const [problem] = document.errors;
  if (problem) throw problem;
  return document.toJS({ maxAliasCount }) ?? null;
}

/**
 * Lexer and parser are loops; what follows them is recursive and goes on after a stack overflow. A regular expression that V8 compiles there
 * aborts the process.
 */
function requireShallow(text: string): void {
  const parser = new Parser();
  for (const lexeme of new Lexer().lex(text)) {
    for (const _ of parser.next(lexeme));
    // The document and a scalar are on it too.
    if (parser.stack.length > MAX_DEPTH + 2) throw new Error(`it is nested deeper than ${MAX_DEPTH} levels`);
  }
}
