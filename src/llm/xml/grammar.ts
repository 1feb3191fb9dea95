import type { ToolSpec } from '../../model/ports/model-provider.ts';
import { type Schema, schemaOf } from '../heal/schema.ts';

/** A tool as its tag is read and written (SPEC {#dialect_xml}). */
export interface TagTool {
  readonly name: string;
  readonly description: string;
  readonly inputSchema: Readonly<Record<string, unknown>>;
  readonly schema: Schema;
  /** The parameter that is the text between the tags; undefined when the tool has none for it. */
  readonly body: string | undefined;
}

/** Parameters that are long texts, the first that a tool has being its body. */
const BODIES = ['command', 'body', 'text', 'content', 'question', 'query', 'prompt', 'message'];

export function tagTools(tools: readonly ToolSpec[]): TagTool[] {
  return tools.map(({ name, description, inputSchema }) => {
    const schema = schemaOf(inputSchema);
    return { name, description, inputSchema, schema, body: BODIES.find((key) => schema.properties.get(key)?.type === 'string') };
  });
}

/** A word that ends a body in which the plain closing tag would be mistaken for its end; undefined when it would not. */
export function endWordFor(name: string, body: string): string | undefined {
  if (!new RegExp(`</${name}`, 'i').test(body)) return undefined;
  let number = 1;
  while (body.includes(`E${number}`)) number++;
  return `E${number}`;
}

/** The closing tag of a body: any case, spaces inside allowed. */
export function closingTag(name: string, endWord: string | undefined): RegExp {
  const escaped = name.replaceAll(/[^\w]/g, '\\$&');
  const word = endWord === undefined ? '' : `\\s+${endWord.replaceAll(/[^\w]/g, '\\$&')}`;
  return new RegExp(`</(${escaped})${word}\\s*>`, 'gi');
}

/** The line ends next to the tags are not part of a body; a text that begins behind a plain one may end with a carriage return. */
export function bodyText(between: string): string {
  const body = between.replace(/^[ \t]*\r?\n/, '');
  return body.replace(/^[ \t]*\n/.test(between) ? /\n[ \t]*$/ : /\r?\n[ \t]*$/, '');
}

const ENTITIES: Readonly<Record<string, string>> = {
  quot: '"',
  apos: "'",
  amp: '&',
  lt: '<',
  gt: '>',
  '#10': '\n',
  '#13': '\r',
  '#9': '\t',
};

/** An attribute's value; an `&` that begins none of these entities stays as it is, so that `a && b` is `a && b`. */
export function decodeAttribute(value: string): string {
  return value.replaceAll(/&(quot|apos|amp|lt|gt|#10|#13|#9);/g, (_, name: string) => ENTITIES[name] ?? '');
}

export function encodeAttribute(value: string): string {
  return value
    .replaceAll('&', '&amp;')
    .replaceAll('"', '&quot;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('\n', '&#10;')
    .replaceAll('\r', '&#13;')
    .replaceAll('\t', '&#9;');
}

/** An attribute's text as the value that its parameter has. */
export function typedValue(text: string, schema: Schema | undefined): unknown {
  if (!schema || schema.type === 'string') return text;
  const may = schema.type === undefined ? /^(?:true|false|\{[\s\S]*\})$/ : /^(?:-?\d|true$|false$|\{|\[|null$)/;
  if (!may.test(text.trim())) return text;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
