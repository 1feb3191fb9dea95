import * as metaSchemaModule from '@open-rpc/meta-schema';
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { ERRORS } from '../../src/core/errors.ts';
import { catalogue } from '../../src/rpc/protocol/discover.ts';
import { errorsDocument, groupNames, methodTable, notificationTable } from '../../src/rpc/protocol/markdown.ts';
import { openrpcDocument } from '../../src/rpc/protocol/openrpc.ts';
import { methods, notifications } from '../../src/rpc/protocol/table.ts';
import { handlers } from '../../src/rpc/server/methods/index.ts';

/** The package declares types of documents only; what it exports is the schema. */
const metaSchema = (metaSchemaModule as unknown as { openrpcDocument: Record<string, unknown> }).openrpcDocument;

interface OpenRpcMethod {
  name: string;
  params: { name: string; required: boolean; schema: object }[];
  result: { schema: object };
  errors: { $ref: string }[];
}

const propertiesOf = (schema: object) => (schema as { properties?: Record<string, object> }).properties ?? {};
const isOk = (schema: object | undefined) => schema !== undefined && 'const' in schema && schema.const === 'ok';

describe('{#discover} what the server says of itself', () => {
  const document = openrpcDocument('1.2.3') as {
    methods: OpenRpcMethod[];
    components: { errors: object };
    'x-notifications': { name: string }[];
  };

  it('is valid OpenRPC', () => {
    const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false });
    // The meta schema refers to JSON Schema's own over the network; the schemas in the document are compiled below instead.
    const local = JSON.stringify({ ...metaSchema, $schema: undefined })
      .replaceAll('https://meta.json-schema.tools/#/definitions/JSONSchemaObject/properties/$ref', '#/definitions/anyReference')
      .replaceAll('"https://meta.json-schema.tools"', '"#/definitions/anySchema"');
    const schema = JSON.parse(local) as { definitions: Record<string, object> };
    schema.definitions = { ...schema.definitions, anyReference: { type: 'string' }, anySchema: { type: ['object', 'boolean'] } };
    const valid = ajv.validate(schema, document);
    expect(ajv.errors).toBeNull();
    expect(valid).toBe(true);
    expect(ajv.validate(schema, { ...document, methods: [{ summary: 'no name' }] })).toBe(false);
  });

  it('has sound JSON schemas, and error references that lead somewhere', () => {
    const ajv = new Ajv({ strict: false });
    for (const { name, params, result, errors } of document.methods) {
      for (const param of params) expect(() => ajv.compile(param.schema), `${name} ${param.name}`).not.toThrow();
      expect(() => ajv.compile(result.schema), name).not.toThrow();
      for (const { $ref } of errors) expect(document.components.errors).toHaveProperty($ref.replace('#/components/errors/', ''));
    }
  });

  it('names every method and notification of the table and nothing else', () => {
    expect(document.methods.map(({ name }) => name)).toEqual(Object.keys(methods));
    expect(document['x-notifications'].map(({ name }) => name)).toEqual(Object.keys(notifications));
    expect(Object.keys(catalogue().methods)).toEqual(Object.keys(methods));
    expect(Object.keys(catalogue().notifications)).toEqual(Object.keys(notifications));
  });

  it('{#wire_names} writes names in camelCase, but for those of before that have the new one beside them and a few that stay', () => {
    const stay =
      /^(exit_code|yield_ms|grace_ms|max_bytes|renamed_from|rest_ms|read_only|known_hosts|boot_id|lease_ms|output_bytes|pixel_width|pixel_height|terminal_status)$/;
    const former: string[] = [];
    const look = (schema: unknown): void => {
      if (typeof schema !== 'object' || schema === null) return;
      const { properties = {} } = schema as { properties?: object };
      for (const [name, { description = '' }] of Object.entries(properties as Record<string, { description?: string }>)) {
        if (!name.includes('_') || stay.test(name)) continue;
        const camel = name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
        expect(properties, name).toHaveProperty(camel);
        expect(description, name).toBe(`As \`${camel}\`, until the next version of the protocol.`);
        former.push(name);
      }
      for (const inner of Object.values(schema)) look(inner);
    };
    look(document);
    for (const { params } of document.methods) {
      for (const { name } of params) expect(!name.includes('_') || stay.test(name), name).toBe(true);
    }
    expect(former).toEqual(['end_offset', 'waits_for', 'end_offsets', 'media_type']);
  });

  it('{#wire_names} has `ok` in every receipt but those that other clients know', () => {
    const receipts = document.methods.filter(
      ({ result }) => 'status' in propertiesOf(result.schema) && isOk(propertiesOf(result.schema)['status']),
    );
    const without = receipts.filter(({ result }) => !('ok' in propertiesOf(result.schema)));
    expect(receipts.map(({ name }) => name)).toEqual(['stream', 'stream/aborted', 'stream/input', 'stream/resize', 'stream/signal']);
    expect(without.map(({ name }) => name)).toEqual(['stream', 'stream/aborted']);
  });

  it('is plain JSON', () => {
    for (const value of [document, catalogue()]) expect(JSON.parse(JSON.stringify(value))).toEqual(value);
  });

  it('has exactly the methods that the server has a handler for', () => {
    expect(Object.keys(handlers).sort()).toEqual(Object.keys(methods).sort());
  });
});

describe('{#errors} the error catalogue', () => {
  it('is in the document, every name with its code and status', () => {
    const text = errorsDocument();
    for (const [name, { code, status }] of Object.entries(ERRORS)) expect(text).toContain(`| ${code} | \`${name}\` | ${status} |`);
  });

  it('shares a code only between errors of the same HTTP-like status', () => {
    const byCode = new Map<number, Set<number>>();
    for (const { code, status } of Object.values(ERRORS)) byCode.set(code, (byCode.get(code) ?? new Set()).add(status));
    for (const [code, statuses] of byCode) expect(statuses.size, String(code)).toBe(1);
  });
});

describe('{#tables} the tables for the specification', () => {
  it('show every method once, with its params, and are well-formed', () => {
    const text = groupNames.map((group) => methodTable(group)).join('\n');
    for (const name of Object.keys(methods)) expect(text.split(`| \`${name}\` |`)).toHaveLength(2);
    for (const line of [...text.split('\n'), ...notificationTable().split('\n')]) {
      const cells = line.replaceAll('\\|', '').split('|').length;
      expect([7, 6], line).toContain(cells);
    }
    expect(methodTable('session')).toContain('`configPath?` string');
  });
});
