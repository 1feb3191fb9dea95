import { createHash } from 'node:crypto';

/** Characters of a tool's name at most, the limit of model providers. */
const MAX_CHARS = 64;
const HASH_CHARS = 6;

/**
 * Names under which models see the tools of a server: `mcp__server__tool` with characters other than a-z, 0-9 and _ replaced. A name that
 * is too long, or would be that of two tools, ends in a hash of the server's own name for it, so that it stays the same.
 */
export function toolNames(server: string, tools: readonly string[]): Map<string, string> {
  const plain = tools.map((tool) => `mcp__${server}__${tool.toLowerCase().replace(/[^a-z0-9]+/g, '_')}`);
  return new Map(
    tools.map((tool, index) => {
      const name = plain[index] ?? '';
      const alone = plain.filter((other) => other === name).length === 1;
      return [tool, alone && name.length <= MAX_CHARS ? name : `${name.slice(0, MAX_CHARS - HASH_CHARS - 1)}_${hashOf(tool)}`];
    }),
  );
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, HASH_CHARS);
}
