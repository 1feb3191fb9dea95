import { z } from 'zod';
import { COMMAND_STATES } from '../command.ts';

/** Milliseconds that a tool may hold its answer back. */
const MAX_WAIT_MS = 600_000;
/** Below the minute after which many clients give a call up. */
export const DEFAULT_WAIT_MS = 30_000;

export const waitMs = z.int().min(0).max(MAX_WAIT_MS);
export const logPath = z.string().min(1).max(512).describe('The path that sh returned, for example log://turn_0/sh/npm-test.');
export const runAlias = z.string().min(1).max(64).describe('Run of the command. Default: the one of this session.');

/** What is said of a command as data. */
export const commandShape = z.object({
  run: z.string(),
  path: z.string(),
  status: z.enum(COMMAND_STATES),
  exit_code: z.int().nullable(),
  signal: z.string().nullable(),
  outcome: z.string().nullable(),
  channels: z.array(z.object({ channel: z.int(), path: z.string(), uri: z.string(), bytes: z.int() })),
});
