import type { Node } from './grammar.ts';

/** What is one piece, whatever its children cover. */
const WHOLE = new Set(['string', 'raw_string', 'ansi_c_string', 'comment', 'heredoc_body', 'heredoc_content', 'heredoc_end']);

/**
 * Why the tree may not be all of the text: between its pieces there may be nothing but blanks and ends of lines. What the grammar passes over in
 * silence, the shell may run.
 */
export function gapDoubt(root: Node, text: string): string | undefined {
  let at = 0;
  const stack: Node[] = [root];
  while (stack.length > 0) {
    const node = stack.pop();
    if (!node) break;
    if (node.childCount > 0 && !WHOLE.has(node.type)) {
      for (const child of [...node.children].reverse()) stack.push(child);
      continue;
    }
    if (node.startIndex > at && !/^(?:[ \t\n]|\\\n)*$/.test(text.slice(at, node.startIndex)))
      return `"${text.slice(at, node.startIndex).trim().slice(0, 40)}" cannot be read`;
    at = Math.max(at, node.endIndex);
  }
  return /^(?:[ \t\n]|\\\n)*$/.test(text.slice(at)) ? undefined : `"${text.slice(at).trim().slice(0, 40)}" cannot be read`;
}
