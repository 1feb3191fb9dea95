import { isRecord } from '../heal/schema.ts';
import type { TagTool } from './grammar.ts';

/** How a model is told of tags and tools; the same for the same tools (SPEC {#dialect_xml}). */
export function instructions(tools: readonly TagTool[]): string {
  return `# Calling tools

You call a tool by writing a tag of its name, on lines of its own, as plain text and not in a code block. Attributes are its parameters. The long text of a tool, if it has one, stands between the tags exactly as it is, without escaping:

<TOOL parameter="value">
text
</TOOL>

A tool without a long text is one tag: <TOOL parameter="value"/>. In an attribute a quote is &quot; and a line end &#10;. Lists and objects are JSON. If the text itself contains the closing tag, begin with <TOOL end="WORD"> and end with </TOOL WORD>, with a word that is not in the text. You may call several tools one after another; then stop, and the results come as <result> in the next message. Never write <result> yourself.

${tools.map(toolText).join('\n\n')}`;
}

function toolText({ name, description, inputSchema, schema, body }: TagTool): string {
  const properties = isRecord(inputSchema['properties']) ? inputSchema['properties'] : {};
  const lines = [...schema.properties].map(([key, { type }]) => {
    const property = properties[key];
    const about = isRecord(property) && typeof property['description'] === 'string' ? `: ${property['description']}` : '';
    const where = key === body ? 'the text between the tags' : 'attribute';
    return `- ${key} (${where}, ${typeOf(property, type)}${schema.required.has(key) ? ', required' : ''})${about}`;
  });
  return [`## <${name}>`, description.trim(), lines.join('\n')].filter((part) => part !== '').join('\n\n');
}

/** A word for a simple type, the schema itself for one that is not. */
function typeOf(property: unknown, type: string | undefined): string {
  const simple = type !== undefined && type !== 'object' && type !== 'array' && !(isRecord(property) && 'enum' in property);
  if (simple) return type;
  if (!isRecord(property)) return 'any';
  const { description: _, ...rest } = property;
  return JSON.stringify(rest);
}
