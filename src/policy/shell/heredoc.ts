import type { Node } from './grammar.ts';

/** A here-document as every shell reads it. */
export interface Heredoc {
  /** The word that ends it. */
  readonly name: string;
  /** Its lines, each with its end. */
  readonly body: string;
}

/**
 * Reads a here-document, or says why it may be read in another way by the shell than by the grammar, which finds its end by other means: both
 * agree on one, with a plain word as its end, in which there is nothing that the shell would replace.
 */
export function heredocOf(node: Node, source: string): Heredoc | string {
  const start = node.children.find((child) => child.type === 'heredoc_start');
  const end = node.children.find((child) => child.type === 'heredoc_end');
  if (!start || !end || node.children[0]?.type !== '<<') return 'a here-document whose end is not plain';
  if (source.slice(node.children[0].endIndex, start.startIndex).includes('\n')) return 'a here-document whose end is named on another line';
  const [, quote = '', name = ''] = /^(['"]?)([A-Za-z_][A-Za-z0-9_]*)\1$/.exec(start.text) ?? [];
  if (name === '') return 'a here-document whose end is not plain';
  if (source.split('<<').length !== 2) return 'more than one here-document';
  const lineEnd = source.indexOf('\n', start.endIndex);
  if (lineEnd < 0 || /['"\\`$#(]/.test(source.slice(start.endIndex, lineEnd))) return 'a here-document with quotes behind it';
  if (/['"`(]/.test(source.slice(0, node.startIndex).replace(/"[^"\\$`\n]*"|'[^'\n]*'/g, ''))) return 'a here-document inside of quotes';
  let at = lineEnd + 1;
  for (;;) {
    const next = source.indexOf('\n', at);
    const line = source.slice(at, next < 0 ? undefined : next);
    if (line === name) break;
    if (next < 0) return 'a here-document without its end';
    at = next + 1;
  }
  if (end.text.trim() !== name || end.endIndex !== at + name.length) return 'a here-document whose end is not plain';
  const body = source.slice(lineEnd + 1, at);
  if (quote === '' && /[$`\\]/.test(body)) return 'a here-document in which the shell replaces something';
  return { name, body };
}
