import { z } from 'zod';

const MAX_YIELD_MS = 3600_000;
const MAX_TIMEOUT_MS = 7 * 24 * 3600_000;

/** The parameter `yield_ms` of a tool, with what happens when it is left out. */
export function yieldParam(description: string): z.ZodOptional<z.ZodInt> {
  return z.int().min(0).max(MAX_YIELD_MS).describe(description).optional();
}

/** The parameter `timeout_ms` of a tool: a week at most unless it says less. */
export function timeoutParam(description: string, maxMs = MAX_TIMEOUT_MS): z.ZodOptional<z.ZodInt> {
  return z.int().min(1).max(maxMs).describe(description).optional();
}
