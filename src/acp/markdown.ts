import type { ToolCallContent } from '@agentclientprotocol/sdk';
import { visible, visibleLine } from '../core/visible-text.ts';

/** Characters of a text that is shown with a tool call; of a longer one its end. */
const SHOWN_CHARS = 16 * 1024;

/** Longest run of backquotes in a text. */
function longestFence(text: string): number {
  return Math.max(0, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
}

/** Text as one line of code in Markdown, as it is: nothing in it formats or hides. */
export function codeSpan(text: string): string {
  const line = visibleLine(text);
  const fence = '`'.repeat(longestFence(line) + 1);
  const pad = line.startsWith('`') || line.endsWith('`') ? ' ' : '';
  return `${fence}${pad}${line}${pad}${fence}`;
}

/** Text as a block of code in Markdown. */
export function codeBlock(text: string, language = ''): string {
  const shown = visible(text).replace(/\n$/, '');
  const fence = '`'.repeat(Math.max(3, longestFence(shown) + 1));
  return `${fence}${language}\n${shown}\n${fence}`;
}

/** A text of a tool call. */
export function textContent(text: string): ToolCallContent {
  return { type: 'content', content: { type: 'text', text } };
}

/** A block of code of a tool call, a long one without its beginning. */
export function blockContent(text: string, language = ''): ToolCallContent {
  if (text.length <= SHOWN_CHARS) return textContent(codeBlock(text, language));
  const left = text.length - SHOWN_CHARS;
  return textContent(`${left} characters before this are left out.\n\n${codeBlock(text.slice(-SHOWN_CHARS), language)}`);
}
