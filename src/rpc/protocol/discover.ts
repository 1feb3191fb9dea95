import { jsonSchema } from './json-schema.ts';
import type { MethodDef, NotificationDef } from './method.ts';
import { methods, notifications } from './table.ts';

/** What `discover` returns: the live catalogue as plain JSON. */
export interface Catalogue {
  readonly [field: string]: unknown;
  readonly methods: Record<string, unknown>;
  readonly notifications: Record<string, unknown>;
}

/** The catalogue of methods and notifications, from the same table that validates the calls (SPEC {#discover}); `more` are methods of plugins. */
export function catalogue(more: ReadonlyMap<string, MethodDef> = new Map()): Catalogue {
  return {
    methods: Object.fromEntries(
      [...Object.entries(methods as Record<string, MethodDef>), ...more].map(([name, def]) => [
        name,
        {
          summary: def.summary,
          init: def.init,
          scope: def.scope,
          params: jsonSchema(def.params, 'input'),
          result: jsonSchema(def.result, 'output'),
        },
      ]),
    ),
    notifications: Object.fromEntries(
      Object.entries(notifications as Record<string, NotificationDef>).map(([name, def]) => [
        name,
        { summary: def.summary, durable: def.durable, params: jsonSchema(def.params, 'output') },
      ]),
    ),
  };
}
