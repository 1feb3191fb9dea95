import type { CallToolResult } from '@modelcontextprotocol/client';

type Block = CallToolResult['content'][number];

/** A result's content as text: parts that are not text are described. Ends with a line end unless empty. */
export function resultText(content: readonly Block[]): string {
  const lines = content.map(blockText).join('\n');
  return lines === '' || lines.endsWith('\n') ? lines : `${lines}\n`;
}

function blockText(block: Block): string {
  switch (block.type) {
    case 'text':
      return block.text;
    case 'image':
    case 'audio':
      return `[${block.type}, ${block.mimeType}, ${decodedBytes(block.data)} bytes]`;
    case 'resource_link':
      return `[resource ${block.uri}${block.description === undefined ? '' : `: ${block.description}`}]`;
    case 'resource': {
      const { resource } = block;
      if ('text' in resource) return `[resource ${resource.uri}]\n${resource.text}`;
      return `[resource ${resource.uri}, ${resource.mimeType ?? 'binary'}, ${decodedBytes(resource.blob)} bytes]`;
    }
    default:
      return `[content of an unknown kind: ${JSON.stringify(block).slice(0, 200)}]`;
  }
}

function decodedBytes(base64: string): number {
  return Buffer.from(base64, 'base64').length;
}
