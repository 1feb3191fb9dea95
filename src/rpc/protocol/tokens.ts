import { z } from 'zod';
import { method } from './method.ts';
import { alias, empty } from './shapes.ts';

const name = alias.describe('Whose it is: 1 to 64 characters of A-Z a-z 0-9 . _ -.');
const scope = z.enum(['read', 'run', 'runner', 'admin']);

/** Tokens for others than the owner of the data folder (SPEC {#tokens}). */
export const tokenMethods = {
  'token/add': method({
    params: z.strictObject({ name, scope }),
    result: z.strictObject({ name: z.string(), scope, token: z.string() }),
    init: false,
    scope: 'admin',
    summary: 'Makes a token; it is shown this once, and only its hash is kept.',
  }),
  'token/list': method({
    params: empty,
    result: z.array(z.strictObject({ name: z.string(), scope, createdAt: z.int() })),
    init: false,
    scope: 'admin',
    summary: 'Tokens that were made: name, scope, age; never the tokens.',
  }),
  'token/revoke': method({
    params: z.strictObject({ name }),
    result: z.strictObject({ name: z.string(), connections: z.int().describe('Connections that ended with it.') }),
    init: false,
    scope: 'admin',
    summary: 'Takes a token back; every connection that came with it ends.',
  }),
};
