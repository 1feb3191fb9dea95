import { mendJson } from '../heal/json.ts';
import { isRecord } from '../heal/schema.ts';
import { bodyText, type TagTool, typedValue } from './grammar.ts';
import type { CallEvent } from './tag-call.ts';

/** How other models were taught to call tools; read as calls, and said to be repaired (SPEC {#dialect_xml}). */
export const FOREIGN = /^<(tool_call|function_call|tool_use|function=[\w.:-]+|invoke\s+name=(?:"[\w.:-]+"|'[\w.:-]+'))\s*>/i;
/** What such an opening tag begins with, for telling whether more text is needed. */
export const FOREIGN_STARTS = ['tool_call', 'function_call', 'tool_use', 'function=', 'invoke'];
const LONGEST = 200;
const MAX_PARAMETERS = 64;

/** True while a text may still become such an opening tag. */
export function mayBeForeign(text: string): boolean {
  if (text.length > LONGEST || text.includes('>') || text.includes('\n')) return false;
  const name = text.slice(1).toLowerCase();
  return FOREIGN_STARTS.some((start) => start.startsWith(name) || (name.startsWith(start) && /^[\w.:=\s"'-]*$/.test(name)));
}

/** The word of the closing tag. */
export function foreignWord(opening: string): string {
  return /^<(\w+)/.exec(opening)?.[1]?.toLowerCase() ?? '';
}

/** The calls in one of them; one that cannot be read is a call of an unreadable kind, never nothing. */
export function foreignCalls(opening: string, between: string, tools: readonly TagTool[], nextId: () => string): CallEvent[] {
  const word = foreignWord(opening);
  const named = /^<(?:function=|invoke\s+name=)["']?([\w.:-]+)/i.exec(opening)?.[1];
  const repaired = [`read <${word}${named === undefined ? '' : ` ${named}`}> as a call`];
  if (named !== undefined) return [namedCall(named, between, tools, nextId(), repaired)];
  const inner = /^\s*<(?:function=|invoke\s+name=)["']?([\w.:-]+)["']?\s*>([\s\S]*?)(?:<\/(?:function|invoke)\s*>\s*)?$/i.exec(between);
  if (inner?.[1] !== undefined) return [namedCall(inner[1], inner[2] ?? '', tools, nextId(), repaired)];
  const read = mendJson(between.trim());
  const bad = (problem: string): CallEvent => ({ type: 'bad-call', id: nextId(), tool: word, raw: between, problem, final: true });
  if ('problem' in read) return [bad(`what is in <${word}> is no JSON: ${read.problem}`)];
  const all = Array.isArray(read.value) ? (read.value as unknown[]) : [read.value];
  if (all.length === 0) return [bad(`there is nothing in <${word}>`)];
  return all.map((one) => {
    const inside = isRecord(one) && isRecord(one['function']) ? one['function'] : one;
    const name = isRecord(inside) ? (inside['name'] ?? inside['tool'] ?? inside['tool_name'] ?? inside['function']) : undefined;
    if (!isRecord(inside) || typeof name !== 'string') return bad(`what is in <${word}> names no tool; it needs "name" and "arguments"`);
    const args = inside['arguments'] ?? inside['parameters'] ?? inside['input'] ?? inside['args'] ?? {};
    const repairs = [...repaired, ...read.repairs];
    if (isRecord(args)) return { type: 'call', call: { id: nextId(), tool: name, input: args }, repaired: repairs };
    return {
      type: 'bad-call',
      id: nextId(),
      tool: name,
      raw: typeof args === 'string' ? args : JSON.stringify(args),
      problem: 'its arguments are no object',
    };
  });
}

function namedCall(name: string, between: string, tools: readonly TagTool[], id: string, repaired: readonly string[]): CallEvent {
  const tool = tools.find((one) => one.name === name.toLowerCase());
  const parameter = /<parameter(?:=|\s+name=)["']?([\w.-]+)["']?\s*>([\s\S]*?)<\/parameter\s*>/gi;
  // Each opening tag that is not closed costs a look at the whole rest.
  if (between.split(/<parameter/i).length > MAX_PARAMETERS)
    return { type: 'bad-call', id, tool: name, raw: between, problem: `it has more than ${MAX_PARAMETERS} parameters`, final: true };
  const found = [...between.matchAll(parameter)];
  if (found.length === 0) {
    // JSON, or what the healing of arguments says about it.
    return { type: 'bad-call', id, tool: name, raw: between, problem: 'its arguments are no JSON object' };
  }
  if (between.replaceAll(parameter, '').trim() !== '') {
    const problem = `there is text beside the parameters of ${name}, so one of them may have ended early`;
    return { type: 'bad-call', id, tool: name, raw: between, problem, final: true };
  }
  const input = Object.fromEntries(
    found.map(([, key = '', value = '']) => [key, typedValue(bodyText(value), tool?.schema.properties.get(key))]),
  );
  return { type: 'call', call: { id, tool: name, input }, repaired };
}
