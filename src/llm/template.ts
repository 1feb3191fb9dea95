import { messageOf } from '../core/errors.ts';
import { boundedPattern } from '../core/line-pattern.ts';
import { ModelFailure } from '../model/model-failure.ts';
import type { ModelMessage, ModelRequest } from '../model/ports/model-provider.ts';
import type { Condition } from './scenario.ts';

const PLACE = /\{\{\s*(match|prompt)(?::\/((?:[^/\\]|\\.)+)\/([ims]*))?\s*\}\}/g;

/**
 * Fills in a template: `{{match:/regex/}}` is the first group (or the whole) of the newest tool result that matches,
 * `{{prompt}}` the loop's prompt and `{{prompt:/regex/}}` the first group in it. What nothing matches becomes `(nothing)`.
 */
export function fill(template: string, request: ModelRequest): string {
  return template.replace(PLACE, (_, source: string, pattern: string | undefined, flags: string | undefined) => {
    const texts = source === 'prompt' ? [request.prompt] : resultsOf(request.messages);
    if (pattern === undefined) return texts[0] ?? '(nothing)';
    const regex = expressionOf(pattern, flags ?? '');
    for (const text of texts) {
      const match = regex.exec(text);
      if (match) return match[1] ?? match[0];
    }
    return '(nothing)';
  });
}

/** The same for every string within a value. */
export function fillDeep(value: unknown, request: ModelRequest): unknown {
  if (typeof value === 'string') return fill(value, request);
  if (Array.isArray(value)) return value.map((one) => fillDeep(one, request));
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, fillDeep(one, request)]));
  }
  return value;
}

/** True when a step belongs to this loop. */
export function conditionHolds(when: Condition, request: ModelRequest): boolean {
  if (when.mode !== undefined && when.mode !== request.mode) return false;
  if (when.prompt === undefined) return true;
  const end = when.prompt.lastIndexOf('/');
  return expressionOf(when.prompt.slice(1, end), when.prompt.slice(end + 1)).test(request.prompt);
}

function expressionOf(pattern: string, flags: string): RegExp {
  try {
    return boundedPattern(pattern, flags, pattern.slice(0, 40));
  } catch (error) {
    throw new ModelFailure('model_config', `The scenario cannot be played: ${messageOf(error)}.`);
  }
}

/** Newest first. */
function resultsOf(messages: readonly ModelMessage[]): string[] {
  return messages
    .filter((message) => message.role === 'tool')
    .map(({ text }) => text)
    .reverse();
}
