import { visible, visibleLine } from '../../../src/core/visible-text.ts';
import type { Entry } from '../state/timeline.ts';

/** What the log entry of an action says about it, as far as it is of the expected kind. */
export interface Facts {
  readonly tool: string;
  readonly summary: string;
  readonly command: string | undefined;
  readonly diff: string | undefined;
  /** Lines that a change adds and removes. */
  readonly added: number;
  readonly removed: number;
  readonly options: readonly string[];
  /** Channels of its output; none for an action that has none. */
  readonly channels: readonly number[];
  readonly exitCode: number | undefined;
  readonly durationMs: number | undefined;
  readonly answered: { readonly action: string; readonly by: string; readonly output: string | undefined } | undefined;
  /** Rules that an answer with `remember` writes (SPEC {#policy_remember}). */
  readonly allow: readonly string[];
  readonly deny: string | undefined;
  /** Why people are asked. */
  readonly reason: string | undefined;
}

/** Reads the attributes of a log entry. */
export function factsOf({ attributes, path }: Entry): Facts {
  const { tool, summary, command, diff, options, channels, exit_code, duration_ms, resolution, remember, remember_reject } = attributes;
  return {
    tool: text(tool) ?? path.split('/')[3] ?? '',
    summary: shown(summary) ?? shown(command) ?? path,
    command: shown(command),
    diff: text(diff),
    added: number(attributes['added']) ?? 0,
    removed: number(attributes['removed']) ?? 0,
    options: strings(options),
    channels: Array.isArray(channels) ? channels.filter((channel) => typeof channel === 'number') : [],
    exitCode: number(exit_code),
    durationMs: number(duration_ms),
    answered: answerOf(record(resolution)),
    allow: strings(remember).map(visibleLine),
    deny: shownLine(remember_reject),
    reason: shownLine(record(attributes['verdict'])['reason']),
  };
}

function answerOf({ action, by, output }: Record<string, unknown>): Facts['answered'] {
  return typeof action === 'string' && typeof by === 'string' ? { action, by, output: text(output) } : undefined;
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** What people decide on is shown as it is, with nothing hidden or turned around in it. */
function shown(value: unknown): string | undefined {
  return typeof value === 'string' ? visible(value) : undefined;
}

/** The same where lines are not kept apart. */
function shownLine(value: unknown): string | undefined {
  return typeof value === 'string' ? visibleLine(value) : undefined;
}

function number(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined;
}

function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
