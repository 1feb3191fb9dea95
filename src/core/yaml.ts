import { Lexer, Parser, parseDocument } from 'yaml';

/** Levels of lists and mappings; a message has as many. */
const MAX_DEPTH = 64;

/**
 * The value of an untrusted YAML text; null of an empty one. Throws an Error with what is wrong and where, also for a text that
 * is nested deeper than 64 levels, for one whose aliases stand for more than `maxAliasCount` nodes, and for one of more than `maxLexemes`
 * words, signs, blanks and ends of lines, which take the time.
 */
export function parseYaml(
  text: string,
  { maxAliasCount, maxLexemes = Number.POSITIVE_INFINITY }: { maxAliasCount: number; maxLexemes?: number },
): unknown {
  requireSmall(text, maxLexemes);
  const document = parseDocument(text);
  const [problem] = document.errors;
  if (problem) throw problem;
  return document.toJS({ maxAliasCount }) ?? null;
}

/**
 * Lexer and parser are loops; what follows them is recursive and goes on after a stack overflow. A regular expression that V8 compiles there
 * aborts the process.
 */
function requireSmall(text: string, maxLexemes: number): void {
  const parser = new Parser();
  let lexemes = 0;
  for (const lexeme of new Lexer().lex(text)) {
    lexemes += 1;
    if (lexemes > maxLexemes) throw new Error(`it has more than ${maxLexemes} words and signs`);
    for (const _ of parser.next(lexeme));
    // The document and a scalar are on it too.
    if (parser.stack.length > MAX_DEPTH + 2) throw new Error(`it is nested deeper than ${MAX_DEPTH} levels`);
  }
}
