import type { ModelMessage, ToolCall } from '../../model/ports/model-provider.ts';
import { isRecord } from '../heal/schema.ts';
import { encodeAttribute, endWordFor, type TagTool } from './grammar.ts';

/**
 * A packet in the dialect (SPEC {#dialect_xml}): tools in the system text, calls as tags, results as messages of the user. The same
 * packet always gives the same text, so that caches hold.
 */
export function xmlMessages(messages: readonly ModelMessage[], tools: readonly TagTool[]): ModelMessage[] {
  const out: ModelMessage[] = [];
  const first = messages.findIndex(({ role }) => role !== 'system');
  const head = first < 0 ? messages.length : first;
  out.push(...messages.slice(0, head), { role: 'system', text: instructions(tools) });
  let results: string[] = [];
  const flush = () => {
    if (results.length > 0) out.push({ role: 'user', text: results.join('\n\n') });
    results = [];
  };
  for (const message of messages.slice(head)) {
    if (message.role === 'tool') {
      results.push(resultText(message));
      continue;
    }
    flush();
    if (message.role !== 'assistant') out.push(message);
    else
      out.push({
        role: 'assistant',
        text: [message.text.trimEnd(), ...message.calls.map((call) => callText(call, tools))].filter((text) => text !== '').join('\n'),
        calls: [],
      });
  }
  flush();
  return out;
}

/** A call as the model would have written it. */
export function callText({ tool: name, input }: ToolCall, tools: readonly TagTool[]): string {
  const tool = tools.find((one) => one.name === name);
  const tag = name.replaceAll(/[^\w-]/g, '_');
  const given = tool?.body === undefined ? undefined : input[tool.body];
  const body = typeof given === 'string' ? given : undefined;
  const attributes = Object.entries(input)
    .filter(([key]) => body === undefined || key !== tool?.body)
    .map(([key, value]) => ` ${key}="${encodeAttribute(typeof value === 'string' ? value : JSON.stringify(value))}"`)
    .join('');
  if (body === undefined) return `<${tag}${attributes}/>`;
  const word = endWordFor(tag, body);
  const [begin, end] = word === undefined ? ['', ''] : [` end="${word}"`, ` ${word}`];
  return `<${tag}${attributes}${begin}>\n${body}\n</${tag}${end}>`;
}

function resultText({ tool, callId, text }: Extract<ModelMessage, { role: 'tool' }>): string {
  const word = endWordFor('result', text);
  const [begin, end] = word === undefined ? ['', ''] : [` end="${word}"`, ` ${word}`];
  return `<result tool="${encodeAttribute(tool)}" call="${encodeAttribute(callId)}"${begin}>\n${text}\n</result${end}>`;
}

/** How a model is told of tags and tools; the same for the same tools (SPEC {#dialect_xml}). */
function instructions(tools: readonly TagTool[]): string {
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
