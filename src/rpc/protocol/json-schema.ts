import { z } from 'zod';

/** A JSON Schema (draft 7, what OpenRPC builds on) as plain JSON. */
export type JsonSchema = Readonly<Record<string, unknown>>;

const cache = new WeakMap<z.ZodType, Map<'input' | 'output', JsonSchema>>();

/** The JSON Schema of what a schema takes (`input`) or gives (`output`); made once for each. */
export function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): JsonSchema {
  const known = cache.get(schema) ?? new Map<'input' | 'output', JsonSchema>();
  cache.set(schema, known);
  let made = known.get(io);
  if (!made) {
    const {
      $schema: _,
      '~standard': __,
      ...rest
    } = z.toJSONSchema(schema, {
      io,
      target: 'draft-7',
      // Every integer in JSON is within these bounds anyway; they would only hide the ones that mean something.
      override: ({ jsonSchema: made }) => {
        if (made.minimum === Number.MIN_SAFE_INTEGER) delete made.minimum;
        if (made.maximum === Number.MAX_SAFE_INTEGER) delete made.maximum;
      },
    }) as Record<string, unknown>;
    made = rest;
    known.set(io, made);
  }
  return made;
}

/** One parameter of a method, read from the schema of its params. */
export interface ParamInfo {
  readonly name: string;
  readonly required: boolean;
  readonly description: string | undefined;
  readonly schema: JsonSchema;
}

/** The parameters of a method by name, in the order of the table. */
export function paramsOf(schema: z.ZodType): ParamInfo[] {
  const object = jsonSchema(schema, 'input');
  const properties = (object['properties'] ?? {}) as Record<string, JsonSchema>;
  const required = new Set((object['required'] ?? []) as string[]);
  return Object.entries(properties).map(([name, property]) => {
    const { description, ...rest } = property;
    return { name, required: required.has(name), description: typeof description === 'string' ? description : undefined, schema: rest };
  });
}

/** A JSON Schema in a few words, for a table: `string`, `"utf8" | "base64"`, `{path, action, output?}[]`. */
export function shortType(schema: JsonSchema): string {
  const alternatives = (schema['anyOf'] ?? schema['oneOf']) as JsonSchema[] | undefined;
  if (alternatives) return alternatives.map(shortType).join(' | ');
  if ('const' in schema) return JSON.stringify(schema['const']);
  const values = schema['enum'] as unknown[] | undefined;
  if (values) return values.map((value) => JSON.stringify(value)).join(' | ');
  if (schema['type'] === 'array') {
    const item = shortType((schema['items'] ?? {}) as JsonSchema);
    return item.includes(' | ') ? `(${item})[]` : `${item}[]`;
  }
  if (schema['type'] === 'object') return shortObject(schema);
  return typeof schema['type'] === 'string' ? schema['type'] : 'any';
}

function shortObject(schema: JsonSchema): string {
  const properties = Object.keys((schema['properties'] ?? {}) as Record<string, JsonSchema>);
  if (properties.length === 0) return schema['additionalProperties'] === false ? '{}' : 'object';
  const required = new Set((schema['required'] ?? []) as string[]);
  return `{${properties.map((name) => (required.has(name) ? name : `${name}?`)).join(', ')}}`;
}
