import { jsonSchema } from '../../src/rpc/protocol/json-schema.ts';
import type { MethodDef } from '../../src/rpc/protocol/method.ts';

/** Params of the right shapes for a method, those that have to be there, for things that do not exist. */
export function sound(def: MethodDef): Record<string, unknown> {
  return sample(jsonSchema(def.params, 'input'), '') as Record<string, unknown>;
}

/** A value of the right shape, for what does not exist. */
function sample(schema: Record<string, unknown>, name: string): unknown {
  if (name === 'path' || name === 'to') return 'log://turn_9/sh/none';
  if (name === 'projectRoot') return '/no/such/folder';
  if (name === 'run' || name === 'alias' || name === 'model' || name === 'name') return 'nope';
  if (name === 'producer') return 'p1-a';
  const alternatives = schema['anyOf'] as Record<string, unknown>[] | undefined;
  if (alternatives?.[0]) return sample(alternatives[0], name);
  if (schema['enum']) return (schema['enum'] as unknown[])[0];
  switch ([schema['type']].flat()[0]) {
    case 'string':
      return 'x'.repeat((schema['minLength'] as number | undefined) ?? 1);
    case 'integer':
    case 'number':
      return Math.max(1, (schema['minimum'] as number | undefined) ?? 1);
    case 'boolean':
      return false;
    case 'array':
      return (schema['minItems'] as number | undefined) ? [sample(schema['items'] as Record<string, unknown>, '')] : [];
    default: {
      const properties = (schema['properties'] ?? {}) as Record<string, Record<string, unknown>>;
      const required = (schema['required'] ?? []) as string[];
      return Object.fromEntries(required.map((key) => [key, sample(properties[key] ?? {}, key)]));
    }
  }
}
