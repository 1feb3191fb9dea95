import { defined } from '../../core/defined.ts';
import { ERRORS, type ErrorName, type ErrorSpec } from '../../core/errors.ts';
import { jsonSchema, paramsOf } from './json-schema.ts';
import type { MethodDef, NotificationDef } from './method.ts';
import { methods, notifications } from './table.ts';

/** Errors that any method may return; the others depend on what a method does and are listed beside them. */
const COMMON: readonly ErrorName[] = ['invalid_params', 'not_initialized', 'forbidden', 'overloaded', 'cancelled', 'internal'];

/**
 * The OpenRPC 1.3.2 document of the method table, plain JSON (SPEC {#discover}). Params are by name; `x-init` and
 * `x-scope` say what the standard has no field for, `x-notifications` what the server sends.
 *
 * @param version - the server's version
 * @param more - methods of plugins, after the protocol's own
 */
export function openrpcDocument(version: string, more: ReadonlyMap<string, MethodDef> = new Map()): Record<string, unknown> {
  return {
    openrpc: '1.3.2',
    info: {
      title: 'Headgate',
      version,
      description: 'JSON-RPC 2.0 over WebSocket, unix socket (one JSON message a line) and stdio. Params are always an object.',
      license: { name: 'MIT' },
    },
    methods: [...Object.entries(methods as Record<string, MethodDef>), ...more].map(([name, def]) => methodObject(name, def)),
    components: {
      errors: Object.fromEntries(
        Object.entries(ERRORS as Record<string, ErrorSpec>).map(([name, spec]) => [
          name,
          { code: spec.code, message: spec.when, data: { name, status: spec.status } },
        ]),
      ),
    },
    'x-notifications': Object.entries(notifications as Record<string, NotificationDef>).map(([name, def]) => ({
      name,
      summary: def.summary,
      durable: def.durable,
      params: jsonSchema(def.params, 'output'),
    })),
  };
}

function methodObject(name: string, def: MethodDef): Record<string, unknown> {
  return {
    name,
    summary: def.summary,
    paramStructure: 'by-name',
    params: paramsOf(def.params).map((param) => ({
      name: param.name,
      ...defined({ description: param.description }),
      required: param.required,
      schema: param.schema,
    })),
    result: { name: 'result', schema: jsonSchema(def.result, 'output') },
    errors: COMMON.map((error) => ({ $ref: `#/components/errors/${error}` })),
    'x-init': def.init,
    'x-scope': def.scope,
  };
}
