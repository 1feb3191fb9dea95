import { z } from 'zod';
import { method } from './method.ts';
import { LIMITS } from './shapes.ts';

const decision = z.enum(['allow', 'ask', 'deny']);
const ruleText = z.string().min(1).max(4096).describe('tool(pattern), such as sh(git status *) or set(file://src/**).');

/** A rule as it is listed and told. */
export const ruleShape = z.strictObject({
  id: z.int().optional().describe('Of one that is stored; those of the configuration have none.'),
  source: z.enum(['config', 'stored']),
  decision,
  rule: z.string(),
  by: z.string().optional(),
  at: z.int().optional(),
  via: z.string().optional().describe('The proposal whose answer wrote it: run and path.'),
  removedBy: z.string().optional(),
  removedAt: z.int().optional(),
});

const part = z.strictObject({ text: z.string(), decision, rule: z.string().optional(), reason: z.string() });

/** Rules on what needs no answer, or gets none (SPEC {#policy_methods}). */
export const policyMethods = {
  'policy/list': method({
    params: z.strictObject({ removed: z.boolean().optional() }),
    result: z.strictObject({ rules: z.array(ruleShape), readOnly: z.boolean() }),
    init: true,
    scope: 'read',
    wide: true,
    summary: 'The rules of the configuration and of the project; with `removed` also those that were taken back.',
  }),
  'policy/add': method({
    params: z.strictObject({ decision, rule: ruleText }),
    result: ruleShape,
    init: true,
    scope: 'admin',
    summary: 'Adds a rule to the project; it holds for what is proposed from then on.',
  }),
  'policy/remove': method({
    params: z.strictObject({ id: z.int().min(1) }),
    result: ruleShape,
    init: true,
    scope: 'admin',
    summary: 'Takes a rule of the project back; it stays on record.',
  }),
  'policy/check': method({
    params: z.strictObject({
      tool: z.string().min(1).max(128),
      command: z.string().max(LIMITS.promptChars).optional().describe('A shell command, run as it is by that tool.'),
      subjects: z
        .array(z.string().max(LIMITS.promptChars))
        .min(1)
        .max(16)
        .optional()
        .describe('What the proposal of another tool is about: file://src/a.ts, POST https://example.com/; of a move both paths.'),
      input: z.record(z.string(), z.unknown()).optional().describe('Input of a tool that runs shell commands, such as sh.'),
    }),
    result: z.strictObject({
      decision,
      by: z.enum(['rule', 'default', 'none']),
      rule: z.string().optional(),
      reason: z.string(),
      commands: z.array(part),
      remember: z.array(z.string()),
      forbid: z.string().optional(),
    }),
    init: true,
    scope: 'read',
    summary: 'What would be decided on a proposal of the model, by which rule, for each command in it; nothing is run.',
  }),
};
