import { z } from 'zod';
import { MODEL_OUTCOMES } from '../model/model-failure.ts';

const condition = z.strictObject({
  /** Only in loops of this mode. */
  mode: z.enum(['ask', 'act']).optional(),
  /** Only when the loop's prompt matches, a regular expression between slashes. */
  prompt: z
    .string()
    .regex(/^\/[\s\S]+\/[ims]*$/, 'must be a regular expression such as /deploy/i')
    .optional(),
});

const step = z.strictObject({
  /** What the model says; `{{match:/total (\d+)/}}` quotes the newest tool result that matches, `{{prompt}}` the prompt. */
  say: z.string().optional(),
  calls: z.array(z.strictObject({ tool: z.string().min(1), input: z.record(z.string(), z.unknown()).default({}) })).optional(),
  /** The model fails with this outcome. */
  fail: z.enum(MODEL_OUTCOMES).optional(),
  delay_ms: z.int().min(0).max(600_000).optional(),
  /** Steps whose condition does not hold are not part of the scenario. */
  when: condition.optional(),
});

const schema = z.strictObject({ steps: z.array(step).min(1) });

export type Condition = z.infer<typeof condition>;
export type Step = z.infer<typeof step>;
export type Scenario = z.infer<typeof schema>;

/** Checks a scenario; a list of steps alone will do. Throws with the field that is wrong. */
export function parseScenario(value: unknown): Scenario {
  const parsed = schema.safeParse(Array.isArray(value) ? { steps: value } : value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new Error(`${issue?.path.join('.') || 'the file'}: ${issue?.message ?? 'is no scenario'}`);
}
