import { z } from 'zod';
import { method } from './method.ts';
import { empty, run, scope } from './shapes.ts';

/** Greeting and session (SPEC {#session}). */
export const sessionMethods = {
  ping: method({
    params: empty,
    result: z.strictObject({ pong: z.literal(true), at: z.int() }),
    init: false,
    scope: 'none',
    summary: "Returns at once; `at` is the server's clock in milliseconds.",
  }),
  discover: method({
    params: empty,
    result: z.looseObject({ methods: z.record(z.string(), z.unknown()), notifications: z.record(z.string(), z.unknown()) }),
    init: false,
    scope: 'none',
    summary: 'The live catalogue of methods and notifications as plain JSON.',
  }),
  getConfig: method({
    params: empty,
    result: z.looseObject({}),
    init: false,
    scope: 'admin',
    summary: 'The configuration that the server works with, defaults and what was added at run time included, without secrets.',
  }),
  'rpc.discover': method({
    params: empty,
    result: z.looseObject({ openrpc: z.string() }),
    init: false,
    scope: 'none',
    summary: 'The OpenRPC document.',
  }),
  init: method({
    params: z.strictObject({
      name: z.string().min(1).max(128),
      projectRoot: z.string().min(1).max(4096),
      configPath: z.string().min(1).max(4096).optional(),
      client: z.strictObject({ name: z.string().min(1).max(64), version: z.string().max(64).optional() }).optional(),
    }),
    result: z.strictObject({
      project: z.string(),
      protocol: z.int(),
      version: z.string(),
      lastSeq: z.int(),
      madeAt: z.int(),
      scope: scope.describe('What the connection may do: the scope of its token, `admin` without one.'),
    }),
    init: false,
    scope: 'read',
    summary: 'Binds the connection to a project, a name and an absolute root folder.',
  }),
  getProjects: method({
    params: empty,
    result: z.array(z.strictObject({ name: z.string(), projectRoot: z.string() })),
    init: false,
    scope: 'read',
    summary: 'The projects that the server knows, in the order in which they were first opened.',
  }),
  subscribe: method({
    params: z.strictObject({ run: run.optional(), since: z.int().min(0).optional() }),
    result: z.strictObject({ subscription: z.int(), lastSeq: z.int() }),
    init: true,
    scope: 'read',
    summary: 'Replays the events after `since`, sends `replay/synced`, then every new one.',
  }),
  unsubscribe: method({
    params: z.strictObject({ subscription: z.int() }),
    result: empty,
    init: true,
    scope: 'read',
    summary: 'Ends an event subscription.',
  }),
};
