import { realpathSync } from 'node:fs';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ContentBlock } from '@agentclientprotocol/sdk';
import { badParams } from './errors.ts';

/** A prompt's content as the text that the model reads; throws -32602 for content that models are not shown (SPEC {#acp_prompt}). */
export function promptText(blocks: readonly ContentBlock[], root: string): string {
  const parts = blocks.map((block, index) => part(block, index, root));
  const text = [flow(parts), ...parts.flatMap(({ context }) => (context === undefined ? [] : [context]))].join('\n\n');
  if (text.trim() === '') throw badParams('the prompt is empty; send a text', { field: 'prompt' });
  return text;
}

/** The text of a block within the prompt, and the context that follows the prompt. */
interface Part {
  readonly said: string;
  readonly isMention?: true;
  readonly context?: string;
}

/** Joins the texts of the blocks, with a blank before a mention that would touch the word in front of it. */
function flow(parts: readonly Part[]): string {
  return parts.reduce((text, { said, isMention }) => (isMention && /\S$/.test(text) ? `${text} ${said}` : `${text}${said}`), '');
}

function part(block: ContentBlock, index: number, root: string): Part {
  switch (block.type) {
    case 'text':
      return { said: block.text };
    case 'resource_link':
      return { said: mention(block.uri, root, block.name), isMention: true };
    case 'resource': {
      const { resource } = block;
      if (!('text' in resource)) throw unreadable(index, 'a resource that is no text');
      const said = mention(resource.uri, root);
      return { said, isMention: true, context: `<context uri="${said.slice(1)}">\n${resource.text}\n</context>` };
    }
    case 'image':
    case 'audio':
      throw unreadable(index, block.type);
  }
}

/** `@file://src/main.ts` for a file of the project, as the model's own tools call it; `@` and the URI for the rest. */
function mention(uri: string, root: string, name?: string): string {
  for (const path of filePaths(uri)) {
    const below = relative(root, path);
    if (below !== '' && !below.startsWith('..')) return `@file://${below}`;
  }
  return name === undefined || uri.endsWith(name) ? `@${uri}` : `@${uri} (${name})`;
}

/** The file's path as the editor wrote it, and with links resolved, as in the path of the project's root. */
function filePaths(uri: string): string[] {
  const paths: string[] = [];
  try {
    const url = new URL(uri);
    if (url.protocol !== 'file:') return [];
    paths.push(fileURLToPath(url));
    paths.push(realpathSync(fileURLToPath(url)));
  } catch {
    // It is not a URL, or the file does not exist yet.
  }
  return paths;
}

function unreadable(index: number, what: string): Error {
  return badParams(`prompt[${index}] is ${what}, which this agent does not read; promptCapabilities says so. Send text or a link.`, {
    field: `prompt[${index}]`,
  });
}
