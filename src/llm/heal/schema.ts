/** The parts of a tool's JSON Schema that a call is fitted to. */
export interface Schema {
  readonly type: string | undefined;
  readonly properties: ReadonlyMap<string, Schema>;
  readonly required: ReadonlySet<string>;
  /** False: no other keys than these. */
  readonly open: boolean;
  readonly items: Schema | undefined;
  readonly nullable: boolean;
}

/** Reads a JSON Schema; of what it does not know it asks nothing. */
export function schemaOf(value: unknown, depth = 0): Schema {
  const schema = (isRecord(value) ? value : {}) as Record<string, unknown>;
  const { type, properties, required, items } = schema;
  const types = Array.isArray(type) ? type : [type];
  const named = types.filter((one) => one !== 'null');
  const deeper = depth < 8;
  return {
    type: named.length === 1 && typeof named[0] === 'string' ? named[0] : undefined,
    properties: new Map(
      isRecord(properties) && deeper ? Object.entries(properties).map(([key, one]) => [key, schemaOf(one, depth + 1)]) : [],
    ),
    required: new Set(Array.isArray(required) ? required.filter((one) => typeof one === 'string') : []),
    open: schema['additionalProperties'] !== false,
    items: items === undefined || !deeper ? undefined : schemaOf(items, depth + 1),
    nullable: types.includes('null') || type === undefined,
  };
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
