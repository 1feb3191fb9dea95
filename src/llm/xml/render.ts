import type { ModelMessage, ToolCall } from '../../model/ports/model-provider.ts';
import { encodeAttribute, endWordFor, type TagTool } from './grammar.ts';
import { instructions } from './instructions.ts';

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
