import { z } from 'zod';
import { DIALECTS } from '../../model/provider-kind.ts';
import { price } from './context.ts';
import { method } from './method.ts';
import { alias, empty, modelAlias, ok } from './shapes.ts';

/** Models (SPEC {#models}). */
export const modelMethods = {
  getModels: method({
    params: empty,
    result: z.array(
      z.strictObject({
        alias: z.string(),
        actual: z.string(),
        provider: z.string(),
        contextLength: z.int().nullable(),
        dialect: z.enum(DIALECTS),
        price: price.nullable(),
      }),
    ),
    init: true,
    scope: 'read',
    summary: 'The models that runs can name.',
  }),
  addModel: method({
    params: z.strictObject({
      alias,
      actual: z.string().min(1).max(512),
      contextLength: z.int().min(1000).optional(),
      provider: z.string().min(1).max(64).optional(),
      dialect: z.enum(DIALECTS).optional(),
      baseUrl: z
        .url({ protocol: /^https?$/, error: 'must be an http or https URL' })
        .max(2048)
        .refine((url) => !/^https?:\/\/[^/]*@/i.test(url), 'must carry no password; name the key with apiKeyEnv')
        .optional()
        .describe('Address of the API, such as http://127.0.0.1:11434/v1; `provider` then names the API that it speaks.'),
      apiKeyEnv: z
        .string()
        .max(128)
        .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'must be the name of an environment variable, not the key itself')
        .optional()
        .describe('With `baseUrl`: the variable of the server that holds the key.'),
      price: price
        .optional()
        .describe('What a million tokens cost; `cached` is input that the provider had kept, `written` input that it keeps now.'),
    }),
    result: z.strictObject({ alias: z.string(), problem: z.string().optional() }),
    init: true,
    scope: 'admin',
    summary:
      "Adds a model: our alias, the provider's name of it, and the provider. `problem` says what is missing before it can be asked, such as a key.",
  }),
  removeModel: method({
    params: z.strictObject({ alias: modelAlias }),
    result: ok,
    init: true,
    scope: 'admin',
    summary: 'Removes a model; runs that named it keep its alias.',
  }),
};
