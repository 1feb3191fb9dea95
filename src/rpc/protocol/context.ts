import { z } from 'zod';
import { usage } from './shapes.ts';

/** What requests to a model came to (SPEC {#usage}). */
export const meter = {
  usage: usage.nullable(),
  cost: z.number().nullable(),
  requests: z.int(),
  firstMs: z.int().nullable(),
  totalMs: z.int().nullable(),
};

/** One turn among those of a run. */
export const turnUsage = z.strictObject({ turn: z.int(), loop: z.int(), phase: z.enum(['asking', 'dispatching', 'done']), ...meter });

/** Per million tokens. */
export const price = z.strictObject({
  input: z.number().min(0),
  output: z.number().min(0),
  cached: z.number().min(0).optional(),
  written: z.number().min(0).optional(),
});

const message = z.strictObject({
  message: z.int(),
  role: z.enum(['system', 'user', 'assistant', 'tool']),
  callId: z.string().optional(),
  tool: z.string().optional(),
  calls: z.array(z.strictObject({ id: z.string(), tool: z.string(), input: z.record(z.string(), z.unknown()) })).optional(),
});

const piece = z.strictObject({
  ordinal: z.int(),
  message: z.int(),
  form: z.enum(['exact', 'digest', 'literal']),
  path: z.string().nullable(),
  from: z.int(),
  to: z.int(),
  tokens: z.int(),
  text: z.string().optional(),
});

/** All that a model was sent in a turn (SPEC {#context_record}). */
export const contextResult = z.strictObject({
  run: z.string(),
  turn: z.int(),
  ...meter,
  messages: z.array(message),
  pieces: z.array(piece),
  tools: z.array(z.strictObject({ name: z.string(), description: z.string(), inputSchema: z.record(z.string(), z.unknown()) })),
});
