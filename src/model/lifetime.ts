import { z } from 'zod';

/**
 * How long a command may run without its server: `server`, it ends with a planned stop; a number of milliseconds, counted from the
 * moment the server has gone, however it went; `forever` (SPEC {#lifetime}).
 */
export type Lifetime = 'server' | 'forever' | number;

const UNITS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
type Unit = keyof typeof UNITS;
/** The larger ones first, for writing. */
const WRITTEN = ['d', 'h', 'm', 's'] as const;
const MAX_MS = 365 * UNITS.d;

/** Default for a model's commands. */
export const MODEL_LIFETIME: Lifetime = 24 * UNITS.h;
/** Default for clients' own commands. */
export const CLIENT_LIFETIME: Lifetime = 'forever';
/** What is left to a command with lifetime `server` whose server has gone without a planned stop (milliseconds). */
export const AFTER_CRASH_MS = 10 * UNITS.m;

export const LIFETIME_FORMS = '`server`, `forever`, or a duration from 1 s to 365 days such as `30s`, `15m`, `24h` or `7d`';
const DURATION = /^[1-9]\d{0,8}[smhd]$/;
const PATTERN = /^(?:server|forever|[1-9]\d{0,8}[smhd])$/;
const PROBLEM = `must be ${LIFETIME_FORMS.replaceAll('`', '')}`;

/** A lifetime as people and programs write it; undefined if it is not a lifetime. */
export function parseLifetime(text: string): Lifetime | undefined {
  return text === 'server' || text === 'forever' ? text : parseDuration(text);
}

/** Milliseconds of a duration such as `30s` or `7d`; undefined if it is not a duration, or over 365 days. */
export function parseDuration(text: string): number | undefined {
  if (!DURATION.test(text)) return undefined;
  const ms = Number(text.slice(0, -1)) * UNITS[text.slice(-1) as Unit];
  return ms <= MAX_MS ? ms : undefined;
}

/** The same lifetime in text, in the largest unit that fits; a day is 24h. */
export function lifetimeText(lifetime: Lifetime): string {
  if (typeof lifetime === 'string') return lifetime;
  const unit = WRITTEN.find((one) => lifetime % UNITS[one] === 0 && lifetime !== UNITS.d * Number(one === 'd')) ?? 's';
  return `${Math.ceil(lifetime / UNITS[unit])}${unit}`;
}

/** A lifetime in params, in a run's settings, in the configuration. */
export const lifetimeParam = z
  .string()
  .regex(PATTERN, { error: PROBLEM, abort: true })
  .refine((text) => parseLifetime(text) !== undefined, PROBLEM);

/** How long a command runs once its server has gone without a planned stop; undefined: without an end. */
export function aloneMs(lifetime: Lifetime | undefined): number | undefined {
  if (lifetime === undefined || lifetime === 'forever') return undefined;
  return lifetime === 'server' ? AFTER_CRASH_MS : lifetime;
}

/** A duration in params. */
export const durationParam = z
  .string()
  .refine((text) => parseDuration(text) !== undefined, 'must be a duration from 1 s to 365 days such as 30s, 15m, 24h or 7d');
