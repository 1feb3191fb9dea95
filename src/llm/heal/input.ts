import { mendJson } from './json.ts';
import { isRecord, type Schema } from './schema.ts';

/** Keys that models add to say what they mean; they say nothing to the tool. */
const CHATTER = new Set(['description', 'explanation', 'reason', 'reasoning', 'thought', 'thoughts', 'justification', 'comment']);

/** An input with what had to be mended. */
export interface Fitted {
  readonly input: Readonly<Record<string, unknown>>;
  readonly repairs: readonly string[];
}

/**
 * Fits an input to a tool's schema where it has one reading only (SPEC {#healing}): keys in another spelling, numbers and
 * booleans as strings, one string instead of a list, a list or an object as a string, null for what may be left out, and
 * empty or chatty keys that the tool does not have. A string that stays a string is never touched. What does not fit
 * in spite of this is left as it is, for the tool to refuse.
 */
export function fitInput(input: Readonly<Record<string, unknown>>, schema: Schema, place = ''): Fitted {
  if (schema.properties.size === 0) return { input, repairs: [] };
  const repairs: string[] = [];
  const fitted: [string, unknown][] = [];
  for (const [given, value] of Object.entries(input)) {
    const key = keyOf(given, input, schema);
    const name = `${place}${key}`;
    const wanted = schema.properties.get(key);
    if (key !== given) repairs.push(`read the key "${place}${given}" as "${key}"`);
    if (!wanted) {
      if (!schema.open && isIdle(given, value)) repairs.push(`left out "${place}${given}", which the tool does not have`);
      else fitted.push([key, value]);
    } else if (value === null && !wanted.nullable && !schema.required.has(key)) {
      repairs.push(`left out "${name}", which was null`);
    } else {
      const one = fitValue(value, wanted, name);
      repairs.push(...one.repairs);
      fitted.push([key, one.value]);
    }
  }
  return repairs.length === 0 ? { input, repairs } : { input: Object.fromEntries(fitted), repairs };
}

/** The schema's own spelling of a key, when there is exactly one and it is not given as well. */
function keyOf(given: string, input: Readonly<Record<string, unknown>>, schema: Schema): string {
  if (schema.properties.has(given)) return given;
  const same = (key: string) => plain(key) === plain(given);
  const [found, another] = [...schema.properties.keys()].filter(same);
  if (found === undefined || another !== undefined || Object.keys(input).filter(same).length > 1) return given;
  return found;
}

function plain(key: string): string {
  return key.toLowerCase().replaceAll(/[_-]/g, '');
}

function isIdle(key: string, value: unknown): boolean {
  if (value === null || value === '') return true;
  if (Array.isArray(value)) return value.length === 0;
  if (isRecord(value)) return Object.keys(value).length === 0;
  return CHATTER.has(key.toLowerCase()) && typeof value === 'string';
}

function fitValue(value: unknown, wanted: Schema, name: string): { value: unknown; repairs: readonly string[] } {
  const as = (mended: unknown, what: string) => ({ value: mended, repairs: [`read "${name}" as ${what}`] });
  if (wanted.type === 'object' && isRecord(value)) {
    const { input, repairs } = fitInput(value, wanted, `${name}.`);
    return { value: input, repairs };
  }
  if (typeof value === 'string') {
    const text = value.trim();
    if (wanted.type === 'integer' && /^-?\d{1,15}$/.test(text)) return as(Number(text), 'a number');
    if (wanted.type === 'number' && /^-?\d{1,15}(?:\.\d{1,15})?$/.test(text)) return as(Number(text), 'a number');
    if (wanted.type === 'boolean' && /^(?:true|false)$/i.test(text)) return as(text.toLowerCase() === 'true', 'a boolean');
    if (wanted.type === 'array' || wanted.type === 'object') {
      const mended = text.startsWith('[') || text.startsWith('{') ? mendJson(text) : undefined;
      const inner = mended && 'value' in mended ? mended.value : undefined;
      if (wanted.type === 'array' && Array.isArray(inner)) return as(inner, 'a list');
      if (wanted.type === 'object' && isRecord(inner)) return as(inner, 'an object');
      if (wanted.type === 'array' && wanted.items?.type === 'string') return as([value], 'a list of one');
    }
  }
  return { value, repairs: [] };
}
