import type { ModelEvent } from '../../model/ports/model-provider.ts';
import { mendJson } from '../heal/json.ts';
import { isRecord } from '../heal/schema.ts';
import { bodyText, type TagTool, typedValue } from './grammar.ts';

export type CallEvent = Extract<ModelEvent, { type: 'call' | 'bad-call' }>;

/**
 * The call that a tag stands for: attributes are parameters, what is between the tags is the tool's long text, or a JSON
 * object of all parameters (SPEC {#dialect_xml}).
 *
 * @param between - undefined for a tag that closes itself
 */
export function tagCall(
  id: string,
  tool: TagTool,
  attributes: ReadonlyMap<string, string>,
  between: string | undefined,
  repairs: readonly string[],
): CallEvent {
  const bad = (problem: string): CallEvent => ({ type: 'bad-call', id, tool: tool.name, raw: between ?? '', problem, final: true });
  const input = Object.fromEntries([...attributes].map(([key, value]) => [key, typedValue(value, tool.schema.properties.get(key))]));
  const call = (more: Readonly<Record<string, unknown>>, also: readonly string[] = []): CallEvent => {
    const repaired = [...repairs, ...also];
    return { type: 'call', call: { id, tool: tool.name, input: { ...input, ...more } }, ...(repaired.length === 0 ? {} : { repaired }) };
  };
  if (between === undefined) return call({});
  const json = jsonInput(tool, attributes, between);
  if (json) return call(json.value, json.repairs);
  const { body } = tool;
  const blank = between.trim() === '';
  if (body === undefined) return blank ? call({}) : bad(`<${tool.name}> takes nothing between its tags; its parameters are attributes`);
  if (!attributes.has(body)) return blank && !tool.schema.required.has(body) ? call({}) : call({ [body]: bodyText(between) });
  return blank ? call({}) : bad(`${body} is given twice, as an attribute and between the tags`);
}

/** A JSON object between the tags that has all that the tool requires, and nothing that it does not know. */
function jsonInput(
  { schema, body }: TagTool,
  attributes: ReadonlyMap<string, string>,
  between: string,
): { value: Record<string, unknown>; repairs: readonly string[] } | undefined {
  const text = between.trim();
  if (!text.startsWith('{') || !text.endsWith('}')) return undefined;
  const required = [...schema.required];
  // With everything else given as attributes the braces are text.
  if (body !== undefined && required.every((key) => key === body || attributes.has(key)) && required.length > 1) return undefined;
  const read = mendJson(text);
  if (!('value' in read) || !isRecord(read.value)) return undefined;
  const { value, repairs } = read;
  const keys = Object.keys(value);
  const fits =
    keys.every((key) => schema.properties.has(key) && !attributes.has(key)) &&
    required.every((key) => keys.includes(key) || attributes.has(key));
  return fits && keys.length > 0 ? { value, repairs } : undefined;
}
