import { z } from 'zod';
import { durationParam } from '../../model/lifetime.ts';
import { method } from './method.ts';
import { alias, empty, scope } from './shapes.ts';

const name = alias.describe('Whose it is: 1 to 64 characters of A-Z a-z 0-9 . _ -.');
const projects = z.array(z.string().min(1).max(128)).min(1).max(100);
const bounds = {
  projects: projects.nullable().describe('Names of the projects that it is bound to; null: every one.'),
  ownRuns: z.boolean().describe('Bound to the runs that are made with it.'),
  expiresAt: z.int().nullable().describe('When it expires, milliseconds since the epoch; null: never.'),
};
const lastUsedAt = z
  .int()
  .nullable()
  .describe('When a connection or a call last came with it, to the minute, milliseconds since the epoch; null: never.');

/** Tokens for others than the owner of the data folder (SPEC {#tokens}). */
export const tokenMethods = {
  'token/add': method({
    params: z.strictObject({
      name,
      scope,
      projects: projects.optional().describe('Names of the projects that it is bound to, for scopes read and run; left out: every one.'),
      ownRuns: z.boolean().optional().describe('Binds it to the runs that are made with it, for scope run; left out: every run.'),
      expires: durationParam.optional().describe('How long it is taken, such as 30m, 24h or 7d; left out: until it is revoked.'),
    }),
    result: z.strictObject({ name: z.string(), scope, ...bounds, token: z.string() }),
    init: false,
    scope: 'admin',
    summary: 'Makes a token; it is shown this once, and only its hash is kept.',
  }),
  'token/list': method({
    params: empty,
    result: z.array(z.strictObject({ name: z.string(), scope, createdAt: z.int(), ...bounds, lastUsedAt })),
    init: false,
    scope: 'admin',
    summary: 'Tokens that were made: name, scope, age, bounds, last use; never the tokens.',
  }),
  'token/revoke': method({
    params: z.strictObject({ name }),
    result: z.strictObject({ name: z.string(), connections: z.int().describe('Connections that ended with it.') }),
    init: false,
    scope: 'admin',
    summary: 'Takes a token back; every connection that came with it ends.',
  }),
};
