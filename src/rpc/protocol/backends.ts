import { z } from 'zod';
import { method } from './method.ts';
import { alias } from './shapes.ts';

const row = z.strictObject({
  name: z.string(),
  available: z.boolean(),
  reason: z.string().optional().describe('Why it is not available, and how to get it.'),
  detail: z.string().optional().describe('What was found, such as a version and a socket.'),
  stdin: z.boolean().optional(),
  tty: z.boolean().optional(),
  ttyReason: z.string().optional().describe('Why it has no terminals, and how to get them.'),
  signals: z.array(z.string()).optional(),
  adopt: z.boolean().optional().describe('Its commands outlive the runner and are taken up again.'),
  sandbox: z.strictObject({ available: z.boolean(), detail: z.string().optional(), reason: z.string().optional() }).optional(),
});

/** Where commands can run (SPEC {#backend_list}). */
export const backendMethods = {
  'backend/list': method({
    params: z.strictObject({ runner: alias.optional().describe('Default: the one of the server itself.') }),
    result: z.array(row),
    init: false,
    scope: 'read',
    summary: 'What each backend of a runner can do, and why not; of a runner of its own process only the names are known.',
  }),
};
