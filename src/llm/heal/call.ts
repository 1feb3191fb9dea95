import type { ToolSpec } from '../../model/ports/model-provider.ts';
import { fitInput } from './input.ts';
import { mendJson } from './json.ts';
import { isRecord, schemaOf } from './schema.ts';

/** A call that can be made, with what was mended, or what is wrong with it. */
export type HealedCall =
  | { readonly tool: string; readonly input: Readonly<Record<string, unknown>>; readonly repairs: readonly string[] }
  | { readonly tool: string; readonly problem: string };

/**
 * Mends a call where it has one reading only (SPEC {#healing}).
 *
 * @param args - the input, or its text when it was no JSON object
 * @param cut - true: the answer ended at its limit of tokens, so that a text without an end may have had more
 */
export function healCall(
  name: string,
  args: Readonly<Record<string, unknown>> | string,
  tools: readonly ToolSpec[],
  cut = false,
): HealedCall {
  const found = toolOf(name, tools);
  const tool = found?.name ?? name;
  const repairs = tool === name ? [] : [`read the tool "${name.slice(0, 80)}" as "${tool}"`];
  const read = typeof args === 'string' ? readArguments(args, found, cut) : { input: args, repairs: [] };
  if ('problem' in read) return { tool, problem: read.problem };
  const fitted = found ? fitInput(read.input, schemaOf(found.inputSchema)) : { input: read.input, repairs: [] };
  return { tool, input: fitted.input, repairs: [...repairs, ...read.repairs, ...fitted.repairs] };
}

/** The tool that a name means: another case, another separator, a namespace before it, a model's special token after it. */
function toolOf(name: string, tools: readonly ToolSpec[]): ToolSpec | undefined {
  const exact = tools.find((tool) => tool.name === name);
  if (exact) return exact;
  const plain = name
    .replace(/<\|.*$/s, '')
    .trim()
    .replace(/^(?:functions|tools|tool|default_api)[.:]/i, '')
    .toLowerCase()
    .replaceAll(/[-\s]/g, '_');
  return tools.find((tool) => tool.name === plain);
}

type Read = { readonly input: Readonly<Record<string, unknown>>; readonly repairs: readonly string[] } | { readonly problem: string };

function readArguments(text: string, tool: ToolSpec | undefined, cut: boolean): Read {
  if (text.trim() === '') return { input: {}, repairs: [] };
  const mended = mendJson(text);
  if ('problem' in mended) {
    const why = cut ? ' The answer reached its limit of tokens before the end of the call: make it shorter, or in several steps.' : '';
    return { problem: `its arguments are no JSON: ${mended.problem}.${why}` };
  }
  let { value } = mended;
  const repairs = [...mended.repairs];
  if (cut && repairs.some((repair) => repair.startsWith('added the missing')))
    return { problem: 'its arguments end before their closing bracket, because the answer reached its limit of tokens. Make it shorter.' };
  if (typeof value === 'string') {
    const inner = mendJson(value);
    if ('value' in inner && isRecord(inner.value)) {
      value = inner.value;
      repairs.push('read a string of JSON as the object in it', ...inner.repairs);
    } else {
      const only = tool && onlyText(tool);
      if (only !== undefined) {
        value = { [only]: value };
        repairs.push(`read a string as "${only}"`);
      }
    }
  } else if (Array.isArray(value) && value.length === 1 && isRecord(value[0])) {
    [value] = value as unknown[];
    repairs.push('read a list of one as the object in it');
  }
  if (!isRecord(value)) return { problem: 'its arguments are JSON, but no object' };
  return { input: value, repairs };
}

/** The one parameter that a bare string can mean; never a command. */
function onlyText({ inputSchema }: ToolSpec): string | undefined {
  const { required, properties } = schemaOf(inputSchema);
  const [only, another] = [...required];
  return only !== undefined && another === undefined && only !== 'command' && properties.get(only)?.type === 'string' ? only : undefined;
}
